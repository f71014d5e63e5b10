//! The rules that hold because of how objects are built, each quoted from the design.
use serde_json::Value;

use super::*;
use crate::kinds::Kind;
use crate::model::{Facts, RESTARTED_AT, SecretFacts, Stack, VolumeFacts, check};

const SHOP: &str = "
config: { REGION: eu }
databases:
  orders: { engine: postgres, version: 17, storage: { size: 1Gi } }
services:
  web: { image: 'acme/web:1', port: 8080, replicas: 2, uses: [api], config: { LEVEL: info } }
  api: { image: 'acme/api:1', port: 8080, uses: [orders], usesOptional: [extra], files: { /etc/a.toml: a }, secrets: [stripe] }
  worker: { image: 'acme/worker:1', uses: [orders, api] }
";

fn facts() -> Facts {
    let secrets = [("stripe", "one"), ("login", "one")].map(|(name, digest)| (name.to_owned(), Some(secret(digest))));
    Facts { secrets: secrets.into(), guard_image: Some("mstack:1".to_owned()), ..Facts::default() }
}

fn secret(digest: &str) -> SecretFacts {
    SecretFacts { digest: digest.to_owned(), ..SecretFacts::default() }
}

fn stack_with(spec: &str, facts: &Facts) -> Stack {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    let object = serde_json::json!({
        "apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack",
        "metadata": { "name": "shop", "namespace": "shop", "uid": "u-1" }, "spec": spec,
    });
    check(&serde_json::from_value(object).unwrap(), facts).unwrap_or_else(|violations| panic!("{violations}"))
}

fn stack(spec: &str) -> Stack {
    stack_with(spec, &facts())
}

/// The shop after an edit of its text.
fn edited(from: &str, to: &str) -> Desired {
    assert!(SHOP.contains(from), "{from}");
    build(&stack(&SHOP.replace(from, to)))
}

fn find<'a>(desired: &'a Desired, kind: Kind, name: &str) -> &'a Object {
    desired.objects.iter().find(|object| object.kind == kind && object.name == name).unwrap()
}

fn pod<'a>(desired: &'a Desired, kind: Kind, name: &str) -> &'a Value {
    &find(desired, kind, name).body["spec"]["template"]["spec"]
}

fn value<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    let mut variables = pod["containers"][0]["env"].as_array().into_iter().flatten();
    variables
        .find(|variable| variable["name"] == name)
        .map(|variable| if variable["value"].is_null() { &variable["valueFrom"] } else { &variable["value"] })
}

/// The services whose pods an edit replaces, and the workloads of databases that it touches.
fn rolled(before: &Desired, after: &Desired) -> Vec<String> {
    let workloads = |desired: &Desired| -> Vec<(String, Value)> {
        let workloads = desired.objects.iter().filter(|object| matches!(object.kind, Kind::Deployment | Kind::StatefulSet));
        workloads.map(|object| (object.name.clone(), object.body["spec"]["template"].clone())).collect()
    };
    let mut names: Vec<String> =
        workloads(after).into_iter().filter(|workload| !workloads(before).contains(workload)).map(|(name, _)| name).collect();
    names.sort();
    names
}

#[test]
fn rule_2_a_count_never_waits_for_nor_carries_along_a_template() {
    let (before, after) = (edited("replicas: 2", "replicas: 2"), edited("replicas: 2", "replicas: 7"));
    let (two, seven) = (find(&before, Kind::Deployment, "web"), find(&after, Kind::Deployment, "web"));
    assert_eq!((two.count, seven.count), (Some(2), Some(7)));
    assert_eq!((&two.body, &two.hash), (&seven.body, &seven.hash));
    assert!(two.body["spec"]["replicas"].is_null());
}

#[test]
fn rule_2_with_scale_a_new_workload_starts_with_min_and_the_autoscaler_targets_it() {
    let scaled = build(&stack("services: { api: { image: a, resources: { cpu: 1 }, scale: { min: 3, max: 9, cpu: 70 } } }"));
    assert_eq!(find(&scaled, Kind::Deployment, "api").count, Some(3));
    let autoscaler = &find(&scaled, Kind::HorizontalPodAutoscaler, "api").body["spec"];
    assert_eq!((autoscaler["minReplicas"].as_i64(), autoscaler["maxReplicas"].as_i64()), (Some(3), Some(9)));
    assert_eq!(autoscaler["scaleTargetRef"]["name"], "api");
    assert_eq!(autoscaler["metrics"].as_array().unwrap().len(), 1);
}

#[test]
fn rule_3_one_going_away_is_drained_first() {
    let shop = build(&stack(SHOP));
    let api = pod(&shop, Kind::Deployment, "api");
    let sleep = api["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_i64().unwrap();
    assert!(sleep > 0 && sleep < api["terminationGracePeriodSeconds"].as_i64().unwrap());
    assert!(pod(&shop, Kind::Deployment, "worker")["containers"][0]["lifecycle"].is_null(), "a worker has nobody to drain");
    assert_eq!(find(&shop, Kind::Deployment, "api").body["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
}

#[test]
fn rule_3_a_disruption_budget_keeps_instances_and_never_blocks_a_drain() {
    let shop = build(&stack(SHOP));
    for component in ["web", "api", "worker", "orders"] {
        let budget = &find(&shop, Kind::PodDisruptionBudget, component).body["spec"];
        assert_eq!(budget["maxUnavailable"], 1);
        assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    }
}

#[test]
fn rule_4_the_order_is_injected_variables_then_stack_config_then_service_config_which_wins() {
    let shop = edited("config: { LEVEL: info }", "config: { REGION: us, API_URL: 'http://proxy', LEVEL: '$(API_ADDR)' }");
    let web = pod(&shop, Kind::Deployment, "web");
    let names: Vec<&str> =
        web["containers"][0]["env"].as_array().unwrap().iter().filter_map(|variable| variable["name"].as_str()).collect();
    let fixed = ["STACK_NAME", "STACK_NAMESPACE", "POD_NAME", "POD_IP", "NODE_NAME"];
    assert_eq!(names, [&fixed[..], &["API_HOST", "API_PORT", "API_ADDR"], &["API_URL", "LEVEL", "REGION"]].concat());
    assert_eq!((value(web, "REGION").unwrap(), value(web, "API_URL").unwrap()), (&"us".into(), &"http://proxy".into()));
}

#[test]
fn rule_4_an_absent_component_behind_uses_optional_gives_nothing() {
    let shop = build(&stack(SHOP));
    assert_eq!(value(pod(&shop, Kind::Deployment, "api"), "EXTRA_HOST"), None);
    let there = edited("  worker:", "  extra: { image: e, port: 80 }\n  worker:");
    assert_eq!(value(pod(&there, Kind::Deployment, "api"), "EXTRA_URL").unwrap(), "http://extra:80");
}

#[test]
fn rule_4_databases_give_their_address_and_credentials_from_one_secret() {
    let shop = build(&stack(SHOP));
    let api = pod(&shop, Kind::Deployment, "api");
    for key in ["host", "port", "username", "password", "database", "uri"] {
        let source = &value(api, &format!("ORDERS_{}", key.to_uppercase())).unwrap()["secretKeyRef"];
        assert_eq!((&source["name"], &source["key"]), (&"orders".into(), &key.into()));
    }
    assert_eq!(value(api, "ORDERS_ADDR").unwrap(), "orders:5432");
}

#[test]
fn rule_4_given_credentials_never_leave_their_secret_and_the_uri_expands_from_them() {
    let given = build(&stack(
        "{ databases: { orders: { engine: postgres, storage: { size: 1Gi }, credentials: { secret: login } } }, services: { api: { image: a, uses: [orders], bindings: { orders: { env: { DSN: uri } } } } } }",
    ));
    let api = pod(&given, Kind::Deployment, "api");
    assert_eq!(value(api, "ORDERS_PASSWORD").unwrap()["secretKeyRef"]["name"], "login");
    let uri = "postgresql://$(ORDERS_USERNAME):$(ORDERS_PASSWORD)@orders:5432/orders";
    assert_eq!((value(api, "ORDERS_URI").unwrap(), value(api, "DSN").unwrap()), (&uri.into(), &uri.into()));
}

#[test]
fn the_order_of_uses_means_nothing() {
    assert_eq!(edited("uses: [orders, api]", "uses: [api, orders]"), build(&stack(SHOP)));
}

#[test]
fn rule_8_a_changed_config_or_file_rolls_exactly_the_services_that_use_it() {
    let shop = build(&stack(SHOP));
    let edits: [(&str, &str, &[&str]); 5] = [
        ("LEVEL: info", "LEVEL: debug", &["web"]),
        ("toml: a", "toml: b", &["api"]),
        ("REGION: eu", "REGION: us", &["api", "web", "worker"]),
        ("acme/worker:1", "acme/worker:2", &["worker"]),
        ("replicas: 2", "replicas: 3", &[]),
    ];
    for (from, to, wanted) in edits {
        assert_eq!(rolled(&shop, &edited(from, to)), wanted, "{to}");
    }
}

#[test]
fn rule_8_a_changed_secret_rolls_its_services_outside_revisions() {
    let (before, mut changed) = (build(&stack(SHOP)), facts());
    changed.secrets.insert("stripe".to_owned(), Some(secret("two")));
    let after = build(&stack_with(SHOP, &changed));
    assert_eq!(rolled(&before, &after), ["api"]);
    assert_eq!(stack(SHOP).revision, stack_with(SHOP, &changed).revision);
}

#[test]
fn rule_8_a_changed_given_secret_rolls_the_consumers_and_not_the_database() {
    let spec = SHOP.replace("size: 1Gi }", "size: 1Gi }, credentials: { secret: login }");
    let mut changed = facts();
    changed.secrets.insert("login".to_owned(), Some(secret("two")));
    assert_eq!(rolled(&build(&stack(&spec)), &build(&stack_with(&spec, &changed))), ["api", "worker"]);
}

#[test]
fn rule_8_files_are_immutable_and_named_by_their_contents() {
    let (before, after) = (build(&stack(SHOP)), edited("toml: a", "toml: b"));
    let config_map = |desired: &Desired| {
        desired.objects.iter().find(|object| object.kind == Kind::ConfigMap && object.component == "api").unwrap().clone()
    };
    assert_ne!(config_map(&before).name, config_map(&after).name);
    assert_eq!(config_map(&before).body["immutable"], true);
}

#[test]
fn rule_9_volumes_and_credentials_carry_identity_labels_and_no_owner_reference() {
    let mut stack = stack(SHOP);
    stack.set_identity("orders", "0123abcd");
    let database = &stack.databases["orders"];
    let secret =
        serde_json::to_value(credentials_secret(&stack, database, Passwords { consumer: "pass", peer: "peer" }, "0123abcd"))
            .unwrap();
    let record = identity_record(&stack, database, "0123abcd").body;
    let built = build(&stack);
    let set = &find(&built, Kind::StatefulSet, "orders").body["spec"];
    for data in [&secret, &record, &set["volumeClaimTemplates"][0]] {
        let labels = &data["metadata"]["labels"];
        let identity =
            ["stack", "component", "data-identity"].map(|label| labels[format!("microservicestack.dev/{label}")].clone());
        assert_eq!(identity, ["shop", "orders", "0123abcd"]);
        assert!(data["metadata"]["ownerReferences"].is_null());
    }
    assert_eq!((&secret["immutable"], &record["immutable"]), (&true.into(), &true.into()));
    assert_eq!(
        set["persistentVolumeClaimRetentionPolicy"],
        serde_json::json!({ "whenDeleted": "Retain", "whenScaled": "Retain" })
    );
}

#[test]
fn rule_9_credentials_and_identity_are_made_once_and_are_no_part_of_what_is_kept_in_line() {
    let names: Vec<String> =
        build(&stack(SHOP)).objects.into_iter().filter(|object| object.component == "orders").map(|object| object.name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names, ["orders-init", "orders-recipe", "orders", "orders", "orders-headless", "orders-ro", "orders", "orders"]);
}

#[test]
fn rule_9_the_password_is_percent_encoded_in_the_uri_alone() {
    let stack = stack(SHOP);
    let secret =
        credentials_secret(&stack, &stack.databases["orders"], Passwords { consumer: "a/b", peer: "peer" }, "id").data.unwrap();
    assert_eq!(secret["password"].0, b"a/b");
    assert_eq!(secret["uri"].0, b"postgresql://orders:a%2Fb@orders:5432/orders");
    assert_eq!(secret["type"].0, b"postgresql");
}

#[test]
fn rule_10_no_engine_opens_a_volume_before_the_guard_has_seen_it() {
    let mut stack = stack(SHOP);
    stack.set_identity("orders", "0123abcd");
    let built = build(&stack);
    let spec = pod(&built, Kind::StatefulSet, "orders");
    let (guard, engine) = (&spec["initContainers"][0], &spec["containers"][0]);
    let data = engine["volumeMounts"].as_array().unwrap().iter().find(|mount| mount["name"] == "data").unwrap();
    assert_eq!(&guard["volumeMounts"][0], data);
    assert_eq!(guard["args"][2], data["mountPath"]);
    assert_eq!(spec["initContainers"][1]["name"], PREPARE, "what prepares a volume comes after it");
    assert_eq!(guard["env"][0]["value"], "0123abcd");
    assert_eq!(guard["env"][1]["valueFrom"]["configMapKeyRef"]["optional"], true);
    assert!(guard["securityContext"]["runAsUser"].is_null(), "the guard runs as the engine's user, which is the pod's");
    assert!(engine["livenessProbe"].is_null(), "a recovery takes as long as it takes");
}

#[test]
fn rule_10_storage_shrink_and_immutability_are_judged_against_the_volume() {
    let mut facts = facts();
    let existing = VolumeFacts { template_size: Some("5Gi".to_owned()), ..VolumeFacts::default() };
    facts.volumes.insert("orders".to_owned(), existing);
    let built = build(&stack_with(SHOP, &facts));
    let claim = &find(&built, Kind::StatefulSet, "orders").body["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "5Gi");
}

#[test]
fn rule_12_an_object_says_by_its_hash_what_was_sent() {
    let (before, after) = (build(&stack(SHOP)), edited("LEVEL: info", "LEVEL: debug"));
    for object in &before.objects {
        assert_eq!(object.body["metadata"]["annotations"][object::DESIRED], object.hash.as_str());
        let other = find(&after, object.kind, &object.name);
        assert_eq!(object.hash == other.hash, object.body == other.body);
    }
}

#[test]
fn rule_7_a_restart_is_a_new_template_of_that_component_alone_and_no_new_revision() {
    let restarted = |times: &str| {
        let mut stack = stack(SHOP);
        stack.restarts = serde_json::from_str(times).unwrap();
        build(&stack)
    };
    let (before, after) = (restarted("{}"), restarted(r#"{"web": "2026-01-31T12:00:00Z", "gone": "2026-01-31T12:00:00Z"}"#));
    let changed: Vec<&str> = after
        .objects
        .iter()
        .filter(|object| find(&before, object.kind, &object.name).hash != object.hash)
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(changed, ["web"]);
    let annotations = &find(&after, Kind::Deployment, "web").body["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(*annotations, serde_json::json!({ RESTARTED_AT: "2026-01-31T12:00:00Z" }));
}

#[test]
fn every_file_has_a_key_of_its_own() {
    let paths = [
        "/a/b",
        "/a_b",
        "/a b",
        "/a.b",
        "/a-b",
        "/a/b/c",
        "/ä",
        &format!("/{}", "x".repeat(400)),
        &format!("/{}y", "x".repeat(400)),
    ];
    let keys: std::collections::BTreeSet<String> = paths.iter().map(|path| config_map::file_key(path)).collect();
    assert_eq!(keys.len(), paths.len());
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    assert!(keys.iter().all(|key| !key.is_empty() && key.len() <= 253 && key.chars().all(allowed)), "{keys:?}");
}

#[test]
fn rule_4_of_a_database_outside_the_stack_consumers_get_what_its_secret_has_and_nothing_is_run() {
    let mut facts = facts();
    let spec = "{ databases: { orders: { engine: external, credentials: { secret: login } } }, services: { api: { image: a, uses: [orders], bindings: { orders: { env: { DSN: uri } } } } } }";
    let names = |facts: &Facts| {
        let built = build(&stack_with(spec, facts));
        assert!(built.objects.iter().all(|object| object.component == "api"), "nothing is run");
        let api = pod(&built, Kind::Deployment, "api");
        assert_eq!(value(api, "DSN").unwrap()["secretKeyRef"]["key"], "uri", "what is asked for is never left out");
        let env = api["containers"][0]["env"].as_array().unwrap().iter();
        env.filter_map(|variable| variable["name"].as_str())
            .filter(|name| name.starts_with("ORDERS"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let keys = ["host", "port", "password"].map(str::to_owned);
    facts.secrets.insert("login".to_owned(), Some(SecretFacts { keys: keys.into(), ..secret("one") }));
    assert_eq!(names(&facts), ["ORDERS_HOST", "ORDERS_PORT", "ORDERS_ADDR", "ORDERS_PASSWORD"]);
    facts.secrets.insert("login".to_owned(), None);
    assert_eq!(names(&facts).len(), 7, "while there is no Secret, nobody knows");
}
