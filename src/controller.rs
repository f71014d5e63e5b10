//! The sentence that joins the rooms: observe → validate → build → plan → carry out → report.
mod credentials;
mod inputs;
mod pace;
mod report;
mod retention;
mod rollout;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::cluster::apply::{Cluster, Outcome};
use crate::cluster::events::Events;
use crate::cluster::growth::Refusals;
use crate::cluster::references::References;
use crate::cluster::revisions::Parts;
use crate::cluster::store::Key;
use crate::desired;
use crate::model::Stack;
use crate::plan::{self, Held};
use crate::status;

use inputs::Stop;

pub use credentials::Credentials;
pub use pace::{PAUSE, Pace};

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
    /// What good revisions consist of, as far as one is needed.
    pub parts: Parts,
    /// Volumes that cannot grow.
    pub refusals: Refusals,
    /// When statuses were written.
    pub pace: Pace,
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
    /// In a moment: counts are on their way, and are told together.
    Counts,
}

/// Reconciles one stack once.
pub async fn reconcile(context: &Context, key: &Key) -> Next {
    let Some((root, observed)) = inputs::observe(context, key) else {
        context.forget(key);
        return Next::Event;
    };
    let previous = inputs::previous_status(&root);
    if root.deleting {
        // Without our finalizer children go by their owner references, and data stays (rule 9).
        return retention::delete(context, key, &root, &previous, &observed).await;
    }
    let mut stack = match inputs::validate(context, key, &root, &observed).await {
        Ok(stack) => stack,
        Err(Stop::Wait(next)) => return next,
        Err(Stop::Invalid(violations)) => {
            let status = status::of_violations(&previous, root.generation, &violations, &observed, &now());
            return report::report(context, key, &root, &previous, status, Vec::new(), Next::Event).await;
        }
    };
    let (registered, unstamped) = retention::declare(context, key, &root, &stack, &observed).await;
    let starts = !stack.paused && !stack.hibernates;
    let unprepared = if starts { context.cluster.prepare_data(&mut stack, &observed, unstamped).await } else { unstamped };
    let untouched = !unprepared.is_empty();
    let desired = desired::build(&stack);
    let records = plan::records(&stack, &desired, &observed);
    let held = plan::with_kept_data(&stack, credentials::with_missing(context, key, &stack, unprepared).await);
    let plan = plan::plan(&stack, &desired, &records, &observed, &held);
    let mut outcome = if stack.paused { Outcome::default() } else { context.cluster.carry_out(key, &stack, &plan).await };
    retention::settle(context, key, &root, &stack, &registered, &mut outcome).await;
    grow(context, key, &stack, &held, &mut outcome).await;
    let settled = rollout::settle(context, key, &stack, &desired, &plan, &mut outcome).await;
    let after = context.cluster.store().observed(key);
    let tasks = plan::tasks::stands(&stack, &desired, &after);
    let failures = if stack.paused { report::paused(&plan) } else { report::failures(&plan, &outcome, &stack, &tasks) };
    let facts = status::Facts {
        stack: &stack,
        observed: &after,
        blocked: &plan.blocked,
        tasks: &tasks,
        held: &held,
        failures: &failures,
    };
    let status = status::of_stack(&previous, &facts, &now());
    report::report(context, key, &root, &previous, status, report::notes(&outcome, settled), report::next(&outcome, untouched))
        .await
}

/// Does what is next for volumes that are to grow, once all else is written (rule 10).
async fn grow(context: &Context, key: &Key, stack: &Stack, held: &Held, outcome: &mut Outcome) {
    if stack.paused || !outcome.failures.is_empty() {
        return;
    }
    let observed = context.cluster.store().observed(key);
    let growth = plan::growth(stack, &observed, |name| held.contains_key(name));
    match context.cluster.grow(key, stack, &growth, &context.refusals).await {
        Ok(again) => outcome.again |= again,
        Err(failure) => outcome.failures.push(failure),
    }
}

impl Context {
    /// A stack is gone.
    fn forget(&self, key: &Key) {
        self.references.forget(key);
        self.credentials.forget(key);
        self.pace.forget(key);
        self.parts.forget(key);
    }
}

fn now() -> Time {
    Time(Timestamp::now())
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
