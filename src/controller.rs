//! The sentence that joins the rooms: observe → validate → build → plan → carry out → report.
mod credentials;
mod inputs;
mod report;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::cluster::apply::Cluster;
use crate::cluster::events::Events;
use crate::cluster::references::References;
use crate::cluster::store::Key;
use crate::desired::{self, Desired, Object};
use crate::model::Stack;
use crate::observed::Observed;
use crate::plan::{self, Held};
use crate::status;

pub use credentials::Credentials;

/// What a reconcile needs.
pub struct Context {
    /// The cluster room.
    pub cluster: Arc<Cluster>,
    /// Secrets that users refer to.
    pub references: Arc<References>,
    /// Events.
    pub events: Events,
    /// Image of this operator.
    pub guard_image: Option<String>,
    /// What the slow tick has found of generated credentials.
    pub credentials: Credentials,
}

/// When a stack is looked at again without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Never: the next event will tell.
    Event,
    /// Soon: something changed under our hands.
    Soon,
    /// After a wait that doubles with every failure.
    Backoff,
    /// The same with short waits: an object that is in the way tells nobody when it goes.
    Waits,
}

/// Reconciles one stack once.
pub async fn reconcile(context: &Context, key: &Key) -> Next {
    let Some((root, observed)) = inputs::observe(context, key) else {
        context.references.forget(key);
        context.credentials.forget(key);
        return Next::Event;
    };
    if root.deleting {
        return Next::Event; // Children go by their owner references; data stays (rule 9).
    }
    let previous = inputs::previous_status(&root);
    let mut stack = match inputs::validate(context, key, &root, &observed) {
        Ok(Some(stack)) => stack,
        Ok(None) => return Next::Event, // A referenced Secret is being read.
        Err(violations) => {
            let status = status::of_violations(&previous, root.generation, &violations, &now());
            return report::report(context, key, &root, &previous, status, Vec::new(), Next::Event).await;
        }
    };
    let unprepared = context.cluster.prepare_data(&mut stack, &observed).await;
    let untouched = !unprepared.is_empty();
    let desired = desired::build(&stack);
    let records = identity_records(&stack, &desired, &observed);
    let held = with_kept_versions(&stack, credentials::with_missing(context, key, &stack, unprepared).await);
    let plan = plan::plan(&stack, &desired, &records, &observed, &held);
    let outcome = context.cluster.carry_out(key, &stack, &plan).await;
    let after = context.cluster.store().observed(key);
    let failures = report::failures(&plan, &outcome);
    let facts = status::Facts {
        stack: &stack,
        revision: &desired.revision,
        observed: &after,
        blocked: &plan.blocked,
        held: &held,
        failures: &failures,
    };
    let status = status::of_stack(&previous, &facts, &now());
    report::report(context, key, &root, &previous, status, report::notes(&outcome), report::next(&outcome, untouched)).await
}

fn now() -> Time {
    Time(Timestamp::now())
}

fn identity_records(stack: &Stack, desired: &Desired, observed: &Observed) -> Vec<Object> {
    let due = plan::unrecorded(stack, desired, observed);
    due.iter()
        .filter_map(|(name, identity)| {
            stack.databases.get(name).map(|database| desired::identity_record(stack, database, identity))
        })
        .collect()
}

/// A database whose version may not change is not touched, and not recreated either.
fn with_kept_versions(stack: &Stack, mut held: Held) -> Held {
    for database in stack.databases.values() {
        if let Some(violation) = &database.held {
            held.entry(database.name.clone()).or_insert_with(|| ("VersionRefused".to_owned(), violation.clone()));
        }
    }
    held
}

impl Next {
    /// How long to wait after so many such ends in a row: 1 s, doubling up to 5 minutes; while something is in the way up to
    /// 10 s, and after some ten minutes up to one minute.
    pub fn wait(self, times: u32) -> Duration {
        let longest = match self {
            Self::Waits if times < 60 => Duration::from_secs(10),
            Self::Waits => Duration::from_mins(1),
            _ => Duration::from_mins(5),
        };
        Duration::from_secs(1 << times.saturating_sub(1).min(9)).min(longest)
    }
}
