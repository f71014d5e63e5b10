//! Waiting for a cluster: what is still missing is told each time that it changes.
use std::time::Duration;

use tokio::time::Instant;

use super::output::{hanging, width_of_talk};

/// A wait that has begun.
#[derive(Debug)]
pub struct Waiting {
    begun: Instant,
    longest: Duration,
    again: Duration,
    told: String,
}

impl Waiting {
    /// Begins to wait, for at most so long, and looks `again` after each such time.
    pub fn begin(longest: Duration, again: Duration) -> Self {
        Self { begun: Instant::now(), longest, again, told: String::new() }
    }

    /// Whether the longest wait is over.
    pub fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.longest
    }

    /// Says what is waited for, where that is news.
    pub fn tell(&mut self, words: &str) {
        if self.told != words {
            eprintln!("{}", hanging(&format!("waiting: {words}"), width_of_talk()).join("\n"));
            words.clone_into(&mut self.told);
        }
    }

    /// Lets time pass until it is to be looked again, and no longer than the whole wait.
    pub async fn pause(&self) {
        tokio::time::sleep(self.again.min(self.longest.saturating_sub(self.begun.elapsed()))).await;
    }
}
