//! Secrets that users refer to: each is watched alone, by its name, as metadata; it is read when it changes, and only a
//! digest of it is kept. The digest is keyed with the Secret's UID, so that a guess of the data cannot be checked.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;
use tokio::task::AbortHandle;
use tracing::warn;

use super::client::Call;
use super::store::Key;
use crate::model::SecretFacts;

/// Namespace and name of a Secret.
type Id = (Box<str>, String);

/// Digests of the Secrets that stacks refer to.
pub struct References {
    client: Client,
    changed: Sender<Key>,
    watched: Mutex<HashMap<Id, Watched>>,
}

/// What is known of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Digested {
    /// It has not been read yet.
    Unread,
    /// Its digest, or none where there is no such Secret.
    Read(Option<SecretFacts>),
}

struct Watched {
    stacks: HashSet<Key>,
    digest: Digested,
    task: AbortHandle,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl References {
    /// Tells of changes by sending the stacks that they concern.
    pub fn new(client: Client, changed: Sender<Key>) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { client, changed, watched: Mutex::default() })
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Id, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stack is gone: what only it referred to is not watched any more.
    pub fn forget(&self, stack: &Key) {
        self.watched().retain(|_, entry| {
            entry.stacks.remove(stack);
            !entry.stacks.is_empty()
        });
    }

    /// The digests of the Secrets that a stack refers to now, and of no others from now on; none while one of them has
    /// not been read yet (the stack is sent as changed then).
    pub fn resolve(
        self: &std::sync::Arc<Self>,
        stack: &Key,
        names: &BTreeSet<String>,
    ) -> Option<BTreeMap<String, Option<SecretFacts>>> {
        let mut watched = self.watched();
        watched.retain(|(namespace, name), entry| {
            if *namespace == stack.namespace && !names.contains(name) {
                entry.stacks.remove(stack);
            }
            !entry.stacks.is_empty()
        });
        let mut digests = BTreeMap::new();
        let mut complete = true;
        for name in names {
            let id = (stack.namespace.clone(), name.clone());
            let entry = watched.entry(id.clone()).or_insert_with(|| Watched {
                stacks: HashSet::new(),
                digest: Digested::Unread,
                task: tokio::spawn(std::sync::Arc::clone(self).follow(id)).abort_handle(),
            });
            entry.stacks.insert(stack.clone());
            match &entry.digest {
                Digested::Read(digest) => {
                    digests.insert(name.clone(), digest.clone());
                }
                Digested::Unread => complete = false,
            }
        }
        complete.then_some(digests)
    }

    async fn follow(self: std::sync::Arc<Self>, id: Id) {
        let api = Api::<PartialObjectMeta<Secret>>::namespaced(self.client.clone(), &id.0);
        let config = Config::default().fields(&format!("metadata.name={}", id.1));
        let mut events = pin!(watcher(api, config).default_backoff());
        let mut there = false;
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => there = false,
                Ok(Some(Event::InitApply(_) | Event::Apply(_))) => {
                    there = true;
                    self.read(&id).await;
                }
                Ok(Some(Event::InitDone)) if !there => self.set(&id, None).await,
                Ok(Some(Event::InitDone)) => {}
                Ok(Some(Event::Delete(_))) => self.set(&id, None).await,
                Ok(None) => return,
                Err(error) => {
                    warn!(namespace = %id.0, secret = id.1, %error, "watch of a referenced Secret failed; trying again");
                }
            }
        }
    }

    /// Reads a Secret, however long it takes: the watch does not tell a second time.
    async fn read(&self, id: &Id) {
        let api = Api::<Secret>::namespaced(self.client.clone(), &id.0);
        let mut wait = Duration::from_secs(1);
        loop {
            match api.get_opt(&id.1).timed().await {
                Ok(secret) => return self.set(id, secret.as_ref().map(facts)).await,
                Err(error) => warn!(namespace = %id.0, secret = id.1, %error, "a referenced Secret cannot be read; trying again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_mins(1));
        }
    }

    async fn set(&self, id: &Id, digest: Option<SecretFacts>) {
        let stacks: Vec<Key> = {
            let mut watched = self.watched();
            let Some(entry) = watched.get_mut(id) else { return };
            let digest = Digested::Read(digest);
            if entry.digest == digest {
                return;
            }
            entry.digest = digest;
            entry.stacks.iter().cloned().collect()
        };
        for stack in stacks {
            let _ = self.changed.send(stack).await;
        }
    }
}

/// What is known of a Secret once it has been read.
pub fn facts(secret: &Secret) -> SecretFacts {
    SecretFacts { digest: digest(secret), keys: secret.data.iter().flatten().map(|(key, _)| key.clone()).collect() }
}

fn digest(secret: &Secret) -> String {
    let mut hasher = Sha256::new();
    hasher.update(secret.uid().unwrap_or_default());
    for (key, value) in secret.data.iter().flatten() {
        for part in [key.as_bytes(), &value.0] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
    }
    let half = &hasher.finalize()[..8];
    half.iter().fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
