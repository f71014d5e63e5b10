//! Customers who never stop: requests through the Gateway, one after the other, each with a connection of its own.
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the customers saw.
#[derive(Default)]
pub struct Seen {
    pub answered: usize,
    /// Instances that answered.
    pub instances: BTreeSet<String>,
    /// What was answered instead of 200, and when.
    pub failures: Vec<String>,
}

/// A running loop of requests.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    seen: Arc<Mutex<Seen>>,
    customer: JoinHandle<()>,
}

impl Traffic {
    pub fn start(gateway: &str, path: &str) -> Self {
        let (stop, answered, seen) = (Arc::default(), Arc::default(), Arc::default());
        let url = format!("http://{gateway}{path}");
        let customer = {
            let (stop, answered, seen) = (Arc::clone(&stop), Arc::clone(&answered), Arc::clone(&seen));
            std::thread::spawn(move || ask_until(&stop, &url, &answered, &seen))
        };
        Self { stop, answered, seen, customer }
    }

    /// Returns once this many more requests have been answered, rightly or wrongly.
    pub fn let_requests_pass(&self, count: usize) {
        let (goal, begun) = (self.answered.load(Ordering::Relaxed) + count, Instant::now());
        while self.answered.load(Ordering::Relaxed) < goal {
            assert!(begun.elapsed() < Duration::from_mins(2), "{count} requests took more than two minutes");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.customer.join().unwrap();
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.answered = self.answered.load(Ordering::Relaxed);
        seen
    }
}

fn ask_until(stop: &AtomicBool, url: &str, answered: &AtomicUsize, seen: &Mutex<Seen>) {
    const REPORT: &str = "%{http_code} %header{shop-instance} %{errormsg}";
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "--max-time", "10", "-H", "Host: shop.example.com", "-w", REPORT, url]);
        let report = String::from_utf8(curl.output().unwrap().stdout).unwrap();
        let mut seen = seen.lock().unwrap();
        match report.trim().split_once(' ') {
            Some(("200", instance)) => drop(seen.instances.insert(instance.trim().to_owned())),
            _ => seen.failures.push(format!("after {:.1} s: {}", begun.elapsed().as_secs_f32(), report.trim())),
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
