//! Turns what the watches see into reconciles: one queue, two limits, nothing before everything is synced.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, debug, field, info, info_span};

use crate::cluster::queue::{Class, Queue};
use crate::cluster::store::{Change, Key};
use crate::cluster::watch::{self, Seen};
use crate::controller::{self, Context, Next};

/// Counts and readiness change in bursts: they are reported together.
const COALESCE: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_millis(200);
const DRAIN: Duration = Duration::from_secs(10);

/// The loop and what it remembers.
pub struct Driver {
    context: Arc<Context>,
    limit: usize,
    look: Duration,
    queue: Queue,
    failures: HashMap<Key, u32>,
    ready: Arc<AtomicBool>,
}

impl Driver {
    /// A driver that runs at most `limit` reconciles at a time, and looks for generated Secrets, which nothing watches, at
    /// the interval `look` (rule 9); `ready` is set once the watches are synced.
    pub fn new(context: Arc<Context>, limit: usize, look: Duration, ready: Arc<AtomicBool>) -> Self {
        Self { context, limit, look, queue: Queue::default(), failures: HashMap::new(), ready }
    }

    /// Runs until `stop` resolves, then lets running reconciles end.
    pub async fn run(mut self, mut secrets: Receiver<Key>, stop: impl Future<Output = ()>) {
        let (to, mut seen) = mpsc::channel(1024);
        let feeds = self.context.cluster.store().feeds();
        for feed in feeds {
            tokio::spawn(watch::run(self.context.cluster.client.clone(), feed, to.clone()));
        }
        drop(to);
        let mut running = FuturesUnordered::new();
        let mut stop = std::pin::pin!(stop);
        let mut look = tokio::time::interval_at(Instant::now() + self.look, self.look);
        loop {
            while running.len() < self.limit
                && let Some(key) = self.next()
            {
                running.push(run_one(Arc::clone(&self.context), key));
            }
            // With every slot taken, what is due waits for a slot and not for the clock.
            let free = running.len() < self.limit && self.ready.load(Ordering::Relaxed);
            let due = self.queue.next_due().unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some((key, next)) = running.next(), if !running.is_empty() => self.finished(&key, next),
                event = seen.recv() => match event {
                    Some(event) => self.take_in(event),
                    None => break,
                },
                Some(key) = secrets.recv() => self.queue.push(key, Class::Child),
                _ = look.tick() => self.look_for_credentials(),
                () = sleep_until(due), if free => {}
            }
        }
        info!("stopping: letting {} running reconciles end", running.len());
        let _ = timeout(DRAIN, running.collect::<Vec<_>>()).await;
    }

    /// The next stack, once everything is known.
    fn next(&mut self) -> Option<Key> {
        let (key, waited) = self.ready.load(Ordering::Relaxed).then(|| self.queue.pop(Instant::now())).flatten()?;
        self.context.cluster.metrics.waited(waited);
        Some(key)
    }

    fn take_in(&mut self, seen: Seen) {
        let cluster = Arc::clone(&self.context.cluster);
        let mut store = cluster.store();
        match seen {
            Seen::Begin(feed) => store.begin(feed),
            Seen::End(feed) => self.queue_all(store.end(feed)),
            Seen::Absent(feed) => self.queue_all(store.absent(feed)),
            Seen::Put { source, wire, listed } => return self.note(store.put(source, &wire, listed)),
            Seen::Gone { source, wire } => return self.note(store.gone(source, &wire)),
        }
        if !self.ready.load(Ordering::Relaxed) && store.synced() {
            info!(stacks = store.stacks().count(), "all watches are synced");
            self.ready.store(true, Ordering::Relaxed);
        }
    }

    fn look_for_credentials(&mut self) {
        let stacks: Vec<Key> = self.context.cluster.store().stacks().cloned().collect();
        self.context.credentials.due(stacks.iter().cloned());
        self.context.refusals.forget();
        self.queue_all(stacks);
    }

    fn queue_all(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.push(key, Class::Initial);
        }
    }

    fn note(&mut self, change: Option<(Key, Change)>) {
        match change {
            Some((key, Change::Spec)) => {
                let class = if self.ready.load(Ordering::Relaxed) { Class::Spec } else { Class::Initial };
                self.failures.remove(&key);
                self.queue.push(key, class);
            }
            Some((key, Change::Child)) => self.queue.push(key, Class::Child),
            Some((key, Change::Readiness)) => self.queue.push_at(key, Instant::now() + COALESCE),
            None => {}
        }
    }

    fn finished(&mut self, key: &Key, next: Next) {
        self.queue.done(key);
        match next {
            Next::Event => {
                self.failures.remove(key);
            }
            Next::Counts => {
                self.failures.remove(key);
                self.queue.push_at(key.clone(), Instant::now() + controller::PAUSE);
            }
            Next::Soon => self.queue.push_at(key.clone(), Instant::now() + SOON),
            Next::Backoff | Next::Waits => {
                let failures = self.failures.entry(key.clone()).or_default();
                *failures += 1;
                self.queue.push_at(key.clone(), Instant::now() + next.wait(*failures));
            }
        }
        debug!(stack = %key, ?next, "reconciled");
        self.context.cluster.metrics.depths(self.queue.depth(), self.context.cluster.store().stacks().count());
    }
}

async fn run_one(context: Arc<Context>, key: Key) -> (Key, Next) {
    let started = Instant::now();
    // One trace for each reconcile: its lines in the log can be told from those of the next one.
    let trace = rand::random::<u128>();
    let span = info_span!("reconcile", stack = %key, trace_id = format!("{trace:032x}"), result = field::Empty);
    let next = controller::reconcile(&context, &key).instrument(span.clone()).await;
    let ok = !matches!(next, Next::Backoff | Next::Waits);
    span.record("result", if ok { "ok" } else { "error" });
    context.cluster.metrics.reconciled(ok, started.elapsed().as_secs_f64());
    (key, next)
}
