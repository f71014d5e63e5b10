//! What comes of Compose projects. Each folder of `tests/convert` is one: it is converted as its `cmd` says, by default
//! `mstack convert compose.yaml`; `out.yaml` is the stack and `err` what is told beside it. `UPDATE=1` writes both.
use std::path::{Path, PathBuf};
use std::process::Command;

use mstack::api::MicroserviceStack;
use mstack::lint::{self, Severity};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    cases
}

/// The answer of one case: standard output, and standard error with the exit code.
fn converted(case: &Path, more: &[&str]) -> (String, String) {
    let line = std::fs::read_to_string(case.join("cmd")).unwrap_or_else(|_| "mstack convert compose.yaml".to_owned());
    let args = line.split_whitespace().skip(1).chain(more.iter().copied());
    let output = Command::new(env!("CARGO_BIN_EXE_mstack")).current_dir(case).args(args).env_clear().output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (String::from_utf8(output.stdout).unwrap(), format!("{told}--- exit code {}\n", output.status.code().unwrap()))
}

#[test]
fn every_compose_project_gives_what_is_committed() {
    let mut failed = Vec::new();
    for case in cases() {
        let (out, err) = converted(&case, &[]);
        for (file, made) in [("out.yaml", out), ("err", err)] {
            let file = case.join(file);
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&file, &made).unwrap();
            }
            if std::fs::read_to_string(&file).unwrap_or_default() != made {
                failed.push(format!("{}:\n{made}", file.display()));
            }
        }
    }
    assert!(failed.is_empty(), "run `UPDATE=1 cargo test --test golden` and look at the difference\n{}", failed.join("\n"));
}

/// What is converted can be applied: neither the API server nor the operator would refuse it.
#[test]
fn what_is_converted_has_no_error() {
    for case in cases() {
        let text = std::fs::read_to_string(case.join("out.yaml")).unwrap();
        let findings = lint::lint(&text).findings;
        let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", case.display());
    }
}

/// The manifest is read by kubectl's rules as the stack that was made: nothing is lost in the writing.
#[test]
fn the_manifest_says_what_the_stack_says() {
    for case in cases() {
        let (manifest, _) = converted(&case, &[]);
        let (json, _) = converted(&case, &["-o", "json"]);
        let read = mstack::yaml::read(&manifest).documents[0].root.json();
        let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
        let of = |value: &serde_json::Value| serde_json::from_value::<MicroserviceStack>(value.clone()).unwrap();
        assert_eq!(of(&read), of(&answer["stack"]), "{}", case.display());
    }
}

/// Each note names a line that has the last key of its path, or the value that it speaks of.
#[test]
fn every_note_has_its_place_and_says_what_to_do_or_why_not() {
    for case in cases() {
        let (json, _) = converted(&case, &["-o", "json"]);
        let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
        for note in answer["notes"].as_array().unwrap() {
            let (file, line) = (note["file"].as_str().unwrap(), note["line"].as_u64().unwrap());
            let text = std::fs::read_to_string(case.join(file)).unwrap();
            let lines = u64::try_from(text.lines().count()).unwrap();
            assert!(line >= 1 && line <= lines, "{}: {note}", case.display());
            assert!(!note["what"].as_str().unwrap().is_empty(), "{}: {note}", case.display());
        }
    }
}

#[test]
fn what_is_no_compose_file_is_told_with_its_line() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("convert");
    std::fs::create_dir_all(&folder).unwrap();
    for (text, expected) in [
        ("services:\n  a: {image: x}\n  a: {image: y}\n", "error: compose.yaml:3: `a` is given a second time"),
        ("services: [\n", "error: compose.yaml:"),
        ("version: '3'\n", "error: compose.yaml: it has no `services`, so it is no Compose file"),
        ("services:\n  a:\n    extends: b\n", "error: compose.yaml:3: services.a extends `b`, which is not there"),
        ("include: [other.yaml]\nservices: {a: {image: x}}\n", "error: compose.yaml:1: other.yaml cannot be read"),
        ("services:\n  a: {extends: a}\n", "error: compose.yaml:2: services.a extends itself"),
    ] {
        std::fs::write(folder.join("compose.yaml"), text).unwrap();
        let (out, err) = converted(&folder, &[]);
        assert_eq!(out, "", "{text}");
        assert!(err.starts_with(expected) && err.ends_with("--- exit code 2\n"), "{text}\n{err}");
    }
}
