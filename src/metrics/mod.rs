//! Prometheus metrics in `OpenMetrics` text.
mod requests;
mod stacks;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use requests::{Counted, Requests};
pub use stacks::Stacks;

/// Prefix of all names.
const PREFIX: &str = "mstack";

/// Labels of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabels {
    result: &'static str,
}

/// The counters, and the registry that prints them.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    reconciles: Family<ResultLabels, Counter>,
    duration: Histogram,
    queue: Gauge,
    wait: Histogram,
    stacks: Gauge,
    leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let metrics = Self {
            requests: Requests::default(),
            reconciles: Family::default(),
            duration: Histogram::new([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0]),
            queue: Gauge::default(),
            wait: Histogram::new([0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0]),
            stacks: Gauge::default(),
            leader: Gauge::default(),
            registry: Registry::default(),
        };
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which mstack this is", version);
        registry.register("leader", "1 where this process leads", metrics.leader.clone());
        registry.register("reconciles", "Reconciles of stacks, by result", metrics.reconciles.clone());
        registry.register("reconcile_duration_seconds", "Time that a reconcile took", metrics.duration.clone());
        registry.register(
            "queue_depth",
            "Stacks that wait for a reconcile, those that wait for a retry among them",
            metrics.queue.clone(),
        );
        registry.register("queue_wait_seconds", "Time that a stack waited for its turn once it was due", metrics.wait.clone());
        metrics.requests.register(&mut registry);
        registry.register("stacks", "Stacks that exist", metrics.stacks.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts the requests of a client.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Counts a reconcile.
    pub fn reconciled(&self, ok: bool, seconds: f64) {
        let result = if ok { "ok" } else { "error" };
        self.reconciles.get_or_create(&ResultLabels { result }).inc();
        self.duration.observe(seconds);
    }

    /// Notes how long a stack has waited for its turn.
    pub fn waited(&self, wait: Duration) {
        self.wait.observe(wait.as_secs_f64());
    }

    /// Notes how much waits, of how much there is.
    pub fn depths(&self, queue: usize, stacks: usize) {
        self.queue.set(i64::try_from(queue).unwrap_or(i64::MAX));
        self.stacks.set(i64::try_from(stacks).unwrap_or(i64::MAX));
    }

    /// Notes whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// All metrics as `OpenMetrics` text; those of the stacks are made for each page anew.
    pub fn text(&self, stacks: &Stacks) -> String {
        let mut text = String::new();
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &stacks.registry());
        let _ = encode_eof(&mut text);
        text
    }
}
