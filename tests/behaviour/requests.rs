//! Rule 13 and the promises about requests, counted in the API server's audit log.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::history::History;
use crate::world::{Namespace, PATIENCE, Request, World};

/// Counts on their way are told at most this often.
const PAUSE: Duration = Duration::from_secs(3);

/// Three services of which two scale, and one database: 22 objects, the record of the revision among them.
pub const SHOP: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [api]}
  api: {image: 'api:1', port: 8080, scale: {min: 2, max: 5, cpu: 70}, resources: {cpu: 100m}, uses: [orders]}
  worker: {image: 'worker:1', scale: {min: 1, max: 3, cpu: 70}, resources: {cpu: 100m}, uses: [orders]}
";

/// Three databases, with given, generated and ephemeral data, and a service with a Secret and a file.
const DATABASES: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}, credentials: {secret: given}}
  jobs: {engine: rabbitmq, storage: {size: 1Gi}}
  cache: {engine: valkey, ephemeral: true}
services:
  api: {image: 'api:1', port: 8080, uses: [orders, jobs, cache], secrets: [stripe], files: {/etc/app.toml: 'a = 1'}}
";

pub fn child_writes(requests: &[Request]) -> Vec<&Request> {
    requests.iter().filter(|request| request.is_child_write()).collect()
}

pub fn status_writes(requests: &[Request]) -> usize {
    requests.iter().filter(|request| request.is_status_write()).count()
}

/// The children that the operator makes; volume claims are made by Kubernetes.
fn made(namespace: &Namespace<'_>) -> usize {
    let children = namespace.children();
    children.iter().filter(|(resource, _)| *resource != "persistentvolumeclaim").map(|(_, names)| names.len()).sum()
}

fn reads(requests: &[Request]) -> BTreeMap<(String, String), usize> {
    let mut reads = BTreeMap::new();
    for request in requests.iter().filter(|request| request.is_read()) {
        *reads.entry((request.verb.clone(), request.resource.clone())).or_default() += 1;
    }
    reads
}

fn counted(reads: &[(&str, &str, usize)]) -> BTreeMap<(String, String), usize> {
    reads.iter().map(|(verb, resource, count)| (((*verb).to_owned(), (*resource).to_owned()), *count)).collect()
}

/// At most two statuses for each change of a state, and one for counts on their way in each pause; none without news.
async fn assert_statuses_are_few(shop: &Namespace<'_>, history: &History, requests: &[Request], begun: Instant) {
    history.caught_up(&shop.stack("shop").await).await;
    let (statuses, changes) = (status_writes(requests), history.phases().len() - 1);
    let pauses = usize::try_from(begun.elapsed().as_secs() / PAUSE.as_secs()).unwrap();
    println!("{statuses} status writes for {changes} changes of state and {pauses} pauses");
    assert!(statuses <= 2 * changes + pauses, "{statuses} status writes: {:#?}", history.states());
    assert_eq!(history.told_twice(), None, "a status write tells something new");
}

#[tokio::test]
async fn rule_13_creating_a_stack_costs_one_write_per_child_and_no_read_but_those_of_its_data() {
    let world = World::shared().await;
    let shop = world.namespace("create-cost").await;
    let history = History::of(&shop, "shop").await;
    let begun = Instant::now();
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(0).await;
    let writes = child_writes(&requests);
    assert_eq!(writes.len(), made(&shop), "{writes:#?}");
    assert_eq!(reads(&requests), counted(&[("get", "secrets", 1), ("get", "persistentvolumeclaims", 1)]));
    println!("{} children: {} child writes", made(&shop), writes.len());
    assert_statuses_are_few(&shop, &history, &requests, begun).await;
}

#[tokio::test]
async fn rule_13_given_credentials_and_several_databases_cost_one_write_per_child_too() {
    let world = World::shared().await;
    let shop = world.namespace("create-databases").await;
    shop.kubectl(&["create", "secret", "generic", "given", "--from-literal=username=u", "--from-literal=password=p"]);
    shop.kubectl(&["create", "secret", "generic", "stripe", "--from-literal=KEY=k"]);
    shop.apply_stack("shop", DATABASES);
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(0).await;
    assert_eq!(child_writes(&requests).len(), made(&shop), "{requests:#?}");
    // Each Secret that the user refers to is listed by its name and read once; each generated one and each volume once.
    let expected = [("get", "secrets", 4), ("list", "secrets", 2), ("get", "persistentvolumeclaims", 2)];
    assert_eq!(reads(&requests), counted(&expected));
}

#[tokio::test]
async fn rule_2_a_changed_count_is_one_write() {
    let world = World::shared().await;
    let shop = world.namespace("scale-cost").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 4}}}})).await;
    shop.child_until(Kind::Deployment, "web", "scaled to 4", |web| web["spec"]["replicas"] == 4).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    assert_eq!(child_writes(&requests).len(), 1, "{requests:#?}");
    assert_eq!(reads(&requests), BTreeMap::new());
}

#[tokio::test]
async fn rule_13_a_changed_image_is_one_write_of_one_child_and_the_record_of_the_revision() {
    let world = World::shared().await;
    let shop = world.namespace("image-cost").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    let history = History::of(&shop, "shop").await;
    let begun = Instant::now();
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": "web:2"}}}})).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    let writes = child_writes(&requests);
    // The second one is the record that the revision is good.
    assert_eq!(writes.iter().map(|write| write.resource.as_str()).collect::<Vec<_>>(), ["deployments", "controllerrevisions"]);
    assert_eq!(writes[0].name, "web");
    assert_eq!(reads(&requests), BTreeMap::new());
    history.caught_up(&shop.stack("shop").await).await;
    assert_eq!(history.ready().iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>(), ["True", "False", "True"]);
    assert_statuses_are_few(&shop, &history, &requests, begun).await;
}

#[tokio::test]
async fn rule_13_an_edit_that_means_nothing_writes_no_child() {
    let world = World::shared().await;
    let shop = world.namespace("no-op-cost").await;
    let spec = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
  jobs: {engine: rabbitmq, storage: {size: 1Gi}}
services:
  api: {image: 'api:1', port: 8080, uses: [orders, jobs], resources: {cpu: 1000m}}
";
    shop.apply_stack("shop", spec);
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    let pod = |pods: Vec<Value>| pods.iter().map(|pod| pod["metadata"]["name"].clone()).collect::<Vec<_>>();
    let before = pod(shop.pods("api").await);
    shop.kubectl(&["annotate", "microservicestack", "shop", "team=orders"]);
    shop.kubectl(&["label", "microservicestack", "shop", "team=orders"]);
    assert_eq!(shop.requests_since(mark).await, []);
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"uses": ["jobs", "orders"]}}}})).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    assert_eq!((child_writes(&requests).len(), status_writes(&requests)), (0, 1), "{requests:#?}");
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"resources": {"cpu": "1"}}}}})).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    // The text has changed, so it is another revision; its record is the second write.
    assert!(child_writes(&requests).len() <= 2, "{requests:#?}");
    assert_eq!(pod(shop.pods("api").await), before, "another spelling rolls nothing");
}

#[tokio::test]
async fn rule_13_an_admission_policy_that_overrides_what_is_sent_makes_no_loop() {
    let world = World::shared().await;
    let shop = world.namespace("overridden").await;
    let policy = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: own-registry}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: overridden}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch: {expression: "[JSONPatch{op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'mirror/web:1'}]"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: own-registry}
spec: {policyName: own-registry}
"#;
    shop.apply(policy);
    // A policy takes effect when the API server has compiled it.
    let probe = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: probe}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: 'a:1'}]}}}}";
    let image = "jsonpath={.spec.template.spec.containers[0].image}";
    let begun = Instant::now();
    shop.apply(probe);
    while shop.kubectl(&["get", "deployment", "probe", "-o", image]) != "mirror/web:1" {
        assert!(begun.elapsed() < PATIENCE, "the policy takes no effect");
        tokio::time::sleep(Duration::from_millis(200)).await;
        shop.kubectl(&["delete", "deployment", "probe"]);
        shop.apply(probe);
    }
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    assert_eq!(shop.kubectl(&["get", "deployment", "web", "-o", image]), "mirror/web:1");
    let requests = shop.requests_since(0).await;
    assert_eq!(child_writes(&requests).len(), made(&shop), "{requests:#?}");
}
