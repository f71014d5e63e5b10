//! Waiting for custom kinds: `kubectl wait` gives up at once on a definition that has no conditions yet, and one that is
//! established is served a moment later.
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until the API server serves these kinds, named like `httproutes.gateway.networking.k8s.io`.
pub fn wait_until_served(kubectl: impl Fn(&[&str]) -> Result<String, Error>, names: &[&str]) -> Result<(), Error> {
    let begun = Instant::now();
    let arguments = [&["wait", "--for=condition=Established", "--timeout=20s", "crd"], names].concat();
    let is_listed = |name: &&str| kubectl(&["get", name, "--all-namespaces", "--output=name"]).map(drop);
    loop {
        match kubectl(&arguments).and_then(|_| names.iter().try_for_each(&is_listed)) {
            Err(_) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            answer => return answer,
        }
    }
}
