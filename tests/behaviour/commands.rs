//! The command line with a cluster: what it asks, what it changes, and that a plan is what the operator then does.
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use mstack::kinds::{KINDS, Kind};
use serde_json::{Value, json};

use crate::world::{Namespace, PATIENCE, World, component, is_ready, reason};

/// Runs `mstack` in a namespace as the administrator, or as a user with the rights that RBAC gives.
pub fn mstack(namespace: &Namespace<'_>, user: Option<&str>, args: &[&str], stdin: Option<&str>) -> Output {
    let cluster = &namespace.world.cluster;
    let kubeconfig = user.map_or_else(|| cluster.kubeconfig().to_owned(), |user| cluster.kubeconfig_for(user, &[]).unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
    command.args(args).args(["-n", &namespace.name]).env("KUBECONFIG", kubeconfig).env("COLUMNS", "80").env_remove("LANG");
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.unwrap_or_default().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A command that must succeed, and what it printed.
pub fn done(namespace: &Namespace<'_>, args: &[&str]) -> String {
    let output = mstack(namespace, None, args, None);
    assert_eq!(code(&output), 0, "{args:?}: {}{}", out(&output), err(&output));
    out(&output)
}

const SHOP: &str = "
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [api]}
  api: {image: 'api:1', port: 8080, scale: {min: 2, max: 5, cpu: 70}, resources: {cpu: 100m}}
";

/// A user who may do exactly this in the namespace.
pub async fn allow(namespace: &Namespace<'_>, user: &str, verbs: &str, resources: &str) {
    namespace.kubectl(&["create", "role", user, &format!("--verb={verbs}"), &format!("--resource={resources}")]);
    namespace.kubectl(&["create", "rolebinding", user, &format!("--role={user}"), &format!("--user={user}")]);
    let first = |list: &str| list.split(',').next().unwrap_or_default().to_owned();
    namespace.world.until_allowed(user, &first(verbs), &first(resources), &["--namespace", &namespace.name]).await;
}

#[tokio::test]
async fn status_needs_the_right_to_get_the_stack_alone_and_names_what_it_leaves_out() {
    let world = World::shared().await;
    let shop = world.namespace("cli-status").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    allow(&shop, "cli-looker", "get", "microservicestacks.microservicestack.dev").await;
    let output = mstack(&shop, Some("cli-looker"), &["status", "shop"], None);
    let told = out(&output);
    assert_eq!(code(&output), 0, "{told}{}", err(&output));
    assert!(told.starts_with("✓ cli-status/shop  Available\n"), "{told}");
    assert!(told.contains("└─ api     ✓ Ready  2/2      2..5"), "{told}");
    assert!(told.contains("left out: pods (you may not list pods in the namespace cli-status)"), "{told}");
    assert!(told.contains("horizontalpodautoscalers.autoscaling"), "{told}");

    let nobody = mstack(&shop, Some("cli-nobody"), &["status", "shop"], None);
    assert_eq!((code(&nobody), out(&nobody)), (2, String::new()));
    assert!(
        err(&nobody).contains("you may not get microservicestacks.microservicestack.dev in the namespace cli-status"),
        "{}",
        err(&nobody)
    );
    let typo = mstack(&shop, None, &["status", "shpo"], None);
    assert!(err(&typo).contains("did you mean `shop`?"), "{}", err(&typo));
    assert!(done(&shop, &["status", "shop", "-o", "json"]).contains("\"kind\": \"MicroserviceStack\""));
}

#[tokio::test]
async fn status_waits_until_a_stack_is_ready_and_its_exit_code_tells() {
    let world = World::shared().await;
    let shop = world.namespace("cli-wait").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, secrets: [absent]}}");
    shop.stack_until("shop", "failed", |stack| reason(stack) == "Failed").await;
    let failed = mstack(&shop, None, &["status", "shop", "--wait", "--timeout", "30s"], None);
    assert_eq!(code(&failed), 1, "{}", out(&failed));
    assert!(out(&failed).contains("✕ web: the Secret absent does not exist"), "{}", out(&failed));
    shop.kubectl(&["create", "secret", "generic", "absent"]);
    shop.stack_ready("shop").await;
    let ready = mstack(&shop, None, &["status", "--wait", "--timeout", "30s"], None);
    assert_eq!(code(&ready), 0, "{}{}", out(&ready), err(&ready));
}

#[tokio::test]
async fn counts_are_changed_by_the_spec_and_an_autoscalers_is_refused() {
    let world = World::shared().await;
    let shop = world.namespace("cli-scale").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    assert_eq!(done(&shop, &["scale", "shop", "web=+1", "--dry-run=server"]), "shop: web 2 -> 3 (server dry run)\n");
    assert_eq!(shop.stack("shop").await["spec"]["services"]["web"]["replicas"], 2);
    assert_eq!(done(&shop, &["scale", "shop", "web=+1", "api=3..9"]), "shop: web 2 -> 3\nshop: api 2..5 -> 3..9\n");
    shop.child_until(Kind::Deployment, "web", "scaled", |web| web["spec"]["replicas"] == 3).await;
    shop.child_until(Kind::HorizontalPodAutoscaler, "api", "moved", |api| api["spec"]["minReplicas"] == 3).await;
    let refused = mstack(&shop, None, &["scale", "shop", "api=7"], None);
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("move its bounds instead, now 3..9"), "{}", err(&refused));
}

#[tokio::test]
async fn rule_13_a_restart_rolls_its_component_alone_is_no_revision_and_costs_one_write() {
    let world = World::shared().await;
    let shop = world.namespace("cli-restart").await;
    shop.apply_stack("shop", SHOP);
    let before = shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    assert_eq!(done(&shop, &["restart", "shop", "web"]), "shop: web is restarted\n");
    let annotation = "microservicestack.dev/restarted-at";
    let restarted = |web: &Value| web["spec"]["template"]["metadata"]["annotations"][annotation].is_string();
    shop.child_until(Kind::Deployment, "web", "restarted", restarted).await;
    let rolled = |web: &Value| web["status"]["updatedReplicas"] == 2 && web["status"]["replicas"] == 2;
    shop.child_until(Kind::Deployment, "web", "rolled", rolled).await;
    let after = shop.stack_ready("shop").await;
    assert_eq!(before["status"]["revision"], after["status"]["revision"]);
    let requests = shop.requests_since(mark).await;
    let writes: Vec<_> = requests.iter().filter(|request| request.is_child_write()).map(|write| write.name.as_str()).collect();
    assert_eq!(writes, ["web"], "one write, of what was restarted");
}

#[tokio::test]
async fn a_stack_is_suspended_and_resumed_and_sleeps_and_wakes() {
    let world = World::shared().await;
    let shop = world.namespace("cli-switch").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    done(&shop, &["suspend"]);
    assert_eq!(shop.stack("shop").await["spec"]["paused"], true);
    assert_eq!(done(&shop, &["suspend", "shop"]), "shop: is suspended already\n");
    let noted = mstack(&shop, None, &["hibernate", "shop"], None);
    assert!(err(&noted).contains("before `mstack resume shop -n cli-switch`"), "{}", err(&noted));
    done(&shop, &["resume", "shop"]);
    shop.stack_until("shop", "asleep", |stack| reason(stack) == "Hibernated").await;
    assert!(done(&shop, &["status", "shop"]).contains("try: mstack wake shop -n cli-switch"));
    done(&shop, &["wake", "shop"]);
    shop.stack_ready("shop").await;
}

/// One change of a spec, and its name.
type Change = (&'static str, Value);

/// What a plan says that the operator is going to write: verb, resource, name.
fn predicted(plan: &Value) -> Vec<String> {
    let mut writes = Vec::new();
    for change in plan["plans"][0]["changes"].as_array().unwrap() {
        let kind = change["kind"].as_str().unwrap();
        let resource = KINDS.iter().find(|row| row.name == kind).map_or("secrets", |row| row.plural);
        for verb in change["requests"].as_array().unwrap() {
            writes.push(format!("{} {resource} {}", verb.as_str().unwrap(), change["name"].as_str().unwrap()));
        }
    }
    writes.sort();
    writes
}

/// What the operator has written since a mark, as its audit log says.
async fn written(namespace: &Namespace<'_>, mark: usize) -> Vec<String> {
    let requests = namespace.requests_since(mark).await;
    let done = requests.iter().filter(|request| request.is_child_write() && request.code < 300);
    let mut writes: Vec<String> = done.map(|write| format!("{} {} {}", write.verb, write.resource, write.name)).collect();
    writes.sort();
    writes
}

/// The same, once it is what was predicted: the policy of what goes is deleted when its last pod has ended.
async fn written_like(namespace: &Namespace<'_>, mark: usize, predicted: &[String]) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let written = written(namespace, mark).await;
        if written == predicted || begun.elapsed() > PATIENCE {
            return written;
        }
    }
}

/// Waits until nothing is under way any more.
async fn settled(namespace: &Namespace<'_>) {
    let calm = |stack: &Value| {
        let seen = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
        let counted = ["services", "databases"].iter().all(|part| {
            stack["status"][*part]
                .as_object()
                .into_iter()
                .flatten()
                .all(|(_, component)| component["instances"]["terminating"] == 0)
        });
        seen && counted && (is_ready(stack) || matches!(reason(stack), "Hibernated" | "Paused"))
    };
    namespace.stack_until("shop", "settled", calm).await;
    namespace.requests_since(0).await;
    namespace.stack_until("shop", "settled", calm).await;
}

fn manifest(spec: &Value) -> String {
    json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": {"name": "shop"}, "spec": spec}).to_string()
}

fn plan(namespace: &Namespace<'_>, what: &str, manifest: &str) -> (Value, i32) {
    let output = mstack(namespace, None, &["plan", "-f", "-", "-o", "json"], Some(manifest));
    let plan = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{what}: {error}: {}", err(&output)));
    (plan, code(&output))
}

/// Plans and makes one change after the other, and compares. What differs comes back.
async fn live_through(namespace: &Namespace<'_>, first: &str, changes: &[Change]) -> Vec<String> {
    let mut spec: Value = serde_saphyr::from_str(first).unwrap();
    let mut wrong = Vec::new();
    for (what, patch) in [("it is created", json!({}))].iter().chain(changes) {
        json_patch::merge(&mut spec, patch);
        let manifest = manifest(&spec);
        let (plan, code) = plan(namespace, what, &manifest);
        let predicted = predicted(&plan);
        assert_eq!(code, if predicted.is_empty() { 0 } else { 2 }, "{what}: {plan:#}");
        let mark = namespace.requests().len();
        namespace.apply(&manifest);
        settled(namespace).await;
        let written = written_like(namespace, mark, &predicted).await;
        if predicted != written {
            wrong.push(format!("{what}:\n  predicted {predicted:#?}\n  written {written:#?}"));
        }
    }
    wrong
}

fn of_services() -> Vec<Change> {
    let service = |name: &str, patch: Value| json!({"services": {name: patch}});
    vec![
        ("nothing", json!({})),
        ("an image", service("web", json!({"image": "web:2"}))),
        ("a count", service("web", json!({"replicas": 3}))),
        ("the count again", service("web", json!({"replicas": 1}))),
        ("the stack's config", json!({"config": {"REGION": "us"}})),
        ("a service's config", service("api", json!({"config": {"LEVEL": "debug"}}))),
        ("a file", service("api", json!({"files": {"/etc/a.toml": "b"}}))),
        ("another file", service("api", json!({"files": {"/etc/b.toml": "b"}}))),
        ("a new service", service("extra", json!({"image": "extra:1", "port": 8080, "uses": ["api"]}))),
        ("an image and a count at once", service("extra", json!({"image": "extra:2", "replicas": 2}))),
        ("a service that goes", service("extra", Value::Null)),
        (
            "an autoscaler",
            service("api", json!({"replicas": null, "scale": {"min": 2, "max": 5, "cpu": 70}, "resources": {"cpu": "100m"}})),
        ),
        ("its bounds", service("api", json!({"scale": {"max": 9}}))),
        ("an image of what is scaled", service("api", json!({"image": "api:2"}))),
        ("no autoscaler any more", service("api", json!({"scale": null, "replicas": 3}))),
        ("a host", service("web", json!({"expose": [{"host": "web.example.com"}]}))),
        ("another host", service("web", json!({"expose": [{"host": "web2.example.com", "path": "/shop"}]}))),
        ("no host", service("web", json!({"expose": null}))),
        ("a command", service("worker", json!({"command": ["/run"]}))),
        ("a check", service("api", json!({"health": {"http": "/healthz"}}))),
        ("a writable folder", service("api", json!({"scratch": ["/tmp"]}))),
        ("resources", service("web", json!({"resources": {"memory": "64Mi"}}))),
        ("a port", service("api", json!({"port": 9090}))),
        ("a profile that is off", service("worker", json!({"profiles": ["full"]}))),
        ("a profile that is on", json!({"profiles": ["full"]})),
        ("an edge that can be done without", service("web", json!({"usesOptional": ["worker"]}))),
        ("hardening", json!({"security": {"profile": "Restricted"}})),
        ("nothing while it is suspended", json!({"paused": true})),
        ("an image while it is suspended", service("web", json!({"image": "web:3"}))),
        ("what waited", json!({"paused": false})),
        ("sleep", json!({"hibernate": true})),
        ("waking", json!({"hibernate": false})),
        ("waking changes nothing later", service("web", json!({"replicas": 2}))),
    ]
}

fn of_databases() -> Vec<Change> {
    let database = |name: &str, patch: Value| json!({"databases": {name: patch}});
    vec![
        ("resources of a database", database("orders", json!({"resources": {"memory": "64Mi"}}))),
        ("an init script", database("orders", json!({"init": {"01.sql": "select 1"}}))),
        ("another init script", database("orders", json!({"init": {"01.sql": "select 2"}}))),
        ("a new database", database("jobs", json!({"engine": "rabbitmq", "storage": {"size": "1Gi"}}))),
        ("data that goes with it", database("jobs", json!({"onDelete": "Delete"}))),
        ("data that stays after all", database("jobs", json!({"onDelete": "Retain"}))),
        ("a database that goes, and its data stays", database("jobs", Value::Null)),
        (
            "it comes back to its data",
            database("jobs", json!({"engine": "rabbitmq", "storage": {"size": "1Gi"}, "onDelete": "Delete"})),
        ),
        ("a cache that goes", database("cache", Value::Null)),
        ("sleep", json!({"hibernate": true})),
        ("waking", json!({"hibernate": false})),
    ]
}

#[tokio::test]
async fn a_plan_is_what_the_operator_then_writes() {
    let world = World::shared().await;
    let (one, two) = (world.namespace("cli-plan-services").await, world.namespace("cli-plan-databases").await);
    let services = "
config: {REGION: eu}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [api]}
  api: {image: 'api:1', port: 8080, replicas: 2, files: {/etc/a.toml: a}}
  worker: {image: 'worker:1', uses: [api]}
";
    let databases = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
  cache: {engine: valkey, ephemeral: true}
services:
  api: {image: 'api:1', port: 8080, uses: [orders]}
";
    let (services_changes, databases_changes) = (of_services(), of_databases());
    assert!(services_changes.len() + databases_changes.len() >= 40);
    let (first, second) =
        tokio::join!(live_through(&one, services, &services_changes), live_through(&two, databases, &databases_changes));
    let wrong: Vec<String> = first.into_iter().chain(second).collect();
    assert!(wrong.is_empty(), "{} of the plans were not what was done:\n{}", wrong.len(), wrong.join("\n"));
    let (nothing, code) = plan(&one, "at rest", &manifest(&json!(null)).replace("null", "{}"));
    assert!(code == 2 && nothing["plans"][0]["changes"].is_array(), "an empty spec takes all away: {nothing:#}");
    assert_eq!(component(&one.stack("shop").await, "web")["phase"], "Ready", "a plan changes nothing");
}

#[tokio::test]
async fn a_plan_tells_drift_missing_rights_and_what_would_be_refused() {
    let world = World::shared().await;
    let shop = world.namespace("cli-plan-words").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    assert!(done(&shop, &["plan", "shop"]).contains("nothing would change"));

    // Who may only look gets the plan without the API server's judgement.
    allow(
        &shop,
        "cli-planner",
        "get,list",
        &KINDS
            .iter()
            .map(|row| row.plural.to_owned() + if row.group.is_empty() { "" } else { "." } + row.group)
            .chain(["microservicestacks.microservicestack.dev".to_owned()])
            .collect::<Vec<_>>()
            .join(","),
    )
    .await;
    let spec: Value = serde_saphyr::from_str(&SHOP.replace("web:1", "web:2")).unwrap();
    let looked = mstack(&shop, Some("cli-planner"), &["plan", "-f", "-"], Some(&manifest(&spec)));
    let text = out(&looked);
    assert_eq!(code(&looked), 2, "{text}{}", err(&looked));
    assert!(text.contains("~ Deployment web\n  ! restarts pods: 2, one after the other"), "{text}");
    assert!(text.contains("not judged by the API server: you may not patch deployments.apps"), "{text}");
    assert!(text.contains("spec.template.spec.containers[web].image"), "{text}");
    let nobody = mstack(&shop, Some("cli-nobody-plans"), &["plan", "-f", "-"], Some(&manifest(&spec)));
    assert_eq!(code(&nobody), 1);
    assert!(err(&nobody).contains("you may not get microservicestacks.microservicestack.dev"), "{}", err(&nobody));

    let wrong = mstack(&shop, None, &["plan", "-f", "-"], Some(&manifest(&spec).replace("\"api\"]", "\"apo\"]")));
    assert_eq!(code(&wrong), 1, "{}", err(&wrong));
}

#[tokio::test]
async fn what_a_stack_says_of_itself_is_read_from_the_command_line() {
    let world = World::shared().await;
    let shop = world.namespace("cli-words").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let doctor = mstack(&shop, None, &["doctor", "--only", "kubernetes,rights,definition,operator", "-o", "json"], None);
    let found: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let state = |id: &str| found["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()["state"].clone();
    assert_eq!([state("kubernetes"), state("rights"), state("definition")], ["Good", "Good", "Good"], "{found:#}");
    assert_eq!((state("operator"), code(&doctor)), (json!("Bad"), 1), "this operator runs without a Lease: {found:#}");
    assert!(done(&shop, &["events", "shop"]).contains("MicroserviceStack shop"));
    let top = mstack(&shop, None, &["top", "shop"], None);
    assert!(code(&top) == 2 && err(&top).contains("install metrics-server"), "{}", err(&top));
    let unknown = mstack(&shop, None, &["logs", "shop", "wep"], None);
    assert!(err(&unknown).contains("did you mean `web`?"), "{}", err(&unknown));
}
