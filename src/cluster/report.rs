//! Writes the status, if it differs.
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::apply::Cluster;
use super::client::{Call, CallError};
use super::slim::{self, Meta};
use super::store::{Key, Root};
use crate::api::{GROUP, StackStatus};

/// Field manager of statuses.
const MANAGER: &str = "mstack-status";

impl Cluster {
    /// Writes a status; the UID makes sure that it is still the same stack.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub async fn report(&self, key: &Key, root: &Root, status: &StackStatus) -> Result<(), CallError> {
        let api = Api::<Meta>::namespaced_with(self.client.clone(), &key.namespace, &slim::stacks());
        let body = json!({
            "apiVersion": format!("{GROUP}/v1alpha1"), "kind": "MicroserviceStack",
            "metadata": {"name": key.name, "uid": root.uid}, "status": status,
        });
        let _permit = self.writes.acquire().await;
        let answer = api.patch_status(&key.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&body)).timed().await?;
        self.store().wrote_status(key, &answer.wire, &body["status"].to_string());
        Ok(())
    }
}
