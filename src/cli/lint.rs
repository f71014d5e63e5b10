//! `mstack lint`: everything that is wrong with the stacks of some files, without a cluster.
use std::collections::BTreeMap;

use clap::ValueEnum;

use super::common::files::{Files, Manifest};
use super::common::output::{self, Outcome, Screen};
use super::common::report::{self, Told};
use crate::codes::Code;
use crate::lint::{self, Finding, Report, Severity};

/// Options of `mstack lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be judged.\n\
    A comment `# mstack: allow MS0708` allows a finding: at the end of a line on that line, on a line of its own for the \
    next key and all below it, above the first key for its document. `mstack explain MS0708` tells more of a code.")]
pub struct Args {
    #[command(flatten)]
    files: Files,
    /// Form of the findings.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Form,
    /// What else is an error.
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Vec<Deny>,
    /// Tell what is passed over, too.
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people: the place in the text, the reason and a fix.
    Text,
    /// For programs.
    Json,
    /// For code scanning (SARIF 2.1.0).
    Sarif,
    /// For the annotations of GitHub Actions.
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings count as errors.
    Warnings,
}

/// Judges the files and tells what is wrong.
///
/// # Errors
/// When a file cannot be read.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    let manifests = args.files.read()?;
    let mut reports: Vec<Report> = manifests.iter().map(|manifest| lint::lint(&manifest.text)).collect();
    twice(&manifests, &mut reports);
    if args.deny.contains(&Deny::Warnings) {
        reports.iter_mut().flat_map(|report| &mut report.findings).for_each(|finding| finding.severity = Severity::Error);
    }
    let told: Vec<Told> = manifests.iter().zip(&reports).map(|(manifest, report)| Told { manifest, report }).collect();
    output::data(&match args.output {
        Form::Text => report::text(&told, screen),
        Form::Json => report::json(&told),
        Form::Sarif => report::sarif(&told),
        Form::Github => report::github(&told),
    })?;
    if args.verbose {
        for line in report::passed_over(&told) {
            eprintln!("{line}");
        }
    }
    eprintln!("{}", report::summary(&told));
    let errors = reports.iter().flat_map(|report| &report.findings).any(|finding| finding.severity == Severity::Error);
    Ok(if errors { Outcome::Found } else { Outcome::Good })
}

/// Tells stacks that are given twice, in one file or in several.
fn twice(manifests: &[Manifest], reports: &mut [Report]) {
    let mut first: BTreeMap<(Option<String>, String), String> = BTreeMap::new();
    for (manifest, report) in manifests.iter().zip(reports) {
        for stack in report.stacks.iter().filter(|stack| !stack.name.is_empty()) {
            let known = (stack.namespace.clone(), stack.name.clone());
            if let Some(other) = first.get(&known) {
                report.findings.push(Finding {
                    code: Code::SameStackTwice,
                    severity: Severity::Error,
                    path: "metadata.name".to_owned(),
                    reason: format!("the stack `{}` is given in {other} already", stack.name),
                    fix: "rename or remove one of them, or give them different namespaces".to_owned(),
                    refused: false,
                    span: stack.span.clone(),
                });
            } else {
                first.insert(known, manifest.name.clone());
            }
        }
    }
}
