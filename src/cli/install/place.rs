//! What of an installation is in a cluster, and the requests that change it.
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::Resource;
use kube::api::{Api, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ApiResource;
use serde_json::Value;

use super::super::common::access::{Access, name_of, qualified};
use super::super::common::refusal::{Refusal, Right};
use super::objects::{MANAGED_BY, title};

/// Who applies, in the managed fields.
const MANAGER: &str = "mstack-install";
const RELEASE: &str = "meta.helm.sh/release-name";

/// Refuses an installation beside another one, which would work on the same stacks.
///
/// # Errors
/// Where another one is, with what to do.
pub async fn is_free(access: &Access) -> Result<(), String> {
    let params = ListParams::default().labels("app.kubernetes.io/name=mstack,app.kubernetes.io/component=operator");
    let api = Api::<Deployment>::all(access.client.clone());
    let found = access.ask(&Right::everywhere("list", "deployments.apps"), api.list(&params)).await;
    for deployment in found.map_err(|refusal| refusal.to_string())?.items {
        let namespace = deployment.metadata.namespace.clone().unwrap_or_default();
        let of = |texts: &Option<std::collections::BTreeMap<String, String>>, key: &str| texts.as_ref()?.get(key).cloned();
        if let Some(release) = of(&deployment.metadata.annotations, RELEASE) {
            return Err(format!(
                "helm has installed mstack in the namespace {namespace}; upgrade it by `helm upgrade {release} charts/mstack -n {namespace}`, \
                 or remove it first: `helm uninstall {release} -n {namespace}` leaves all stacks"
            ));
        }
        let ours = of(&deployment.metadata.labels, MANAGED_BY.0).as_deref() == Some(MANAGED_BY.1);
        if !ours || namespace != access.namespace {
            return Err(format!(
                "mstack is installed in the namespace {namespace} already; two operators must not keep the same stacks: \
                 use `-n {namespace}`, or remove that one first"
            ));
        }
    }
    Ok(())
}

/// Makes the namespace, unless it is there.
///
/// # Errors
/// When it cannot be made.
pub async fn make_namespace(access: &Access) -> Result<(), String> {
    let api = Api::<Namespace>::all(access.client.clone());
    let there = access.ask(&Right::everywhere("get", "namespaces"), api.get_opt(&access.namespace)).await;
    if there.map_err(|refusal| refusal.to_string())?.is_some() {
        return Ok(());
    }
    let mut namespace = Namespace::default();
    namespace.meta_mut().name = Some(access.namespace.clone());
    let made = access.ask(&Right::everywhere("create", "namespaces"), api.create(&PostParams::default(), &namespace)).await;
    made.map(drop).map_err(|refusal| refusal.to_string())
}

/// Applies an object, server-side. What others have set of it is taken over.
///
/// # Errors
/// When the API server does not take it.
pub async fn apply(access: &Access, object: &Value) -> Result<(), String> {
    let (api, right) = door(access, object, "patch");
    let params = PatchParams::apply(MANAGER).force();
    let applied = access.ask(&right, api.patch(name_of(object), &params, &Patch::Apply(object))).await;
    applied.map(drop).map_err(|refusal| format!("{}: {refusal}", title(object)))
}

/// The object as it is; none where it is not there, or is going already.
///
/// # Errors
/// When it cannot be read.
pub async fn live(access: &Access, object: &Value) -> Result<Option<Value>, String> {
    let (api, right) = door(access, object, "get");
    match access.ask(&right, api.get_opt(name_of(object))).await {
        Ok(found) => {
            let stays = found.filter(|found| found.metadata.deletion_timestamp.is_none());
            Ok(stays.and_then(|found| serde_json::to_value(found).ok()))
        }
        Err(Refusal::NoSuchKind(_)) => Ok(None),
        Err(refusal) => Err(format!("{}: {refusal}", title(object))),
    }
}

/// Whether an object that was read has gone: nothing is in its place, or another one.
///
/// # Errors
/// When it cannot be read.
pub async fn is_gone(access: &Access, former: &Value) -> Result<bool, String> {
    let (api, right) = door(access, former, "get");
    match access.ask(&right, api.get_metadata_opt(name_of(former))).await {
        Ok(found) => Ok(found.is_none_or(|found| found.metadata.uid.as_deref() != former["metadata"]["uid"].as_str())),
        Err(Refusal::NoSuchKind(_)) => Ok(true),
        Err(refusal) => Err(format!("{}: {refusal}", title(former))),
    }
}

/// Deletes an object that was read.
///
/// # Errors
/// When it may not be deleted.
pub async fn delete(access: &Access, live: &Value) -> Result<(), String> {
    let (api, right) = door(access, live, "delete");
    let uid = live["metadata"]["uid"].as_str().map(str::to_owned);
    let params =
        DeleteParams { preconditions: Some(Preconditions { uid, resource_version: None }), ..DeleteParams::background() };
    match access.ask(&right, api.delete(name_of(live), &params)).await {
        Ok(_) | Err(Refusal::Absent) => Ok(()),
        Err(refusal) => Err(format!("{}: {refusal}", title(live))),
    }
}

fn door(access: &Access, object: &Value, verb: &'static str) -> (Api<DynamicObject>, Right) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&object["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &text(&object["kind"])));
    let name = qualified(group, &resource.plural);
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => (Api::namespaced_with(access.client.clone(), namespace, &resource), Right::new(verb, &name)),
        None => (Api::all_with(access.client.clone(), &resource), Right::everywhere(verb, &name)),
    }
}
