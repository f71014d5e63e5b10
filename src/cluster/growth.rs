//! Grows volumes (rule 10). Whether a StorageClass can is read once for each growth; the answer is kept until the spec
//! changes or the slow tick comes.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Api, DeleteParams, Preconditions, PropagationPolicy};
use serde_json::{Value, json};

use super::apply::{Cause, Cluster, Failure};
use super::client::{Call, CallError};
use super::slim::{self, Meta};
use super::store::Key;
use crate::desired::meta;
use crate::kinds::Kind;
use crate::model::{Database, Stack};
use crate::observed::{Child, MANAGER};
use crate::plan::{Growth, Step};

/// Why volumes are not grown, by stack and database.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<(Key, String), Refusal>>);

#[derive(Clone, Debug)]
struct Refusal {
    generation: i64,
    why: String,
}

impl Refusals {
    /// Why the volumes of a database cannot grow, as far as that has been found out for this generation of the spec.
    pub fn of(&self, stack: &Key, generation: i64, database: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = known.get(&(stack.clone(), database.to_owned()))?;
        (refusal.generation == generation).then(|| refusal.why.clone())
    }

    /// All are looked at again: a class may have learned to grow.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn note(&self, stack: &Key, generation: i64, database: &str, why: String) {
        let refusal = Refusal { generation, why };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((stack.clone(), database.to_owned()), refusal);
    }
}

/// What came of a step.
enum End {
    /// Nothing is left to do, or an event tells when it is over.
    Done,
    /// Volumes were asked: the answers are known, and no event tells of them.
    Asked,
    Refused(String),
}

impl Cluster {
    /// Does the next step of each growth. What cannot grow is noted. True when what comes next is known already: no event
    /// tells it.
    pub async fn grow(&self, key: &Key, stack: &Stack, growth: &[Growth<'_>], refusals: &Refusals) -> Result<bool, Failure> {
        let mut again = false;
        for Growth { database, size, step } in growth {
            let end = match step {
                Step::Volumes(claims, class) => {
                    let pods = stack.databases.get(database).map(pods);
                    self.grow_volumes(key, claims, class.as_deref(), size, pods.as_ref()).await
                }
                Step::Replace(set) => self.remove(key, set, PropagationPolicy::Background).await.map(|()| End::Done),
                Step::Template(set) => self.remove(key, set, PropagationPolicy::Orphan).await.map(|()| End::Done),
            };
            match end {
                Ok(End::Done) => {}
                Ok(End::Asked) => again = true,
                Ok(End::Refused(why)) => {
                    refusals.note(key, stack.generation, database, why);
                    again = true;
                }
                Err(error) => return Err(failure(database, step, &error)),
            }
        }
        Ok(again)
    }

    async fn grow_volumes(
        &self,
        key: &Key,
        claims: &[&Child],
        class: Option<&str>,
        size: &str,
        pods: Option<&Value>,
    ) -> Result<End, CallError> {
        let Some(class) = class else {
            return Ok(End::Refused("it has no StorageClass, and only volumes of a class grow".to_owned()));
        };
        if !self.class_grows(class).await? {
            return Ok(End::Refused(format!("its StorageClass `{class}` does not have `allowVolumeExpansion: true`")));
        }
        let mut end = End::Done;
        for claim in claims {
            match self.grow_volume(key, claim, size, pods).await {
                Err(error) if matches!(error.code(), Some(403 | 422)) => return Ok(End::Refused(error.words())),
                Err(error) if error.code() != Some(404) => return Err(error),
                Ok(true) => end = End::Asked,
                _ => {}
            }
        }
        Ok(end)
    }

    /// Where the class may not be read, the API server judges it at the write.
    async fn class_grows(&self, name: &str) -> Result<bool, CallError> {
        match Api::<StorageClass>::all(self.client.clone()).get_opt(name).timed().await {
            Ok(class) => Ok(class.is_some_and(|class| class.allow_volume_expansion.unwrap_or_default())),
            Err(error) if error.code() == Some(403) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether asking has changed the volume. What its pods are goes along: while there is no StatefulSet, nothing else tells
    /// it, and something else would restart them.
    async fn grow_volume(&self, key: &Key, claim: &Child, size: &str, pods: Option<&Value>) -> Result<bool, CallError> {
        let body = json!({"metadata": {"annotations": pods}, "spec": {"resources": {"requests": {"storage": size}}}});
        let answer = self.merge(&key.namespace, claim, MANAGER, body).await?;
        Ok(answer.metadata.resource_version != claim.version.to_string())
    }

    /// Deletes a StatefulSet, exactly as it was seen; an orphaned pod runs on.
    async fn remove(&self, key: &Key, set: &Child, pods: PropagationPolicy) -> Result<(), CallError> {
        let api = Api::<Meta>::namespaced_with(self.client.clone(), &key.namespace, &slim::resource(set.kind.row()));
        let preconditions = Preconditions { uid: Some(set.uid.clone()), resource_version: Some(set.version.to_string()) };
        let params = DeleteParams { propagation_policy: Some(pods), ..DeleteParams::default() };
        let _permit = self.writes.acquire().await;
        match api.delete(&set.name, &params.preconditions(preconditions)).timed().await {
            Err(error) if error.code() != Some(404) => Err(error),
            _ => {
                self.store().told_to_go(key, set);
                Ok(())
            }
        }
    }
}

/// What the pods of a database are, as annotations of its volumes.
fn pods(database: &Database) -> Value {
    json!({meta::GUARD_IMAGE: database.guard_image, meta::FORM: database.recipe.form.to_string()})
}

fn failure(database: &str, step: &Step<'_>, error: &CallError) -> Failure {
    let (kind, name) = match step {
        Step::Volumes(claims, _) => {
            (Kind::PersistentVolumeClaim, claims.first().map(|claim| claim.name.clone()).unwrap_or_default())
        }
        Step::Replace(set) | Step::Template(set) => (set.kind, set.name.clone()),
    };
    let cause = if error.code() == Some(409) { Cause::Stale } else { Cause::Transient };
    Failure {
        component: database.to_owned(),
        kind,
        name,
        cause,
        message: format!("its storage cannot be grown: {}", error.words()),
    }
}
