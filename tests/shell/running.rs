//! A command that goes on until it is interrupted.
#![allow(dead_code, reason = "each test that runs such commands uses a part")]
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Longest wait for a line.
const PATIENCE: Duration = Duration::from_mins(2);

/// A command that goes on, and its lines as they come. It ends with this value.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it, with nothing on its standard input.
    pub fn begin(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines: receiver }
    }

    /// A command of which nobody reads on.
    pub fn unread(child: Child) -> Self {
        Self { child, lines: mpsc::channel().1 }
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// All lines up to one that is as it should be, which is the last.
    pub fn until(&self, what: &str, mut is: impl FnMut(&str) -> bool) -> Vec<String> {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            let is_it = is(&line);
            seen.push(line);
            if is_it {
                return seen;
            }
        }
        panic!("never {what}; seen:\n{}", seen.join("\n"));
    }

    /// Ends it as the end of a script does, and returns its exit code; none where it is the signal that ended it.
    pub fn terminate(self) -> Option<i32> {
        self.ends_on("TERM").code()
    }

    /// Sends it a signal, such as `INT`, and waits for its end.
    pub fn ends_on(mut self, signal: &str) -> ExitStatus {
        assert!(Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
