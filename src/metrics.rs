//! Prometheus metrics in `OpenMetrics` text.
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels of a write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WriteLabels {
    verb: &'static str,
    resource: &'static str,
}

/// Labels of a reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabels {
    result: ReconcileResult,
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ReconcileResult {
    /// All is as it should be, or on its way.
    Ok,
    /// Something failed; it is tried again.
    Error,
}

/// The counters, and the registry that prints them.
pub struct Metrics {
    registry: Registry,
    writes: Family<WriteLabels, Counter>,
    reconciles: Family<ResultLabels, Counter>,
    duration: Histogram,
    queue: Gauge,
    stacks: Gauge,
    leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mstack");
        let duration = Histogram::new([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0]);
        let metrics = Self {
            writes: Family::default(),
            reconciles: Family::default(),
            duration,
            queue: Gauge::default(),
            stacks: Gauge::default(),
            leader: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("api_writes", "Writes to the API server, by verb and resource", metrics.writes.clone());
        registry.register("reconciles", "Reconciles of stacks, by result", metrics.reconciles.clone());
        registry.register("reconcile_duration_seconds", "Time that a reconcile took", metrics.duration.clone());
        registry.register("queue_depth", "Stacks that wait for a reconcile", metrics.queue.clone());
        registry.register("stacks", "Stacks that exist", metrics.stacks.clone());
        registry.register("leader", "1 where this process leads", metrics.leader.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts a write.
    pub fn wrote(&self, verb: &'static str, resource: &'static str) {
        self.writes.get_or_create(&WriteLabels { verb, resource }).inc();
    }

    /// Counts a reconcile.
    pub fn reconciled(&self, ok: bool, seconds: f64) {
        let result = if ok { ReconcileResult::Ok } else { ReconcileResult::Error };
        self.reconciles.get_or_create(&ResultLabels { result }).inc();
        self.duration.observe(seconds);
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

    /// All metrics as `OpenMetrics` text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = encode(&mut text, &self.registry);
        text
    }
}
