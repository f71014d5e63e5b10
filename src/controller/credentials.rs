//! The slow tick of rule 9: our own Secrets are never watched, so now and then each is looked for.
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use super::Context;
use crate::cluster::store::Key;
use crate::codes::Code;
use crate::model::{Stack, Violation};
use crate::plan::Held;

/// Which stacks are due for a look, and what the last look has found missing.
#[derive(Debug, Default)]
pub struct Credentials(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    due: HashSet<Key>,
    missing: HashMap<Key, BTreeSet<String>>,
}

impl Credentials {
    /// The next reconcile of these stacks looks for their Secrets.
    pub fn due(&self, stacks: impl IntoIterator<Item = Key>) {
        self.with(|found| found.due.extend(stacks));
    }

    /// A stack is gone.
    pub fn forget(&self, stack: &Key) {
        self.with(|found| {
            found.due.remove(stack);
            found.missing.remove(stack);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Found) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Adds the databases whose Secret is gone; a Secret that was found missing is looked for at every reconcile.
pub async fn with_missing(context: &Context, key: &Key, stack: &Stack, mut held: Held) -> Held {
    let look = context.credentials.with(|found| found.due.remove(key) || found.missing.contains_key(key));
    if look {
        match context.cluster.missing_credentials(stack).await {
            Ok(missing) if missing.is_empty() => context.credentials.forget(key),
            Ok(missing) => context.credentials.with(|found| drop(found.missing.insert(key.clone(), missing))),
            Err(error) => warn!(%error, "generated Secrets cannot be looked for"),
        }
    }
    let missing = context.credentials.with(|found| found.missing.get(key).cloned().unwrap_or_default());
    for name in missing {
        held.entry(name.clone()).or_insert_with(|| ("CredentialsMissing".to_owned(), violation(stack, &name)));
    }
    held
}

fn violation(stack: &Stack, database: &str) -> Violation {
    let secret = stack.databases.get(database).map(|database| database.objects.base.clone()).unwrap_or_default();
    Violation {
        path: format!("spec.databases.{database}"),
        reason: format!(
            "its Secret {secret} is gone, or is of other data: what runs goes on, but no instance of it or of its consumers can start again"
        ),
        fix: format!("restore the Secret {secret} from a backup"),
        code: Code::DataHeld,
    }
}
