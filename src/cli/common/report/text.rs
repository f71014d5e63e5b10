//! For people: what, where in the text, and what to do.
use std::fmt::Write;

use super::super::output::{Colour, Screen};
use super::{Told, word};
use crate::lint::{Finding, Severity};
use crate::yaml::Lines;

/// All findings with the lines that they speak of.
pub fn text(told: &[Told], screen: Screen) -> String {
    let mut out = String::new();
    for told in told {
        let lines = Lines::new(&told.manifest.text);
        for finding in &told.report.findings {
            write(&mut out, screen, &told.manifest.name, &lines, finding);
        }
    }
    out
}

fn write(out: &mut String, screen: Screen, file: &str, lines: &Lines, finding: &Finding) {
    let (line, column) = lines.place(finding.span.start);
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let bar = screen.paint(Colour::Blue, "|");
    let colour = if finding.severity == Severity::Error { Colour::Red } else { Colour::Yellow };
    let head = screen.paint(colour, &format!("{}[{}]", word(finding.severity), finding.code));
    let _ = writeln!(out, "{head}{} {}", screen.paint(Colour::Bold, ":"), screen.paint(Colour::Bold, &finding.reason));
    let _ = writeln!(out, "{margin}{} {file}:{line}:{column}", screen.paint(Colour::Blue, "-->"));
    let (shown, before, marked) = window(lines.line(line), column, length(lines, finding), screen.width, number.len());
    let _ = writeln!(out, "{margin} {bar}");
    let _ = writeln!(out, "{} {bar} {shown}", screen.paint(Colour::Blue, &number));
    let mark = screen.paint(colour, &"^".repeat(marked));
    let path = if finding.path.is_empty() { String::new() } else { format!(" {}", finding.path) };
    let _ = writeln!(out, "{margin} {bar} {}{mark}{path}", " ".repeat(before));
    if !finding.fix.is_empty() {
        let _ = writeln!(out, "{margin} {} help: {}", screen.paint(Colour::Blue, "="), finding.fix);
    }
    out.push('\n');
}

/// How many characters of the line are marked; at least one.
fn length(lines: &Lines, finding: &Finding) -> usize {
    let ((line, column), (last, end)) = (lines.place(finding.span.start), lines.place(finding.span.end));
    let rest = lines.line(line).trim_end().chars().count() + 1;
    let end = if last == line { end } else { rest };
    end.saturating_sub(column).max(1)
}

/// The part of a line that fits the screen, what comes before the mark, and the mark's length.
fn window(line: &str, column: usize, length: usize, width: usize, margin: usize) -> (String, usize, usize) {
    let room = width.saturating_sub(margin + 3).max(20);
    let characters: Vec<char> = line.trim_end().replace('\t', " ").chars().collect();
    if characters.len() <= room {
        return (characters.into_iter().collect(), column - 1, length);
    }
    let start = (column - 1).saturating_sub(room / 3).min(characters.len().saturating_sub(room));
    let mut shown: Vec<char> = characters[start..].iter().copied().take(room).collect();
    if start > 0 {
        shown[0] = '…';
    }
    if start + room < characters.len() {
        shown[room - 1] = '…';
    }
    let before = column - 1 - start;
    (shown.into_iter().collect(), before, length.min(room.saturating_sub(before)).max(1))
}
