//! What the commands print, whole: at 80 columns and without colour. Each folder of `tests/commands` is a case: its `cmd` is
//! run inside of it, and `out` is what comes of it. `UPDATE=1` writes the `out`s.
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pretty_assertions::assert_eq;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

/// Runs `mstack` in a folder, with a file as its standard input where the folder has `stdin`.
fn mstack(folder: &Path, args: &[&str]) -> Output {
    let input = folder.join("stdin");
    let stdin = std::fs::File::open(input).map_or_else(|_| Stdio::null(), Stdio::from);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
    command.current_dir(folder).args(args).env_clear().env("COLUMNS", "80").stdin(stdin).output().unwrap()
}

fn told(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let err = if err.is_empty() { String::new() } else { format!("--- standard error\n{err}") };
    format!("{out}{err}--- exit code {code}\n").replace(version, "VERSION")
}

#[test]
fn every_command_prints_what_is_committed() {
    let mut failed = Vec::new();
    for case in cases() {
        let line = std::fs::read_to_string(case.join("cmd")).unwrap();
        let args: Vec<&str> = line.split_whitespace().skip(1).collect();
        let made = told(&mstack(&case, &args));
        failed.extend(crate::difference(&case, &made));
    }
    assert!(failed.is_empty(), "run `UPDATE=1 cargo test --test golden` and look at the difference\n{}", failed.join("\n"));
}

#[test]
fn what_people_read_fits_80_columns() {
    for case in cases().iter().filter(|case| !case.file_name().unwrap().to_string_lossy().contains("form")) {
        let out = std::fs::read_to_string(case.join("out")).unwrap_or_default();
        let data = out.split("--- standard error").next().unwrap();
        // What is said in words of its own is broken by the terminal.
        let words = |line: &&str| [" help: ", "error[", "warning[", " ^"].iter().any(|mark| line.contains(mark));
        for line in data.lines().filter(|line| !words(line)) {
            assert!(line.chars().count() <= 80, "{}: {line}", case.display());
        }
    }
}

#[test]
fn colour_is_written_when_asked_for_and_says_nothing_of_its_own() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/lint-text");
    let plain = mstack(&case, &["lint", "-f", "stack.yaml"]).stdout;
    let coloured = String::from_utf8(mstack(&case, &["lint", "-f", "stack.yaml", "--color", "always"]).stdout).unwrap();
    assert!(coloured.contains("\u{1b}[91merror[MS"));
    let bare: String = coloured
        .split('\u{1b}')
        .map(|part| part.split_once('m').map_or(part, |(code, rest)| if code.starts_with('[') { rest } else { part }))
        .collect();
    assert_eq!(bare, String::from_utf8(plain).unwrap());
}
