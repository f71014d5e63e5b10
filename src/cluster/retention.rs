//! Stamps and deletes data (rule 9). Nothing is deleted but what a live read shows to be ours and stamped, and only as it
//! was read.
use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};

use super::apply::Cluster;
use super::client::{Call, CallError};
use super::slim::{self, Meta};
use super::store::{Key, Root};
use crate::api::GROUP;
use crate::desired::meta;
use crate::observed::Child;
use crate::plan::{Erase, Retention};

/// Field manager of finalizers and stamps.
const MANAGER: &str = "mstack-data";

impl Cluster {
    /// Registers the databases whose data goes with them: the finalizer and the list, in one write. None registered: both go.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub async fn register(&self, key: &Key, root: &Root, databases: &BTreeSet<String>) -> Result<(), CallError> {
        let mut metadata = json!({"name": key.name, "uid": root.uid});
        if !databases.is_empty() {
            let list = databases.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            metadata["finalizers"] = json!([meta::FINALIZER]);
            metadata["annotations"] = json!({meta::ON_DELETE: list});
        }
        let body = json!({"apiVersion": format!("{GROUP}/v1alpha1"), "kind": "MicroserviceStack", "metadata": metadata});
        let api = Api::<Meta>::namespaced_with(self.client.clone(), &key.namespace, &slim::stacks());
        let _permit = self.writes.acquire().await;
        api.patch(&key.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&body)).timed().await?;
        Ok(())
    }

    /// Makes the stamps as they are declared; the databases where that failed come back with why.
    pub async fn stamp(&self, key: &Key, retention: &Retention<'_>, secret: impl Fn(&str) -> String) -> Vec<(String, CallError)> {
        let mut failed = Vec::new();
        for (child, erased) in &retention.stamps {
            if let Err(error) = self.stamp_child(key, child, *erased).await {
                failed.push((child.component.clone(), error));
            }
        }
        for (database, erased) in &retention.secrets {
            if let Err(error) = self.stamp_secret(key, database, &secret(database), *erased).await {
                failed.push((database.clone(), error));
            }
        }
        failed
    }

    async fn stamp_child(&self, key: &Key, child: &Child, erased: bool) -> Result<(), CallError> {
        match self.merge(&key.namespace, child, MANAGER, stamp(erased)).await {
            Err(error) if error.code() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// Only a Secret that we have made for this database is stamped.
    async fn stamp_secret(&self, key: &Key, database: &str, name: &str, erased: bool) -> Result<(), CallError> {
        let resource = secrets();
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &key.namespace, &resource);
        let Some(live) = api.get_metadata_opt(name).timed().await? else { return Ok(()) };
        if !is_ours(&live.metadata, key, database) || is_stamped(&live.metadata) == erased {
            return Ok(());
        }
        let mut body = stamp(erased);
        body["metadata"]["uid"] = live.metadata.uid.into();
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let _permit = self.writes.acquire().await;
        match api.patch_metadata(name, &params, &Patch::Merge(&body)).timed().await {
            Err(error) if error.code() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes the data of a database: the volumes, then the Secret and the record. True once nothing is left of it that is
    /// stamped. A volume whose stamp somebody has taken away keeps its Secret and its record too.
    ///
    /// # Errors
    /// When the API server cannot be read, or refuses.
    pub async fn erase(&self, key: &Key, erase: &Erase<'_>) -> Result<bool, CallError> {
        if erase.volumes.iter().any(|volume| !volume.erasable) {
            return Ok(true);
        }
        for volume in erase.volumes.iter().filter(|volume| !volume.deleting) {
            self.erase_one(key, &slim::resource(volume.kind.row()), &volume.name, &erase.database).await?;
        }
        if !erase.volumes.is_empty() {
            return Ok(false); // Each that goes is an event.
        }
        self.erase_one(key, &secrets(), &erase.secret, &erase.database).await?;
        if let Some(record) = erase.record {
            self.erase_one(key, &slim::resource(record.kind.row()), &record.name, &erase.database).await?;
        }
        Ok(true)
    }

    async fn erase_one(&self, key: &Key, resource: &ApiResource, name: &str, database: &str) -> Result<(), CallError> {
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &key.namespace, resource);
        let Some(live) = api.get_metadata_opt(name).timed().await? else { return Ok(()) };
        let metadata = live.metadata;
        if !is_ours(&metadata, key, database) || !is_stamped(&metadata) || metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let preconditions = Preconditions { uid: metadata.uid, resource_version: metadata.resource_version };
        let _permit = self.writes.acquire().await;
        match api.delete(name, &DeleteParams::background().preconditions(preconditions)).timed().await {
            Err(error) if error.code() != Some(404) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The annotation that says whether an object goes with its database.
fn stamp(erased: bool) -> Value {
    json!({"metadata": {"annotations": {meta::ON_DELETE: erased.then_some(meta::ERASED)}}})
}

fn secrets() -> ApiResource {
    ApiResource::erase::<Secret>(&())
}

fn is_ours(metadata: &ObjectMeta, key: &Key, database: &str) -> bool {
    let label = |name: &str| metadata.labels.as_ref().and_then(|labels| labels.get(name)).map(String::as_str);
    label(meta::STACK) == Some(&*key.name) && label(meta::COMPONENT) == Some(database) && label(meta::DATA_IDENTITY).is_some()
}

fn is_stamped(metadata: &ObjectMeta) -> bool {
    let stamp = metadata.annotations.as_ref().and_then(|annotations| annotations.get(meta::ON_DELETE));
    stamp.is_some_and(|stamp| stamp == meta::ERASED)
}
