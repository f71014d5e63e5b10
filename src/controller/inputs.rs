//! The inputs of a reconcile: what the watches have seen, in the form that the pure rooms take. No call is made here.
use std::collections::BTreeMap;

use kube::api::ObjectMeta;

use super::{Context, Next, rollout};
use crate::api::status::ObservedRequests;
use crate::api::{MicroserviceStack, RETRY, StackSpec, StackStatus};
use crate::cluster::store::{Key, Root};
use crate::codes::Code;
use crate::kinds::Kind;
use crate::model::{self, Facts, Stack};
use crate::observed::{self, Observed};

/// What the watches have seen of a stack.
pub fn observe(context: &Context, key: &Key) -> Option<(Root, Observed)> {
    let store = context.cluster.store();
    store.root(key).map(|root| (root, store.observed(key)))
}

/// The status as it was last written.
pub fn previous_status(root: &Root) -> StackStatus {
    root.status.as_deref().and_then(|status| serde_json::from_str(status).ok()).unwrap_or_default()
}

/// Why there is no checked stack.
pub enum Stop {
    /// Something has not been read yet.
    Wait(Next),
    /// The spec is not valid.
    Invalid(model::Violations),
}

/// The checked stack that is to be: as the spec says, or with the services of the last good revision (rule 7).
pub async fn validate(context: &Context, key: &Key, root: &Root, observed: &Observed) -> Result<Stack, Stop> {
    let spec: StackSpec = serde_json::from_str(&root.spec).map_err(|error| Stop::Invalid(undecodable(&error)))?;
    let former = rollout::former(context, key, root, &spec, observed).await.map_err(Stop::Wait)?;
    let mut names = model::referenced_secrets(&spec);
    if let Some(Ok(former)) = &former {
        names.extend(model::referenced_secrets(former));
    }
    let secrets = context.references.resolve(key, &names).ok_or(Stop::Wait(Next::Event))?;
    let has = |kind| context.cluster.store().has(kind);
    let facts = Facts {
        gateway_api: has(Kind::HttpRoute),
        grpc_routes: has(Kind::GrpcRoute),
        secrets,
        volumes: observed::volumes(spec.databases.keys(), observed, |name| context.refusals.of(key, root.generation, name)),
        guard_image: context.guard_image.clone(),
    };
    let metadata = ObjectMeta {
        name: Some(key.name.to_string()),
        namespace: Some(key.namespace.to_string()),
        uid: Some(root.uid.clone()),
        generation: Some(root.generation),
        annotations: Some(annotations(root)),
        ..ObjectMeta::default()
    };
    let check = |spec| model::check(&MicroserviceStack { metadata: metadata.clone(), spec, status: None }, &facts);
    let stack = check(spec).map_err(Stop::Invalid)?;
    Ok(match former {
        None => stack,
        Some(former) => stack.put_back(former.and_then(|former| check(former).map_err(|violations| violations.to_string()))),
    })
}

/// What its annotations ask for, to be reported; none where they ask for nothing.
pub fn requests(root: &Root) -> Option<ObservedRequests> {
    let retry = Some(&root.retry).filter(|retry| !retry.is_empty());
    let requests =
        ObservedRequests { restarted_at: root.restarts.as_deref().map(str::to_owned), retry: retry.map(ToString::to_string) };
    (requests != ObservedRequests::default()).then_some(requests)
}

/// The annotations of a stack that say something.
fn annotations(root: &Root) -> BTreeMap<String, String> {
    let restarts = root.restarts.as_ref().map(|times| (model::RESTARTED_AT.to_owned(), times.to_string()));
    restarts.into_iter().chain([(RETRY.to_owned(), root.retry.to_string())]).collect()
}

fn undecodable(error: &serde_json::Error) -> model::Violations {
    let mut violations = model::Violations::default();
    violations.add(
        Code::SpecUnreadable,
        "spec",
        format!("it cannot be read: {error}"),
        "apply it again with the CRD of this version of the operator",
    );
    violations
}
