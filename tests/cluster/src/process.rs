//! Processes that outlive the command which starts them, known by pid and start time so that a recycled pid is not ours.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, files};

/// A process that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// When it started, in clock ticks since boot, as the kernel tells it.
    start: u64,
    pub(crate) name: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {} {}", self.pid, self.start, self.name)
    }
}

impl Process {
    /// This very process.
    pub(crate) fn current() -> Self {
        let pid = std::process::id();
        Self { pid, start: start_time(pid).unwrap_or_default(), name: "owner".to_owned() }
    }

    /// Reads the line that `Display` writes.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        Some(Self { pid: words.next()?.parse().ok()?, start: words.next()?.parse().ok()?, name: words.next()?.to_owned() })
    }

    /// Whether this very process still runs.
    pub(crate) fn is_running(&self) -> bool {
        start_time(self.pid) == Some(self.start)
    }

    /// Sends a signal by name, for instance `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        if self.is_running() {
            let arguments = ["-s".to_owned(), signal.to_owned(), self.pid.to_string()];
            drop(crate::command::run(&mut crate::command::command("kill", arguments)));
        }
    }
}

/// Starts `command` in a session of its own with both outputs appended to `log`.
pub(crate) fn start(name: &str, command: &Command, log: &Path) -> Result<Process, Error> {
    let output = files::open_to_append(log)?;
    let errors = output.try_clone().map_err(|source| Error::File { action: "open", path: log.to_owned(), source })?;
    let mut detached = Command::new("setsid");
    detached.arg(command.get_program()).args(command.get_args());
    for (variable, value) in command.get_envs() {
        match value {
            Some(value) => detached.env(variable, value),
            None => detached.env_remove(variable),
        };
    }
    let mut child = detached
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|error| Error::machine(format!("cannot start {name}: {error}"), "apt-get install util-linux"))?;
    let pid = child.id();
    let started = start_time(pid).map(|start| Process { pid, start, name: name.to_owned() });
    // Nobody else waits for it; without this it would stay a zombie for as long as we live.
    std::thread::spawn(move || child.wait());
    started.ok_or_else(|| Error::Ended { part: name.to_owned(), log: log.to_owned(), tail: files::tail(log, 15) })
}

/// Start time of a living process; zombies do not count.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_pid_is_not_our_process() {
        let own = Process::current();
        assert!(own.is_running());
        assert!(!Process { start: own.start + 1, ..own }.is_running());
    }

    #[test]
    fn a_record_reads_back_as_written() {
        let process = Process { pid: 7, start: 99, name: "etcd".into() };
        assert_eq!(Process::parse(&process.to_string()), Some(process));
    }
}
