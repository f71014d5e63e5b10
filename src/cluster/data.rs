//! What outlives a stack: credentials and volumes. Before a StatefulSet is created, its volumes and its Secret are read
//! live; a Secret is made once, by POST, and never overwritten (rules 9 and 10).
use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, PostParams};
use kube::core::PartialObjectMeta;
use rand::distr::{Alphanumeric, SampleString};

use super::apply::Cluster;
use super::client::{Call, CallError};
use crate::codes::Code;
use crate::desired::{self, Passwords, meta};
use crate::kinds::Kind;
use crate::model::guard::{self, Found, Kept, Verdict};
use crate::model::{Credentials, Database, MOST_INSTANCES, Stack, Storage, Violation};
use crate::observed::{Child, MANAGER, Observed};
use crate::plan::Held;
use crate::readiness;

const PASSWORD_LENGTH: usize = 32;
const IDENTITY_LENGTH: usize = 20;

impl Cluster {
    /// Makes sure that the data of every database that is about to be created, or to get more instances, is what it should
    /// be. Fills in the identities; what must not be touched, or cannot be read or made, joins the `held`.
    pub async fn prepare_data(&self, stack: &mut Stack, observed: &Observed, mut held: Held) -> Held {
        let hibernates = stack.hibernates;
        let due = |database: &&Database| {
            let present = readiness::workload(observed, Kind::StatefulSet, &database.objects.base);
            present.is_none_or(|(_, workload)| !hibernates && workload.replicas < database.instances)
        };
        let free = |database: &&Database| !held.contains_key(&database.name);
        let databases: Vec<Database> = stack.databases.values().filter(due).filter(free).cloned().collect();
        for database in databases {
            match self.prepare(stack, &database, observed).await {
                Ok(Verdict::Held(reason, violation)) => {
                    held.insert(database.name.clone(), (reason.to_owned(), violation));
                }
                Ok(Verdict::Go { identity: Some(identity), .. }) => stack.set_identity(&database.name, &identity),
                Ok(Verdict::Go { identity: None, .. }) => {}
                Err(error) => {
                    held.insert(database.name.clone(), ("ApplyFailed".to_owned(), failed(&database, &error)));
                }
            }
        }
        held
    }

    /// The databases whose generated Secret is gone although they run, or is another one's by now: nobody watches our own
    /// Secrets, so this is the slow tick of rule 9. One metadata read for each.
    ///
    /// # Errors
    /// When the API server cannot be read.
    pub async fn missing_credentials(&self, stack: &Stack) -> Result<BTreeSet<String>, CallError> {
        let api = Api::<PartialObjectMeta<Secret>>::namespaced(self.client.clone(), &stack.namespace);
        let mut missing = BTreeSet::new();
        for database in stack.databases.values() {
            let Credentials::Generated { secret } = &database.credentials else { continue };
            let found = api.get_metadata_opt(secret).timed().await?.map(|secret| kept(&secret.metadata));
            if !found.is_some_and(|found| guard::opens(stack, database, &found)) {
                missing.insert(database.name.clone());
            }
        }
        Ok(missing)
    }

    async fn prepare(&self, stack: &Stack, database: &Database, observed: &Observed) -> Result<Verdict, CallError> {
        let found = find(&self.client, stack, database, observed).await?;
        let fresh = Alphanumeric.sample_string(&mut rand::rng(), IDENTITY_LENGTH).to_lowercase();
        let verdict = guard::judge(stack, database, &found, &fresh);
        if let Verdict::Go { make_secret: true, identity } = &verdict {
            let [consumer, peer] = [(); 2].map(|()| Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH));
            let passwords = Passwords { consumer: &consumer, peer: &peer };
            let secret = desired::credentials_secret(stack, database, passwords, identity.as_deref().unwrap_or(&fresh));
            if !self.post(stack, &secret).await? {
                // Somebody was faster: the one that is there counts.
                let found = find(&self.client, stack, database, observed).await?;
                return Ok(guard::judge(stack, database, &found, &fresh));
            }
        }
        Ok(verdict)
    }

    /// Creates a Secret; false when there is one of that name.
    async fn post(&self, stack: &Stack, secret: &Secret) -> Result<bool, CallError> {
        let api = Api::<Secret>::namespaced(self.client.clone(), &stack.namespace);
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let _permit = self.writes.acquire().await;
        match api.create(&params, secret).timed().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(409) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Reads live what a database would mount.
///
/// # Errors
/// When the API server cannot be read.
pub async fn find(client: &Client, stack: &Stack, database: &Database, observed: &Observed) -> Result<Found, CallError> {
    let secrets = Api::<PartialObjectMeta<Secret>>::namespaced(client.clone(), &stack.namespace);
    let claims = Api::<PartialObjectMeta<PersistentVolumeClaim>>::namespaced(client.clone(), &stack.namespace);
    let secret = match &database.credentials {
        Credentials::Generated { secret } => secrets.get_metadata_opt(secret).timed().await?.map(|secret| kept(&secret.metadata)),
        _ => None,
    };
    let mut volumes = Vec::new();
    if matches!(database.storage, Storage::Volume { .. }) {
        for ordinal in 0..database.instances {
            let claim = claims.get_metadata_opt(&database.objects.claim(ordinal)).timed().await?;
            volumes.push(claim.map(|claim| kept(&claim.metadata)));
        }
    }
    volumes.extend(copies(stack, database, observed));
    let record = observed.get(Kind::ConfigMap, &database.objects.identity).and_then(|record| record.identity.clone());
    Ok(Found { secret, volumes, record })
}

/// The volumes of instances that there were once, and are not to be: an empty first one must not take their place.
fn copies(stack: &Stack, database: &Database, observed: &Observed) -> Vec<Option<Kept>> {
    let claim = |ordinal| observed.get(Kind::PersistentVolumeClaim, &database.objects.claim(ordinal));
    let kept = |claim: &Child| Kept {
        stack: Some(stack.name.clone()),
        component: Some(claim.component.clone()),
        identity: claim.identity.clone(),
    };
    let left = (database.instances..MOST_INSTANCES).filter_map(claim).filter(|claim| !claim.deleting && claim.identity.is_some());
    left.map(|claim| Some(kept(claim))).collect()
}

fn failed(database: &Database, error: &CallError) -> Violation {
    Violation {
        path: format!("spec.databases.{}", database.name),
        reason: format!("its Secret and volumes cannot be read or made: {}", error.words()),
        fix: "it is tried again by itself; mend what the API server names".to_owned(),
        code: Code::DataHeld,
    }
}

fn kept(metadata: &ObjectMeta) -> Kept {
    let label = |name: &str| metadata.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
    Kept { stack: label(meta::STACK), component: label(meta::COMPONENT), identity: label(meta::DATA_IDENTITY) }
}
