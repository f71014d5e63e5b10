//! Somebody who reads the documents and types their lines as they stand, in the folder of the repository.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::running::Running;
use crate::shell::{Line, OF_REAL_PODS, documents, lines, root, shown, told};

/// Longest time of one line, in seconds: `make demo` may have to build the operator.
const LONGEST: &str = "1800";
/// What tests, cargo and make put into the environment of theirs, and no reader has.
const NOT_A_READERS: [&str; 7] = ["CARGO_", "RUST_", "LD_", "MAKE", "MFLAGS", "KUBECONFIG", "MSTACK_"];
const A_READERS: [&str; 3] = ["CARGO_HOME", "CARGO_TARGET_DIR", "RUST_BACKTRACE"];

/// A line that has ended, and what it printed.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub struct Reader {
    /// The line as the documents have it, by its words; and the name of one of them.
    lines: BTreeMap<String, (Line, String)>,
    typed: RefCell<BTreeSet<String>>,
    environment: RefCell<BTreeMap<String, String>>,
    /// Names that the shell has got.
    aliases: RefCell<String>,
}

impl Reader {
    /// Has read all documents, and typed nothing.
    pub fn new() -> Self {
        let mut all = BTreeMap::new();
        for document in documents() {
            let place = document.path.strip_prefix(root()).unwrap_or(&document.path).display().to_string();
            let told = told(&document.text).into_iter().filter(|line| line.is_of_a_cluster() && !line.is_mstack());
            for line in shown(&document.text).into_iter().filter(|line| !is_typed_by_others(line, &place)).chain(told) {
                all.insert(normal(&line.text), (line, place.clone()));
            }
        }
        let is_a_readers = |name: &str| A_READERS.contains(&name) || !NOT_A_READERS.iter().any(|prefix| name.starts_with(prefix));
        let environment = std::env::vars().filter(|(name, _)| is_a_readers(name)).collect();
        Self { lines: all, typed: RefCell::default(), environment: RefCell::new(environment), aliases: RefCell::default() }
    }

    /// Types a line of the documents, which ends well; returns what it printed.
    pub fn types(&self, line: &str) -> String {
        self.fills(line, &[])
    }

    /// The same with values in the places of words such as `NAME`.
    pub fn fills(&self, line: &str, values: &[(&str, &str)]) -> String {
        let said = self.tries(line, values);
        assert_eq!(said.code, 0, "`{line}` with {values:?}\n{}{}", said.out, said.err);
        said.out
    }

    /// The same, however it ends.
    pub fn tries(&self, line: &str, values: &[(&str, &str)]) -> Said {
        self.says(&self.of_the_documents(line, values))
    }

    /// Types a line that goes on, until it prints what is waited for, and interrupts it.
    pub fn watches(&self, line: &str, wanted: &str) {
        let running = self.begins(line);
        running.until(wanted, |printed| printed.contains(wanted));
        running.terminate();
    }

    /// Types a line that goes on.
    pub fn begins(&self, line: &str) -> Running {
        let text = self.of_the_documents(line, &[]);
        println!("$ {text}");
        Running::begin(&mut self.command(&text))
    }

    /// Types a line that changes the shell itself: an `export` or an `alias`.
    pub fn sets(&self, line: &str) {
        let text = self.of_the_documents(line, &[]);
        if text.starts_with("alias ") {
            self.aliases.borrow_mut().push_str(&(text + "\n"));
            return;
        }
        let said = self.says(&format!("{text} && env -0"));
        assert_eq!(said.code, 0, "{line}: {}", said.err);
        let now = said.out.split('\0').filter_map(|pair| pair.split_once('='));
        *self.environment.borrow_mut() = now.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }

    /// Opens another shell, which has not got this variable.
    pub fn forgets(&self, variable: &str) {
        self.environment.borrow_mut().remove(variable);
    }

    /// Has a tool of the local cluster on the search path.
    pub fn adds_to_path(&self, tool: &Path) {
        let mut environment = self.environment.borrow_mut();
        let path = environment.get_mut("PATH").unwrap();
        *path = format!("{path}:{}", tool.parent().unwrap().display());
    }

    /// Types what no document has.
    pub fn says(&self, text: &str) -> Said {
        println!("$ {text}");
        let begun = Instant::now();
        let output = self.command(text).stdin(Stdio::null()).output().unwrap();
        println!("  {} after {:.1} s", output.status, begun.elapsed().as_secs_f32());
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: words(&output.stdout), err: words(&output.stderr) }
    }

    /// The same, which ends well.
    pub fn does(&self, text: &str) -> String {
        let said = self.says(text);
        assert_eq!(said.code, 0, "{text}\n{}{}", said.out, said.err);
        said.out
    }

    /// The lines that nobody has typed, but for those that are told otherwise.
    pub fn left(&self, otherwise: &[&str]) -> Vec<String> {
        let typed = self.typed.borrow();
        let is_left = |line: &&String| !typed.contains(*line) && !otherwise.contains(&line.as_str());
        let left = self.lines.iter().filter(|(line, _)| is_left(line));
        left.map(|(line, (_, place))| format!("{place}: {line}")).collect()
    }

    /// Those of `otherwise` that no document has any more.
    pub fn gone<'a>(&self, otherwise: &[&'a str]) -> Vec<&'a str> {
        otherwise.iter().copied().filter(|line| !self.lines.contains_key(*line)).collect()
    }

    fn of_the_documents(&self, line: &str, values: &[(&str, &str)]) -> String {
        let key = normal(line);
        let (found, _) = self.lines.get(&key).unwrap_or_else(|| panic!("no document has the line `{line}`"));
        self.typed.borrow_mut().insert(key);
        values.iter().fold(found.text.clone(), |text, (name, value)| {
            assert!(text.contains(name), "`{line}` has no {name}");
            text.replace(name, value)
        })
    }

    fn command(&self, text: &str) -> Command {
        let mut command = Command::new("timeout");
        let script = format!("shopt -s expand_aliases\n{}{text}", self.aliases.borrow());
        command.args(["--kill-after=5", LONGEST, "bash", "-c", &script]).current_dir(root());
        command.env_clear().envs(&*self.environment.borrow());
        command
    }
}

/// Those of `mstack` that tests without nodes type: tests/documents.rs and tests/behaviour/documented.rs.
fn is_typed_by_others(line: &Line, place: &str) -> bool {
    let needs_no_nodes = || place == "docs/cli.md" && !OF_REAL_PODS.contains(&line.arguments()[0].as_str());
    line.is_offline() || (line.is_mstack() && needs_no_nodes())
}

/// A line with one space between its words, and without its comment.
fn normal(text: &str) -> String {
    let text = lines(text).first().map_or_else(String::new, |line| line.text.clone());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
