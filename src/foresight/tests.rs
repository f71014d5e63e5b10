//! What is foreseen of whole lives: from nothing to all, and one change at a time.
use serde_json::json;

use super::*;

const SHOP: &str = "
databases:
  orders: { engine: postgres, version: 17, storage: { size: 1Gi } }
services:
  web: { image: 'web:1', port: 8080, replicas: 2, uses: [api] }
  api: { image: 'api:1', port: 8080, uses: [orders] }
";

fn object(spec: &str) -> MicroserviceStack {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    let metadata = json!({"name": "shop", "namespace": "shop", "uid": "u-1", "generation": 1});
    serde_json::from_value(
        json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": metadata, "spec": spec}),
    )
    .unwrap()
}

fn given(object: &MicroserviceStack, observed: Observed) -> Given<'_> {
    let absent: Vec<&str> = if observed.is_empty() { vec!["orders"] } else { Vec::new() };
    Given {
        object,
        facts: Facts::default(),
        observed,
        held: Held::default(),
        absent: absent.into_iter().map(|name| (name.to_owned(), (Some("i-1".to_owned()), true))).collect(),
        refused: BTreeMap::new(),
        registered: BTreeSet::new(),
        secrets: BTreeMap::new(),
    }
}

/// The world once all that is foreseen has been done.
fn grown(spec: &str) -> Observed {
    let object = object(spec);
    let given = given(&object, Observed::default());
    let mut world = Observed::default();
    for step in foresee(&given).unwrap().steps {
        let stack = stack(&given, &world).unwrap();
        world::carry_out(&mut world, &stack, &step);
        world::settle(&mut world, &stack);
    }
    world
}

/// What happens to the grown shop when its text is edited: act, kind and name of each write.
fn edited(from: &str, to: &str) -> Vec<String> {
    assert!(SHOP.contains(from), "{from}");
    let object = object(&SHOP.replace(from, to));
    told(&foresee(&given(&object, grown(SHOP))).unwrap())
}

fn told(foreseen: &Foreseen) -> Vec<String> {
    let word = |step: &Step| match &step.act {
        Act::Create(_) => "create".to_owned(),
        Act::Apply { .. } => "apply".to_owned(),
        Act::Count { count, .. } => format!("count {count}"),
        Act::Strip { .. } => "strip".to_owned(),
        Act::Delete => "delete".to_owned(),
        Act::Renew => "renew".to_owned(),
        Act::Grow(size) => format!("grow {size}"),
        Act::Stamp(erased) => format!("stamp {erased}"),
        Act::MakeSecret => "make".to_owned(),
    };
    foreseen.steps.iter().map(|step| format!("{} {} {}", word(step), step.kind, step.name)).collect()
}

#[test]
fn rule_13_a_stack_that_is_there_needs_nothing() {
    assert_eq!(edited("web:1", "web:1"), Vec::<String>::new());
}

#[test]
fn rule_5_what_waits_now_is_foreseen_for_later() {
    let object = object(SHOP);
    let foreseen = foresee(&given(&object, Observed::default())).unwrap();
    let round = |kind: &str, name: &str| foreseen.steps.iter().find(|step| step.kind == kind && step.name == name).unwrap().round;
    assert_eq!(round("Secret", "orders"), 0);
    assert!(
        round("StatefulSet", "orders") < round("Deployment", "api") && round("Deployment", "api") < round("Deployment", "web")
    );
    assert!(foreseen.steps.iter().any(|step| step.kind == "ConfigMap" && step.name == "orders-identity"));
    assert_eq!(foreseen.blocked.keys().collect::<Vec<_>>(), ["api", "web"]);
}

#[test]
fn one_change_is_one_write_where_one_is_enough() {
    let changed = edited("web:1", "web:2");
    assert_eq!(changed[0], "apply Deployment web");
    assert!(
        changed.len() == 2 && changed[1].starts_with("create ControllerRevision shop-"),
        "the record comes last: {changed:?}"
    );
    assert_eq!(edited("replicas: 2", "replicas: 5"), ["count 5 Deployment web"]);
    let removed = edited("  web: { image: 'web:1', port: 8080, replicas: 2, uses: [api] }\n", "");
    assert!(removed.contains(&"delete Deployment web".to_owned()), "{removed:?}");
    let is_of_web =
        |step: &String| step.ends_with(" web") || step.contains("NetworkPolicy") || step.contains("ControllerRevision");
    assert!(removed.iter().all(is_of_web), "{removed:?}");
}

#[test]
fn rule_10_storage_grows_by_its_volumes_and_then_a_new_statefulset() {
    assert_eq!(
        edited("size: 1Gi", "size: 2Gi"),
        ["grow 2Gi PersistentVolumeClaim data-orders-0", "renew StatefulSet orders", "create StatefulSet orders"]
    );
}

#[test]
fn rule_11_services_sleep_before_databases() {
    let steps = edited("databases:", "hibernate: true\ndatabases:");
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap_or_else(|| panic!("{what} of {steps:?}"));
    assert!(at("count 0 Deployment web") < at("count 0 StatefulSet orders"), "{steps:?}");
}

#[test]
fn a_suspended_stack_does_nothing_and_a_wrong_one_tells_why() {
    let paused = object(&SHOP.replace("databases:", "paused: true\ndatabases:"));
    let foreseen = foresee(&given(&paused, grown(SHOP))).unwrap();
    assert!(foreseen.paused && foreseen.steps.is_empty());
    let wrong = object(&SHOP.replace("uses: [api]", "uses: [nobody]"));
    assert!(foresee(&given(&wrong, grown(SHOP))).is_err());
}
