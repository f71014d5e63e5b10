//! What a stack has reported over time: every state that the API server has had of it, none skipped.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use kube::api::{WatchEvent, WatchParams};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::world::{Namespace, PATIENCE, condition};

/// Every state of one stack since the watch began.
pub struct History {
    /// Version at which the watch began.
    begun: u64,
    seen: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl History {
    /// Follows a stack, which may not exist yet.
    pub async fn of(namespace: &Namespace<'_>, stack: &str) -> History {
        let api = namespace.api(&mstack::cluster::slim::stacks());
        let params = WatchParams::default().fields(&format!("metadata.name={stack}"));
        let list = api.list(&kube::api::ListParams::default()).await.unwrap();
        let mut version = list.metadata.resource_version.unwrap();
        let begun = version.parse().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            // The API server ends a watch after a while; the next one goes on where it was.
            loop {
                let mut stream = api.watch(&params, &version).await.unwrap().boxed();
                while let Ok(Some(event)) = stream.try_next().await {
                    match event {
                        WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                            version = object.metadata.resource_version.clone().unwrap();
                            let object = serde_json::to_value(object).unwrap();
                            into.lock().unwrap_or_else(PoisonError::into_inner).push(object);
                        }
                        WatchEvent::Error(error) => panic!("{error:?}"),
                        _ => {}
                    }
                }
            }
        });
        History { begun, seen, task }
    }

    /// Waits until the watch has shown this state of the stack, which was read beside it.
    pub async fn caught_up(&self, stack: &Value) {
        let version = |stack: &Value| stack["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap();
        let asked = Instant::now();
        loop {
            let latest = self.seen().last().map_or(self.begun, version);
            if latest >= version(stack) {
                return;
            }
            assert!(asked.elapsed() < PATIENCE, "the watch is at {latest} and the stack at {}", version(stack));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Value>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The states so far that have a status.
    pub fn states(&self) -> Vec<Value> {
        self.seen().iter().filter(|stack| stack["status"].is_object()).cloned().collect()
    }

    /// How `Ready` went: status and reason, each as long as it did not change once.
    pub fn ready(&self) -> Vec<(String, String)> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut went: Vec<_> = self
            .states()
            .iter()
            .filter_map(|stack| condition(stack, "Ready").map(|ready| (word(&ready["status"]), word(&ready["reason"]))))
            .collect();
        went.dedup();
        went
    }

    /// The phases of all components, as long as they did not change once.
    pub fn phases(&self) -> Vec<Value> {
        let mut phases: Vec<_> = self.states().iter().map(|stack| picked(stack, "phase")).collect();
        phases.dedup();
        phases
    }

    /// A status that says the same as the one before, in other words.
    pub fn told_twice(&self) -> Option<Value> {
        let said = |stack: &Value| {
            let status = &stack["status"];
            let conditions = status["conditions"].as_array().into_iter().flatten();
            let conditions: Vec<_> =
                conditions.map(|condition| (condition["status"].clone(), condition["reason"].clone())).collect();
            let facts = ["phase", "instances", "storage", "url"].map(|field| picked(stack, field));
            (status["observedGeneration"].clone(), status["revision"].clone(), conditions, facts)
        };
        self.states()
            .windows(2)
            .find(|pair| pair[0]["status"] != pair[1]["status"] && said(&pair[0]) == said(&pair[1]))
            .map(|pair| pair[1].clone())
    }
}

/// A field of each component.
fn picked(stack: &Value, field: &str) -> Value {
    let of = |group: &str| {
        let components = stack["status"][group].as_object().into_iter().flatten();
        components.map(|(name, component)| (name.clone(), component[field].clone())).collect::<serde_json::Map<_, _>>()
    };
    serde_json::json!({"services": of("services"), "databases": of("databases")})
}

impl Drop for History {
    fn drop(&mut self) {
        self.task.abort();
    }
}
