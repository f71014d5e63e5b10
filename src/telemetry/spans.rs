//! Finished spans, as they leave the code: a reconcile, and in it each request to the API server.
use std::fmt::Debug;
use std::time::SystemTime;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Spans that wait to be sent; more are dropped, for nothing may wait for a collector.
const ROOM: usize = 4096;
/// The field that makes a span the root of a trace.
const TRACE: &str = "trace_id";

/// A span that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What it was.
    pub name: &'static str,
    /// Trace, 32 hexadecimal digits.
    pub trace: String,
    /// Itself.
    pub span: u64,
    /// The span that it was part of.
    pub parent: Option<u64>,
    /// When it began.
    pub begun: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// Its fields.
    pub fields: Vec<(&'static str, String)>,
}

/// The layer that hands finished spans on.
pub struct Spans(Sender<Finished>);

impl Spans {
    /// A layer, and what comes out of it.
    pub fn new() -> (Self, Receiver<Finished>) {
        let (to, from) = channel(ROOM);
        (Self(to), from)
    }
}

/// Collects fields as texts.
struct Fields<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Vec::new();
        attributes.record(&mut Fields(&mut fields));
        let own = fields.iter().position(|(name, _)| *name == TRACE).map(|at| fields.swap_remove(at).1);
        let above =
            span.parent().and_then(|parent| parent.extensions().get::<Finished>().map(|above| (above.trace.clone(), above.span)));
        // What belongs to no trace, such as the requests of the watches, is not told.
        let Some(trace) = own.or_else(|| above.as_ref().map(|(trace, _)| trace.clone())) else { return };
        let now = SystemTime::now();
        span.extensions_mut().insert(Finished {
            name: attributes.metadata().name(),
            trace,
            span: rand::random_range(1..=u64::MAX),
            parent: above.map(|(_, span)| span),
            begun: now,
            ended: now,
            fields,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(finished) = span.extensions_mut().get_mut::<Finished>()
        {
            values.record(&mut Fields(&mut finished.fields));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(mut finished) = context.span(&id).and_then(|span| span.extensions_mut().remove::<Finished>()) {
            finished.ended = SystemTime::now();
            let _ = self.0.try_send(finished);
        }
    }
}
