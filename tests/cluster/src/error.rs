//! Everything that can go wrong with a local cluster, each saying what, why and what to do next.

use std::path::PathBuf;

/// Why a local cluster could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks something that cannot be installed from here.
    #[error("{what}\n  next: {next}")]
    Machine {
        /// What is missing and who needs it.
        what: String,
        /// The command or change that provides it.
        next: String,
    },
    /// A command that should have succeeded did not.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// The command line, shortened.
        command: String,
        /// The last lines of what it said.
        reason: String,
    },
    /// A part of the cluster ended although it should keep running.
    #[error("{part} ended while the cluster was starting; the end of {}:\n{tail}", log.display())]
    Ended {
        /// Name of the part.
        part: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// Something did not become true in time.
    #[error("{what} is not there after {seconds} s: {last}\n  next: `cluster logs` names the logs to read")]
    Late {
        /// What was awaited.
        what: String,
        /// How long, in seconds.
        seconds: u64,
        /// The last answer seen.
        last: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason of the operating system.
        source: std::io::Error,
    },
    /// The request itself makes no sense.
    #[error("{what}\n  next: {next}")]
    Request {
        /// What is wrong with it.
        what: String,
        /// What to ask instead.
        next: String,
    },
}

impl Error {
    pub(crate) fn machine(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Machine { what: what.into(), next: next.into() }
    }

    pub(crate) fn request(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Request { what: what.into(), next: next.into() }
    }
}
