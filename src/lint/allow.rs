//! Comments that allow a finding: `# mstack: allow MS0708`. At the end of a line it speaks of that line; on a line of its
//! own it speaks of the next key and all that belongs to it, and above the first key of the whole document.
use super::{Finding, Severity, finding};
use crate::codes::Code;
use crate::yaml::{Lines, Span};

const MARK: &str = "mstack: allow";

/// One code that a comment allows, and the lines that it speaks of.
struct Allowed {
    code: Option<Code>,
    word: String,
    lines: std::ops::RangeInclusive<usize>,
    span: Span,
    used: bool,
}

/// Takes away what is allowed, and tells comments that allow nothing.
pub fn apply(text: &str, comments: &[(Span, String)], findings: &mut Vec<Finding>) {
    let lines = Lines::new(text);
    let mut allowed: Vec<Allowed> = comments.iter().flat_map(|(span, words)| read(&lines, span, words)).collect();
    if allowed.is_empty() {
        return;
    }
    findings.retain(|finding| {
        let (line, _) = lines.place(finding.span.start);
        let mut kept = true;
        for one in allowed.iter_mut().filter(|one| one.code == Some(finding.code) && one.lines.contains(&line)) {
            one.used = true;
            kept = false;
        }
        kept
    });
    findings.extend(allowed.into_iter().filter(|one| !one.used).map(|one| {
        let reason = match one.code {
            Some(code) => format!("nothing here is {code}"),
            None => format!("`{}` is no code", one.word),
        };
        let warned = finding(Code::UnusedAllow, "", reason, "remove the comment", one.span);
        Finding { severity: Severity::Warning, refused: false, ..warned }
    }));
}

fn read(lines: &Lines, span: &Span, words: &str) -> Vec<Allowed> {
    let Some(codes) = words.strip_prefix(MARK) else { return Vec::new() };
    let (line, column) = lines.place(span.start);
    let own = lines.line(line).chars().take(column - 1).all(char::is_whitespace);
    let range = if own { below(lines, line) } else { line..=line };
    let separate = |c: char| c == ',' || c.is_whitespace();
    // What comes after ` - ` says why.
    let codes = codes.split(" - ").next().unwrap_or_default();
    let allowed = |word: &str| Allowed {
        code: Code::parse(word),
        word: word.to_owned(),
        lines: range.clone(),
        span: span.clone(),
        used: false,
    };
    codes.split(separate).filter(|word| !word.is_empty()).map(allowed).collect()
}

/// The lines of the next key and of all that is indented below it; from the first key on, those of the document.
fn below(lines: &Lines, comment: usize) -> std::ops::RangeInclusive<usize> {
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let indent = |line: &str| line.len() - line.trim_start().len();
    let separates = |number: &usize| lines.line(*number).starts_with("---");
    let Some(first) = (comment + 1..=lines.count()).find(|number| !blank(lines.line(*number))) else {
        return comment..=comment;
    };
    let opens = (1..comment).rev().take_while(|number| !separates(number)).all(|number| blank(lines.line(number)));
    let depth = indent(lines.line(first));
    let ends = |number: &usize| {
        let line = lines.line(*number);
        separates(number) || !opens && !blank(line) && indent(line) <= depth
    };
    first..=(first + 1..=lines.count()).find(ends).map_or(lines.count(), |end| end - 1)
}
