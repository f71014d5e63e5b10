//! Customers who never stop: requests through the Gateway at a steady pace. One connects anew for each of them, another one
//! keeps its connection as browsers and gateways do. They leave by themselves after ten minutes.
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How each customer connects: a header of its requests.
const CUSTOMERS: [&str; 2] = ["Connection: close", "Connection: keep-alive"];
/// Requests of a customer in a row, and how many of them at most in a second.
const VISIT: usize = 20;
const PACE: &str = "40/s";
const LONGEST: Duration = Duration::from_mins(10);

/// What the customers saw.
#[derive(Default)]
pub struct Seen {
    pub answered: usize,
    /// Connections that were made for them.
    pub connections: usize,
    /// Instances that answered.
    pub instances: BTreeSet<String>,
    /// Versions that answered.
    pub versions: BTreeSet<String>,
    /// What was answered instead of 200, and when.
    pub failures: Vec<String>,
}

/// Running loops of requests.
pub struct Traffic {
    begun: Instant,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    seen: Arc<Mutex<Seen>>,
    customers: Vec<JoinHandle<()>>,
}

impl Traffic {
    pub fn start(gateway: &str, path: &str) -> Self {
        let (begun, stop, answered) = (Instant::now(), Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let seen = Arc::<Mutex<Seen>>::default();
        let url = format!("http://{gateway}{path}?visit=[1-{VISIT}]");
        let customer = |header: &'static str| {
            let (url, stop, answered, seen) = (url.clone(), Arc::clone(&stop), Arc::clone(&answered), Arc::clone(&seen));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && begun.elapsed() < LONGEST {
                    let reports = visit(header, &url);
                    let mut seen = seen.lock().unwrap();
                    reports.lines().for_each(|report| seen.note(report, begun.elapsed()));
                    answered.store(seen.answered, Ordering::Relaxed);
                }
            })
        };
        let customers = CUSTOMERS.map(customer).into();
        Self { begun, stop, answered, seen, customers }
    }

    /// Returns once this many more requests have been answered, rightly or wrongly.
    pub fn let_requests_pass(&self, count: usize) {
        let (goal, begun) = (self.answered.load(Ordering::Relaxed) + count, Instant::now());
        while self.answered.load(Ordering::Relaxed) < goal {
            assert!(begun.elapsed() < Duration::from_mins(2), "{count} requests took more than two minutes");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the traffic, prints what it saw, and fails if a customer was not served.
    pub fn stop(self, during: &str) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.customers.into_iter().for_each(|customer| customer.join().unwrap());
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let Seen { answered, connections, instances, versions, failures } = &seen;
        println!(
            "{answered} requests in {:.0} s during {during}, {connections} connections, {} instances of {versions:?}, {} failed",
            self.begun.elapsed().as_secs_f32(),
            instances.len(),
            failures.len()
        );
        assert!(failures.is_empty(), "{failures:#?}");
        seen
    }
}

impl Seen {
    fn note(&mut self, report: &str, at: Duration) {
        self.answered += 1;
        let words: Vec<&str> = report.split(' ').collect();
        match words[..] {
            ["200", connected, instance, version, ""] => {
                self.connections += connected.parse::<usize>().unwrap();
                self.instances.insert(instance.to_owned());
                self.versions.insert(version.to_owned());
            }
            _ => self.failures.push(format!("after {:.1} s: {report}", at.as_secs_f32())),
        }
    }
}

/// Some requests in a row, and a line for each: status, new connections, who answered, and what went wrong.
fn visit(header: &str, url: &str) -> String {
    const REPORT: &str = "%{http_code} %{num_connects} %header{shop-instance} %header{shop-version} %{errormsg}\\n";
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "/dev/null", "--max-time", "10", "--rate", PACE, "-H", header, "-H", "Host: shop.example.com"]);
    String::from_utf8(curl.args(["-w", REPORT, url]).output().unwrap().stdout).unwrap()
}
