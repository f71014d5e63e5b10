//! Time as a machine would take it that has a core for everything that wants to run: how much longer the operator and the
//! control plane have needed on this one is measured.
use std::fs;
use std::time::{Duration, Instant};

use crate::world::{World, slowness};

/// A measurement that has begun.
pub struct Stopwatch<'a> {
    world: &'a World,
    begun: Instant,
    before: Cores,
}

/// What processes had of the cores, in nanoseconds.
struct Cores {
    ran: f64,
    /// Ready to run while others did.
    waited: f64,
}

impl<'a> Stopwatch<'a> {
    pub fn start(world: &'a World) -> Self {
        Self { world, begun: Instant::now(), before: Cores::of(world) }
    }

    /// What was measured took no longer than this.
    pub fn within(self, limit: Duration, what: &str) {
        let took = self.begun.elapsed();
        let now = Cores::of(self.world);
        let (ran, waited) = (now.ran - self.before.ran, now.waited - self.before.waited);
        let longer = slowness().max((ran + waited) / ran.max(1.0));
        println!("{what}: after {took:?}, where all takes {longer:.1} times as long");
        assert!(took <= limit.mul_f64(longer), "{what} took {took:?}, where all takes {longer:.1} times as long");
    }
}

impl Cores {
    fn of(world: &World) -> Self {
        let mut all = Self { ran: 0.0, waited: 0.0 };
        for process in world.processes() {
            let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
            for text in threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok()) {
                let mut numbers = text.split(' ').map(|number| number.trim().parse().unwrap_or(0.0));
                all.ran += numbers.next().unwrap_or(0.0);
                all.waited += numbers.next().unwrap_or(0.0);
            }
        }
        all
    }
}
