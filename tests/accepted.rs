//! What is built, judged by a real API server: every object of every golden case is accepted, every path that is sent is
//! ours afterwards, sending it again changes nothing, and the pods pass Pod Security.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod cases;

use std::collections::BTreeSet;
use std::time::Duration;

use cases::{cases, containers};
use cluster::Cluster;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind, ObjectMeta};
use kube::{Api, Client, Config, CustomResourceExt, ResourceExt};
use mstack::api::MicroserviceStack;
use mstack::desired::{self, Desired, Object};
use mstack::kinds::{KINDS, Kind};
use mstack::model::Record;
use serde_json::{Value, json};

const MANAGER: &str = "mstack";

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_takes_every_object_as_it_is_sent_and_every_pod_of_it() {
    let cluster = Cluster::control_plane().await.unwrap();
    cluster.add_gateway_api().unwrap();
    let client = client(&cluster).await;
    install_stacks(&cluster, &client).await;
    every_path_that_is_sent_is_ours_and_sending_it_again_changes_nothing(&client).await;
    every_pod_passes_the_pod_security_standard_of_its_profile(&client).await;
}

/// Design, section 4: "A child is intact when its desired-hash is ours and every path that we send is in our Apply entry."
/// Rule 13: "At rest: zero writes".
async fn every_path_that_is_sent_is_ours_and_sending_it_again_changes_nothing(client: &Client) {
    let mut kinds = BTreeSet::new();
    for case in cases() {
        let (namespace, objects) = created(client, &case).await;
        for object in &objects {
            let what = format!("{namespace} {:?} {}", object.kind, object.name);
            let first = apply(client, &namespace, object).await;
            let entry = first.managed_fields().iter().find(|entry| entry.manager.as_deref() == Some(MANAGER)).unwrap();
            let fields = serde_json::to_value(entry.fields_v1.clone().unwrap()).unwrap();
            let missing = missing(&without_identity(&object.body), &fields, "");
            assert!(missing.is_empty(), "{what}: not in our entry: {missing:?}");
            let second = apply(client, &namespace, object).await;
            assert_eq!(spec(&first), spec(&second), "{what}: a second apply changed it");
            assert_eq!(first.metadata.generation, second.metadata.generation, "{what}");
            // Others are written by their controllers meanwhile.
            let quiet = [Kind::Service, Kind::ConfigMap, Kind::ServiceAccount, Kind::Ingress, Kind::HttpRoute, Kind::GrpcRoute];
            if quiet.contains(&object.kind) {
                assert_eq!(first.resource_version(), second.resource_version(), "{what}: a second apply was a write");
            }
            kinds.insert(object.kind);
        }
    }
    let managed: BTreeSet<Kind> = KINDS.iter().filter(|row| row.managed).map(|row| row.kind).collect();
    assert_eq!(kinds, managed, "the cases have every kind that is made");
}

/// Design, section 5: "Every pod ... passes Pod Security `baseline`; `Restricted` ... passes `restricted`."
async fn every_pod_passes_the_pod_security_standard_of_its_profile(client: &Client) {
    for level in ["baseline", "restricted"] {
        create_namespace(client, level, &json!({ "pod-security.kubernetes.io/enforce": level })).await;
        default_account(client, level).await;
    }
    let mut restricted = 0;
    for case in cases() {
        let stack = cases::stack(cases::object(&case), cases::UID);
        let Desired { objects, tasks } = desired::build(&stack);
        for object in objects.iter().chain(&tasks).filter(|object| !containers(&object.body).is_empty()) {
            let tight = object.body["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] == true;
            restricted += usize::from(tight);
            admit_pod(client, if tight { "restricted" } else { "baseline" }, object).await;
        }
    }
    assert!(restricted >= 8, "only {restricted} restricted pods");
}

async fn client(cluster: &Cluster) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

async fn install_stacks(cluster: &Cluster, client: &Client) {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd = MicroserviceStack::crd();
    api.create(&kube::api::PostParams::default(), &crd).await.unwrap();
    cluster.wait_until_served(&[&crd.name_any()]).unwrap();
}

/// Creates the stack of a case in a namespace of its own, so that its children have a living owner.
async fn created(client: &Client, case: &std::path::Path) -> (String, Vec<Object>) {
    let namespace = format!("case-{}", case.file_name().unwrap().to_string_lossy());
    create_namespace(client, &namespace, &json!({})).await;
    let mut object = cases::object(case);
    object.metadata.namespace = Some(namespace.clone());
    let stacks: Api<MicroserviceStack> = Api::namespaced(client.clone(), &namespace);
    let owner =
        stacks.create(&kube::api::PostParams::default(), &object).await.unwrap_or_else(|error| panic!("{namespace}: {error}"));
    let stack = cases::stack(object, &owner.uid().unwrap());
    let record = desired::revision_record(&stack, &Record { number: 1, ..Record::default() });
    let Desired { objects, tasks } = desired::build(&stack);
    (namespace, objects.into_iter().chain(tasks).chain([record]).collect())
}

async fn create_namespace(client: &Client, name: &str, labels: &Value) {
    let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
    let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    api.patch(name, &PatchParams::apply("test"), &Patch::Apply(&body)).await.unwrap();
}

async fn default_account(client: &Client, namespace: &str) {
    let api: Api<k8s_openapi::api::core::v1::ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let wait =
        kube::runtime::wait::await_condition(api, "default", |account: Option<&k8s_openapi::api::core::v1::ServiceAccount>| {
            account.is_some()
        });
    tokio::time::timeout(Duration::from_mins(2), wait).await.unwrap().unwrap();
}

async fn apply(client: &Client, namespace: &str, object: &Object) -> DynamicObject {
    let row = object.kind.row();
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(row.group, row.version, row.name), row.plural);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let applied = api.patch(&object.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object.body)).await;
    applied.unwrap_or_else(|error| panic!("{namespace} {:?} {}: {error}", object.kind, object.name))
}

/// Asks for a pod of a workload without making it; what is refused says why.
async fn admit_pod(client: &Client, namespace: &str, workload: &Object) {
    use k8s_openapi::api::core::v1::{Pod, Volume};
    let mut pod: Pod = serde_json::from_value(workload.body["spec"]["template"].clone()).unwrap();
    pod.metadata = ObjectMeta { name: Some(workload.name.clone()), ..ObjectMeta::default() };
    let spec = pod.spec.as_mut().unwrap();
    spec.service_account_name = None;
    // A claim template is a volume only once the StatefulSet controller has made it.
    if workload.kind == Kind::StatefulSet && !workload.body["spec"]["volumeClaimTemplates"].is_null() {
        let claim = json!({ "name": "data", "persistentVolumeClaim": { "claimName": "data" } });
        spec.volumes.get_or_insert_default().push(serde_json::from_value::<Volume>(claim).unwrap());
    }
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let dry = kube::api::PostParams { dry_run: true, ..kube::api::PostParams::default() };
    api.create(&dry, &pod).await.unwrap_or_else(|error| panic!("{:?} {} in {namespace}: {error}", workload.kind, workload.name));
}

fn spec(object: &DynamicObject) -> Value {
    let mut data = object.data.clone();
    data.as_object_mut().unwrap().remove("status");
    data
}

/// What is sent, without what names the object: that has no owner.
fn without_identity(body: &Value) -> Value {
    let mut body = body.clone();
    for field in ["apiVersion", "kind"] {
        body.as_object_mut().unwrap().remove(field);
    }
    for field in ["name", "namespace"] {
        body["metadata"].as_object_mut().unwrap().remove(field);
    }
    body
}

/// The paths of `sent` that a set of managed fields does not have. A set without members stands for all below it.
fn missing(sent: &Value, fields: &Value, path: &str) -> Vec<String> {
    if fields.as_object().is_none_or(serde_json::Map::is_empty) {
        return Vec::new();
    }
    let below = |name: String, sent: &Value, found: Option<&Value>| match found {
        Some(fields) => missing(sent, fields, &name),
        None => vec![name],
    };
    match sent {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| below(format!("{path}.{name}"), value, fields.get(format!("f:{name}"))))
            .collect(),
        Value::Array(items) => {
            items.iter().flat_map(|item| below(format!("{path}[{item}]"), item, member(item, fields))).collect()
        }
        _ => Vec::new(),
    }
}

/// The member of a set for an item of a list: by its keys, or by its value.
fn member<'a>(item: &Value, fields: &'a Value) -> Option<&'a Value> {
    let matches = |name: &str| match name.split_at(2) {
        ("k:", keys) => {
            let keys: Value = serde_json::from_str(keys).unwrap();
            keys.as_object().unwrap().iter().all(|(key, value)| item[key] == *value)
        }
        ("v:", value) => serde_json::from_str::<Value>(value).unwrap() == *item,
        _ => false,
    };
    fields.as_object()?.iter().find(|(name, _)| matches(name)).map(|(_, fields)| fields)
}
