//! Records of revisions: written once their outcome is known, read once when their services are to be put back.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::api::Api;
use serde_json::json;

use super::apply::Cluster;
use super::client::{Call, CallError};
use super::store::Key;
use crate::api::RETRY;
use crate::desired::{Object, meta};
use crate::model::Stack;
use crate::model::revision::Part;
use crate::observed::{Child, MANAGER};

/// What was read of good revisions, by stack, with the UID of the record.
#[derive(Debug, Default)]
pub struct Parts(Mutex<HashMap<Key, (String, Part)>>);

impl Parts {
    /// A stack is gone, or needs no old revision any more.
    pub fn forget(&self, stack: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(stack);
    }

    fn known(&self, stack: &Key, uid: &str) -> Option<Part> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.get(stack).filter(|(of, _)| of == uid).map(|(_, part)| part.clone())
    }
}

impl Cluster {
    /// What a recorded revision consists of; none where the record does not hold what its name says.
    ///
    /// # Errors
    /// When the API server cannot be read.
    pub async fn part(&self, parts: &Parts, key: &Key, record: &Child) -> Result<Option<Part>, CallError> {
        if let Some(part) = parts.known(key, &record.uid) {
            return Ok(Some(part));
        }
        let api = Api::<ControllerRevision>::namespaced(self.client.clone(), &key.namespace);
        let data = api.get_opt(&record.name).timed().await?.and_then(|revision| revision.data);
        let part = data.and_then(|data| serde_json::from_value::<Part>(data.0).ok());
        let part = part.filter(|part| part.clone().revision(&key.name).name == record.name);
        if let Some(part) = &part {
            let known = (record.uid.clone(), part.clone());
            parts.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), known);
        }
        Ok(part)
    }

    /// Records what came of a revision. A record that is there keeps its data: only what is told of it changes.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub async fn record(&self, stack: &Stack, object: &Object, before: Option<&Child>) -> Result<(), CallError> {
        let Some(before) = before else { return self.create(stack, object).await };
        let mut annotations = object.body["metadata"]["annotations"].clone();
        for told in [meta::REASON, RETRY] {
            annotations[told] = annotations[told].take(); // What is not told any more goes.
        }
        let body = json!({"metadata": {"annotations": annotations}, "revision": object.body["revision"]});
        self.merge(&stack.namespace, before, MANAGER, body).await?;
        Ok(())
    }
}
