//! Data that goes with its database or its stack (rule 9): declared before the workloads are written, erased after them.
use std::collections::BTreeSet;

use tracing::{info, warn};

use super::{Context, Next, now, report};
use crate::api::{Names, StackStatus};
use crate::cluster::apply::{Cause, Failure, Outcome};
use crate::cluster::client::CallError;
use crate::cluster::store::{Key, Root};
use crate::codes::Code;
use crate::kinds::Kind;
use crate::model::{DatabaseNames, Stack, Violation};
use crate::observed::Observed;
use crate::plan::{self, Deletion, Erase, Held};
use crate::status;

/// Registers on the stack, and stamps on the data, what is declared. Databases where that failed are held.
pub async fn declare(context: &Context, key: &Key, root: &Root, stack: &Stack, observed: &Observed) -> (BTreeSet<String>, Held) {
    let before = root.registered.clone().unwrap_or_default();
    if stack.paused {
        return (before, Held::new());
    }
    let retention = plan::retention(stack, &before, observed);
    if retention.registered != before
        && let Err(error) = register(context, key, root, &retention.registered).await
    {
        let new = retention.registered.difference(&before).map(|name| (name.clone(), held(name, &error)));
        return (before.clone(), new.collect());
    }
    let secret = |name: &str| DatabaseNames::new(stack.names, &stack.name, name).base;
    let failed = context.cluster.stamp(key, &retention, secret).await;
    let failed = failed.iter().map(|(name, error)| (name.clone(), held(name, error)));
    let is_there = |(name, _): &(String, _)| stack.databases.contains_key(name);
    (retention.registered, failed.filter(is_there).collect())
}

/// Once all is written: erases the data of databases that are gone from the spec, and forgets those that are done.
pub async fn settle(
    context: &Context,
    key: &Key,
    root: &Root,
    stack: &Stack,
    registered: &BTreeSet<String>,
    outcome: &mut Outcome,
) {
    if registered.is_empty() || stack.paused || !outcome.failures.is_empty() {
        return;
    }
    let observed = context.cluster.store().observed(key);
    let mut erased = BTreeSet::new();
    for erase in plan::erasable(stack, registered, &observed) {
        let erasing = async {
            // The spec that no longer has the database must still be the one that counts.
            Ok(context.cluster.is_current(stack).await? && erase_one(context, key, &erase).await?)
        };
        match erasing.await {
            Ok(true) => drop(erased.insert(erase.database)),
            Ok(false) => {}
            Err(error) => outcome.failures.push(failure(&erase, &error)),
        }
    }
    let still = plan::still_registered(stack, registered, &erased, &observed);
    if still != *registered
        && let Err(error) = register(context, key, root, &still).await
    {
        warn!(stack = %key, %error, "the finalizer cannot be brought up to date; trying again at the next event");
    }
}

/// The deletion of a stack whose data goes with it: consumers, databases, data, and last the finalizer.
pub async fn delete(context: &Context, key: &Key, root: &Root, previous: &StackStatus, observed: &Observed) -> Next {
    let Some(registered) = &root.registered else { return Next::Event };
    let message = match plan::deletion(names(root), &key.name, &root.uid, registered, observed) {
        Deletion::Remove(children) => {
            let failures = context.cluster.prune(key, &children).await;
            failures.first().map_or_else(|| "instances are ending, then their data goes".to_owned(), ToString::to_string)
        }
        Deletion::Wait(message) => message,
        Deletion::Erase(erases) => match erase_all(context, key, root, &erases).await {
            Ok(true) => return Next::Event,
            Ok(false) => "the volumes are being deleted".to_owned(),
            Err(error) => format!("data cannot be deleted: {}; mend what the API server names", error.words()),
        },
    };
    let status = status::of_deletion(previous, root.generation, &message, &now());
    // Not everything that ends tells: what is looked for here is looked for again.
    report::report(context, key, root, previous, status, Vec::new(), Next::Waits).await
}

async fn erase_all(context: &Context, key: &Key, root: &Root, erases: &[Erase<'_>]) -> Result<bool, CallError> {
    let mut over = true;
    for erase in erases {
        over &= erase_one(context, key, erase).await?;
    }
    if over {
        register(context, key, root, &BTreeSet::new()).await?;
    }
    Ok(over)
}

async fn erase_one(context: &Context, key: &Key, erase: &Erase<'_>) -> Result<bool, CallError> {
    let over = context.cluster.erase(key, erase).await?;
    if over {
        info!(stack = %key, database = erase.database, "its data is deleted, as `onDelete: Delete` said");
    }
    Ok(over)
}

async fn register(context: &Context, key: &Key, root: &Root, databases: &BTreeSet<String>) -> Result<(), CallError> {
    match context.cluster.register(key, root, databases).await {
        Err(error) if !(databases.is_empty() && matches!(error.code(), Some(404 | 409))) => return Err(error),
        _ => {} // A stack that is gone has no finalizer left to take away.
    }
    context.cluster.store().wrote_registered(key, databases);
    Ok(())
}

/// The names of a stack's children, also where the rest of its spec cannot be read.
fn names(root: &Root) -> Names {
    let spec: serde_json::Value = serde_json::from_str(&root.spec).unwrap_or_default();
    serde_json::from_value(spec["names"].clone()).unwrap_or_default()
}

fn held(database: &str, error: &CallError) -> (String, Violation) {
    let violation = Violation {
        path: format!("spec.databases.{database}.onDelete"),
        reason: format!("it cannot be stamped on the data: {}", error.words()),
        fix: "it is tried again by itself; mend what the API server names".to_owned(),
        code: Code::DataHeld,
    };
    ("ApplyFailed".to_owned(), violation)
}

fn failure(erase: &Erase<'_>, error: &CallError) -> Failure {
    Failure {
        component: erase.database.clone(),
        kind: Kind::PersistentVolumeClaim,
        name: format!("of {}", erase.database),
        cause: Cause::Transient,
        message: format!("its data cannot be deleted: {}", error.words()),
    }
}
