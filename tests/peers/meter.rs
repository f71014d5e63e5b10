//! What a peer asks of the API server, by the server's own log, and what it takes of the machine.
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::journal::Tail;

/// How long a peer asks nothing until it counts as done.
const QUIET: Duration = Duration::from_secs(8);

/// Requests for objects. Open watches and the Leases of those who lead are no work and are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    reads: u32,
    writes: u32,
}

impl Requests {
    /// For each of so many.
    pub fn each(self, count: u32) -> String {
        let of = |number: u32| f64::from(number) / f64::from(count);
        format!("{:.1} ({:.1} writes)", of(self.reads + self.writes), of(self.writes))
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} writes)", self.reads + self.writes, self.writes)
    }
}

/// Counts the requests of one user.
pub struct Meter {
    audit: Tail,
    user: String,
    seen: Requests,
}

impl Meter {
    pub fn new(audit: &Path, user: &str) -> Self {
        Self { audit: Tail::of(audit), user: user.to_owned(), seen: Requests::default() }
    }

    /// Counts from here.
    pub fn reset(&mut self) {
        self.read_on();
        self.seen = Requests::default();
    }

    /// Those since the last reset.
    pub fn requests(&mut self) -> Requests {
        self.read_on();
        self.seen
    }

    /// The same, once the peer has asked nothing for a while.
    pub async fn quiet(&mut self) -> Requests {
        let (mut before, mut since) = (self.requests(), Instant::now());
        while since.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = self.requests();
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
        before
    }

    fn read_on(&mut self) {
        for event in self.audit.lines().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            self.note(&event);
        }
    }

    fn note(&mut self, event: &Value) {
        let resource = event["objectRef"]["resource"].as_str().unwrap_or_default();
        if event["user"]["username"] != self.user.as_str() || ["", "leases"].contains(&resource) {
            return;
        }
        match event["verb"].as_str().unwrap_or_default() {
            "watch" => {}
            "get" | "list" => self.seen.reads += 1,
            _ => self.seen.writes += 1,
        }
    }
}

/// Ticks of the processor in a file of /proc, of these fields.
fn ticks(stat: &str, fields: [usize; 2]) -> Duration {
    let text = fs::read_to_string(stat).unwrap();
    // The second field, the name, may hold spaces.
    let words: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
    let sum: u64 = fields.iter().map(|field| words[field - 3].parse::<u64>().unwrap()).sum();
    Duration::from_millis(sum * 10)
}

/// Processor time of a process so far.
pub fn spent(pid: u32) -> Duration {
    ticks(&format!("/proc/{pid}/stat"), [14, 15])
}

/// That of all processes which this one has started and seen end.
pub fn spent_by_children() -> Duration {
    ticks("/proc/self/stat", [16, 17])
}

/// Resident memory of a process.
pub fn megabytes(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    format!("{:.0} MB", line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0)
}
