//! For programs: JSON, SARIF, and the annotations of GitHub Actions.
use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::{Told, word};
use crate::codes::Code;
use crate::lint::{Finding, Severity};
use crate::yaml::Lines;

/// A finding with its file, and its place from line and column to line and column.
struct Placed<'a> {
    file: &'a str,
    finding: &'a Finding,
    from: (usize, usize),
    to: (usize, usize),
}

fn placed<'a>(told: &[Told<'a>]) -> Vec<Placed<'a>> {
    let of_file = |told: &Told<'a>| {
        let lines = Lines::new(&told.manifest.text);
        let place = |finding: &'a Finding| {
            let (from, to) = (lines.place(finding.span.start), lines.place(finding.span.end));
            Placed { file: &told.manifest.name, finding, from, to }
        };
        told.report.findings.iter().map(place).collect::<Vec<_>>()
    };
    told.iter().flat_map(of_file).collect()
}

fn sentence(finding: &Finding) -> String {
    let path = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
    let fix = if finding.fix.is_empty() { String::new() } else { format!("; {}", finding.fix) };
    format!("{path}{}{fix}", finding.reason)
}

/// All findings and their count.
pub fn json(told: &[Told]) -> String {
    let of = |one: &Placed| {
        json!({
            "code": one.finding.code.to_string(),
            "title": one.finding.code.row().title,
            "severity": word(one.finding.severity),
            "refusedBy": if one.finding.severity == Severity::Warning { Value::Null }
                else if one.finding.refused { "api server".into() } else { "operator".into() },
            "file": one.file,
            "line": one.from.0, "column": one.from.1, "endLine": one.to.0, "endColumn": one.to.1,
            "path": one.finding.path,
            "reason": one.finding.reason,
            "fix": one.finding.fix,
        })
    };
    let findings = placed(told);
    let count = |severity| findings.iter().filter(|one| one.finding.severity == severity).count();
    let summary = json!({
        "files": told.len(),
        "stacks": told.iter().map(|told| told.report.stacks.len()).sum::<usize>(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
    });
    pretty(&json!({ "findings": findings.iter().map(of).collect::<Vec<_>>(), "summary": summary }))
}

/// The log of a static analysis, version 2.1.0.
pub fn sarif(told: &[Told]) -> String {
    let findings = placed(told);
    let codes: BTreeSet<Code> = findings.iter().map(|one| one.finding.code).collect();
    let rule = |code: &Code| {
        json!({
            "id": code.to_string(),
            "shortDescription": { "text": code.row().title },
            "fullDescription": { "text": code.row().explanation },
        })
    };
    let result = |one: &Placed| {
        let region = json!({ "startLine": one.from.0, "startColumn": one.from.1, "endLine": one.to.0, "endColumn": one.to.1 });
        json!({
            "ruleId": one.finding.code.to_string(),
            "level": word(one.finding.severity),
            "message": { "text": sentence(one.finding) },
            "locations": [{
                "physicalLocation": { "artifactLocation": { "uri": one.file }, "region": region },
                "logicalLocations": [{ "fullyQualifiedName": one.finding.path }],
            }],
        })
    };
    let driver = json!({
        "name": "mstack",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": codes.iter().map(rule).collect::<Vec<_>>(),
    });
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": findings.iter().map(result).collect::<Vec<_>>() }],
    }))
}

/// Workflow commands, a line each.
pub fn github(told: &[Told]) -> String {
    let mut out = String::new();
    for one in placed(told) {
        let Placed { file, finding, from, to } = one;
        let file = escaped(file).replace(':', "%3A").replace(',', "%2C");
        let place = format!("file={file},line={},col={},endLine={},endColumn={}", from.0, from.1, to.0, to.1);
        let (word, code) = (word(finding.severity), finding.code);
        let _ = writeln!(out, "::{word} {place},title={code}::{}", escaped(&sentence(finding)));
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
