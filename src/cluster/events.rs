//! Kubernetes Events: only on transitions, with stable reasons.
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tracing::debug;

use super::client::Call;
use super::store::Key;
use crate::api::GROUP;
use crate::kinds::Kind;
use crate::model::names::short_hash;

/// Publishes Events about stacks.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

/// One thing worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether a person should look.
    pub warning: bool,
    /// Stable reason word.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// The child that it happened to.
    pub about: Option<(Kind, String)>,
}

impl Events {
    /// Events of this instance of the operator.
    pub fn new(client: Client, instance: &str) -> Self {
        Self {
            recorder: Recorder::new(client, Reporter { controller: "mstack".to_owned(), instance: Some(instance.to_owned()) }),
        }
    }

    /// Publishes a note about a stack. An Event that cannot be written is not worth failing for.
    pub async fn publish(&self, key: &Key, uid: &str, note: &Note) {
        let reference = ObjectReference {
            api_version: Some(format!("{GROUP}/v1alpha1")),
            kind: Some("MicroserviceStack".to_owned()),
            name: Some(key.name.to_string()),
            namespace: Some(key.namespace.to_string()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        let child = |(kind, name): &(Kind, String)| ObjectReference {
            api_version: Some(kind.row().api_version()),
            kind: Some(kind.row().name.to_owned()),
            name: Some(name.clone()),
            namespace: Some(key.namespace.to_string()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: if note.warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.clone(),
            note: Some(note.message.chars().take(1024).collect()),
            action: action(&note.message),
            secondary: note.about.as_ref().map(child),
        };
        if let Err(error) = self.recorder.publish(&event, &reference).timed().await {
            debug!(%error, "event not published");
        }
    }
}

/// The recorder makes one series of all Events of an action and a reason, under the words of the first. Others have words
/// of their own, so they are another action.
fn action(message: &str) -> String {
    format!("Reconcile-{}", short_hash(message))
}
