//! Findings in the forms that readers want.
mod machine;
mod text;

pub use machine::{github, json, sarif};
pub use text::text;

use super::files::Manifest;
use crate::lint::{Report, Severity};
use crate::yaml::Lines;

/// What is said of one file.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The file.
    pub manifest: &'a Manifest,
    /// What is said of it.
    pub report: &'a Report,
}

/// How much was found, in a line.
pub fn summary(told: &[Told]) -> String {
    let of = |severity| told.iter().flat_map(|told| &told.report.findings).filter(|one| one.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let stacks: usize = told.iter().map(|told| told.report.stacks.len()).sum();
    let place = format!("{} in {}", counted(stacks, "stack"), counted(told.len(), "file"));
    match (errors, warnings) {
        (0, 0) if stacks == 0 => format!("no stack in {}", counted(told.len(), "file")),
        (0, 0) => format!("{place}: nothing is wrong"),
        _ => format!("{place}: {}, {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

/// What is no stack, a line each.
pub fn passed_over(told: &[Told]) -> Vec<String> {
    let of_file = |told: &Told| {
        let lines = Lines::new(&told.manifest.text);
        let line = |(span, kind): &(crate::yaml::Span, String)| {
            format!("{}:{}: passed over: {kind}", told.manifest.name, lines.place(span.start).0)
        };
        told.report.skipped.iter().map(line).collect::<Vec<_>>()
    };
    told.iter().flat_map(of_file).collect()
}

/// How severe, in a word.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A number of things, such as `1 service` and `2 services`.
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
