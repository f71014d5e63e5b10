//! What the documents show is true: their stacks are stacks, their commands exist and run, and what they point to is there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use mstack::cli::Cli;
use mstack::codes::Code;
use mstack::lint::{self, Severity};
use shell::{Document, Line, blocks, documents, root, spans};

const CLI: &str = include_str!("../docs/cli.md");
const NOTES: &str = include_str!("../charts/mstack/templates/NOTES.txt");
/// Every command of a document: those of its shell blocks and sessions, and those within its sentences.
fn commands(document: &Document) -> (Vec<Line>, Vec<Line>) {
    (shell::shown(&document.text), shell::told(&document.text))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    text.split(begin).nth(1).and_then(|rest| rest.split(end).next()).unwrap()
}

fn errors(text: &str) -> Vec<lint::Finding> {
    lint::lint(text).findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect()
}

/// A whole stack has no error. A part of one, such as `services:` alone, has no field that is not known and none of a wrong type.
#[test]
fn the_stacks_of_the_documents_are_stacks() {
    let fields: BTreeSet<&str> =
        lint::SCHEMA["properties"]["spec"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let (mut whole, mut parts) = (0, 0);
    for document in documents() {
        for block in blocks(&document.text, "yaml") {
            let place = document.path.display();
            let read = mstack::yaml::read(block);
            assert!(read.errors.is_empty(), "{place}: {:?}\n{block}", read.errors);
            if block.contains("kind: MicroserviceStack") {
                assert_eq!(errors(block), [], "{place}\n{block}");
                whole += 1;
                continue;
            }
            let inner = match block.strip_prefix("spec:\n") {
                Some(inner) => inner.to_owned(),
                None if read.documents[0].root.entries().iter().all(|entry| fields.contains(entry.key.as_str())) => {
                    block.lines().fold(String::new(), |text, line| text + "  " + line + "\n")
                }
                None => continue,
            };
            let head = "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {name: part}\nspec:\n";
            let shape = [Code::UnknownField, Code::WrongType, Code::NotAllowed];
            let wrong: Vec<_> = errors(&format!("{head}{inner}")).into_iter().filter(|one| shape.contains(&one.code)).collect();
            assert_eq!(wrong, [], "{place}\n{block}");
            parts += 1;
        }
    }
    assert!(whole >= 1 && parts >= 2, "{whole} stacks and {parts} parts");
}

#[test]
fn the_stack_that_the_chart_prints_has_no_error() {
    assert_eq!(errors(between(NOTES, "<<'END'\n", "     END\n")), []);
}

/// Reasons, phases and causes as the code has them: words in the rooms that tell how a stack is. Those of Kubernetes that are
/// only read, and names of kinds, are none.
fn reasons() -> BTreeSet<String> {
    const ROOMS: [&str; 10] = [
        "src/status.rs",
        "src/status",
        "src/controller",
        "src/plan.rs",
        "src/plan",
        "src/readiness.rs",
        "src/observed/child.rs",
        "src/model/guard.rs",
        "src/cluster/apply.rs",
        "src/cluster/data.rs",
    ];
    const OTHERS: [&str; 3] = ["True", "False", "Apply"];
    let files = ROOMS.iter().flat_map(|room| match fs::read_dir(root().join(room)) {
        Ok(folder) => folder.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![root().join(room)],
    });
    let mut found = BTreeSet::new();
    for file in files.filter(|file| file.is_file()) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().replace("\\\"", "");
        let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let is_word = |text: &&str| text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(char::is_alphanumeric);
        found.extend(code.split('"').skip(1).step_by(2).filter(is_word).map(str::to_owned));
    }
    found.retain(|word| !OTHERS.contains(&word.as_str()));
    found
}

#[test]
fn every_reason_and_phase_of_the_code_is_explained_to_who_is_on_call() {
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let explained: BTreeSet<&str> = spans(&page).into_iter().collect();
    let reasons = reasons();
    for known in ["RolledBack", "VersionRefused", "CredentialsMissing", "ApplyRefused", "Testing"] {
        assert!(reasons.contains(known), "the code's words are not found: {reasons:?}");
    }
    let api = fs::read_to_string(root().join("src/api/status.rs")).unwrap();
    let phases = between(&api, "pub enum Phase {", "}").lines().filter_map(|line| line.trim().strip_suffix(','));
    let missing: Vec<_> = reasons.iter().map(String::as_str).chain(phases).filter(|word| !explained.contains(word)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Commands without a cluster run as they stand, and nothing of them is refused. Each runs once, in the repository.
#[test]
fn the_commands_of_the_documents_run() {
    let mut run = BTreeSet::new();
    for document in documents() {
        let (shown, _) = commands(&document);
        for line in shown.into_iter().filter(Line::is_offline) {
            let args = line.arguments();
            let placeholder = args.iter().any(|word| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()));
            if placeholder || !run.insert(args.clone()) {
                continue;
            }
            let output = Command::new(env!("CARGO_BIN_EXE_mstack")).current_dir(root()).args(&args).output().unwrap();
            let place = document.path.display();
            assert!(output.status.success(), "{place}: {line}\n{}", String::from_utf8_lossy(&output.stderr));
            assert!(!output.stdout.is_empty() || args[0] == "lint", "{place}: {line} prints nothing");
        }
    }
    assert!(run.len() >= 15, "only {} commands", run.len());
}

/// Whatever the documents call of `mstack` exists, with its options; also where only a cluster could run it.
#[test]
fn every_command_and_option_of_the_documents_exists() {
    let mut command = Cli::command();
    command.build();
    let mut seen = 0;
    for document in documents() {
        let (shown, told) = commands(&document);
        let place = document.path.display().to_string();
        for line in shown.iter().filter(|line| line.is_mstack()) {
            let args = std::iter::once("mstack".to_owned()).chain(line.arguments());
            let asked = Cli::command().try_get_matches_from(args);
            let kind = asked.err().map(|error| error.kind());
            let fine = [None, Some(clap::error::ErrorKind::DisplayHelp), Some(clap::error::ErrorKind::DisplayVersion)];
            assert!(fine.contains(&kind), "{place}: `{line}` is not understood: {kind:?}");
            seen += 1;
        }
        for line in told.iter().filter(|line| line.is_mstack()) {
            exists(&command, line, &place);
            seen += 1;
        }
    }
    assert!(seen >= 40, "only {seen} commands");
}

/// A command within a line may be cut short: its name and its options exist.
fn exists(command: &clap::Command, line: &Line, place: &str) {
    let mut at = command;
    for word in line.arguments() {
        if let Some(sub) = at.find_subcommand(&word) {
            at = sub;
        } else if std::ptr::eq(at, command) && !word.starts_with('-') {
            panic!("{place}: `{line}`: there is no command `{word}`");
        } else if let Some(name) = word.strip_prefix("--").map(|flag| flag.split('=').next().unwrap_or_default()) {
            let known = at.get_arguments().chain(command.get_arguments()).any(|arg| arg.get_long() == Some(name));
            assert!(known || name == "help", "{place}: `{line}`: there is no option --{name}");
        } else if let Some(name) = word.strip_prefix('-').and_then(|flag| flag.chars().next()) {
            let known = at.get_arguments().any(|arg| arg.get_short() == Some(name));
            assert!(known, "{place}: `{line}`: there is no option -{name}");
        }
    }
}

/// Lines of kubectl and helm have a verb and options that these have, whole quotes, and patches that are JSON.
#[test]
fn every_line_of_kubectl_and_helm_parses() {
    let mut seen = 0;
    for document in documents() {
        let (shown, told) = commands(&document);
        let (shown, told) = (shown.iter().map(|line| (line, true)), told.iter().map(|line| (line, false)));
        for (line, whole) in shown.chain(told) {
            if let Err(why) = shell::judge(line, whole) {
                panic!("{}: `{line}`: {why}", document.path.display());
            }
            seen += usize::from(line.is_of_a_cluster());
        }
    }
    assert!(seen >= 35, "only {seen} lines");
}

#[test]
fn whatever_the_documents_have_made_can_be_made() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let is_there = |target: &String| makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
    let mut seen = 0;
    for document in documents() {
        let (shown, told) = commands(&document);
        for line in shown.iter().chain(&told).filter(|line| line.words[0] == "make" && line.words.len() == 2) {
            assert!(is_there(&line.words[1]), "{}: `{line}`", document.path.display());
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} targets");
}

#[test]
fn every_command_is_in_the_documents() {
    let command = Cli::command();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = sub.get_name();
        let inside = ["operator", "volume-guard"].contains(&name);
        assert!(inside || CLI.contains(&format!("mstack {name}")), "docs/cli.md does not have `mstack {name}`");
    }
}

/// Links lead to files that are there, and to headings that they have.
#[test]
fn what_the_documents_link_to_is_there() {
    for document in documents() {
        let links = document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.path.clone() } else { document.path.parent().unwrap().join(file) };
            let place = document.path.display();
            assert!(target.exists(), "{place} links to {link}, which is not there");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                assert!(anchors(&text).contains(anchor), "{place} links to {link}, and {} has no such heading", target.display());
            }
        }
    }
}

/// The anchors of headings, as they are made of their words.
fn anchors(text: &str) -> BTreeSet<String> {
    let outside = text.split("```").step_by(2).collect::<String>();
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    outside.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// What an application's team and an on-call engineer begin with is reached from the first page.
#[test]
fn each_decision_has_a_number_of_its_own() {
    let mut pages: Vec<_> = fs::read_dir(root().join("docs/adr")).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    for (number, page) in (1..).zip(pages) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{number:04}-")), "{name} should be number {number}");
        assert!(
            fs::read_to_string(&page).unwrap().starts_with(&format!("# {number}. ")),
            "{name} has another number in its title"
        );
    }
}

#[test]
fn every_document_is_reached_from_the_readme() {
    let all = documents();
    let of = |path: &Path| all.iter().find(|document| document.path.canonicalize().unwrap() == path);
    let mut found = BTreeSet::new();
    let mut todo = vec![root().join("README.md").canonicalize().unwrap()];
    while let Some(path) = todo.pop() {
        let Some(document) = of(&path).filter(|_| found.insert(path.clone())) else { continue };
        for link in document.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            todo.extend(document.path.parent().unwrap().join(link).canonicalize().ok());
        }
    }
    let is_decision = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("adr"));
    let lost: Vec<_> = all
        .iter()
        .map(|document| document.path.canonicalize().unwrap())
        .filter(|path| !found.contains(path) && !is_decision(path))
        .collect();
    assert!(lost.is_empty(), "no page leads to {lost:?}");
}
