//! How often a status is written: transitions at once, counts on their way at most every few seconds.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cluster::store::Key;

/// Least time between a status and one that tells no more than other counts.
pub const PAUSE: Duration = Duration::from_secs(3);

/// When the status of each stack was last written.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<Key, Instant>>);

impl Pace {
    /// Whether the status of this stack was written a moment ago.
    pub fn is_early(&self, stack: &Key) -> bool {
        self.written().get(stack).is_some_and(|written| written.elapsed() < PAUSE)
    }

    /// Its status has been written.
    pub fn wrote(&self, stack: &Key) {
        self.written().insert(stack.clone(), Instant::now());
    }

    /// A stack is gone.
    pub fn forget(&self, stack: &Key) {
        self.written().remove(stack);
    }

    fn written(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
