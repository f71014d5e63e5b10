//! Rules 14 and 15: conditions that every tool understands, all that is wrong in the user's words, and no panic.
use std::collections::BTreeSet;

use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::commands::done;
use crate::history::History;
use crate::world::{World, component, condition, message, reason};

#[tokio::test]
async fn rule_14_conditions_follow_kstatus_from_the_first_write_and_kubectl_wait_understands_them() {
    let world = World::shared().await;
    let shop = world.namespace("kstatus").await;
    let history = History::of(&shop, "shop").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 2}}");
    shop.kubectl(&["wait", "--for=condition=Ready", "microservicestack/shop", "--timeout=180s"]);
    history.caught_up(&shop.stack("shop").await).await;
    let states = history.states();
    for state in &states {
        let status_of = |name: &str| condition(state, name).unwrap_or_else(|| panic!("no {name}: {state}"))["status"].clone();
        let (ready, reconciling, stalled) = (status_of("Ready"), status_of("Reconciling"), status_of("Stalled"));
        assert!(ready == "True" || reconciling == "True" || stalled == "True", "neither ready nor why not: {state}");
        assert!(!(reconciling == "True" && stalled == "True"), "{state}");
        assert_eq!(state["status"]["observedGeneration"], state["metadata"]["generation"]);
        for condition in state["status"]["conditions"].as_array().unwrap() {
            assert_eq!(condition["observedGeneration"], state["metadata"]["generation"]);
        }
    }
    // The time of a transition is that of the transition, not of the write.
    let since = |state: &Value| condition(state, "Ready").unwrap()["lastTransitionTime"].clone();
    let unready: Vec<_> =
        states.iter().filter(|state| condition(state, "Ready").unwrap()["status"] == "False").map(since).collect();
    assert!(unready.windows(2).all(|pair| pair[0] == pair[1]), "{unready:?}");
}

#[tokio::test]
async fn rule_14_events_tell_of_transitions_alone() {
    let world = World::shared().await;
    let shop = world.namespace("events").await;
    let history = History::of(&shop, "shop").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, replicas: 3}, worker: {image: 'worker:1', uses: [web]}}",
    );
    shop.stack_ready("shop").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": "web:2"}}}})).await;
    let replaced =
        |stack: &Value| stack["status"]["observedGeneration"] == 2 && component(stack, "web")["instances"]["updated"] == 3;
    shop.stack_until("shop", "rolled", replaced).await;
    shop.stack_ready("shop").await;
    shop.requests_since(0).await;
    history.caught_up(&shop.stack("shop").await).await;
    let events: Value = serde_json::from_str(&shop.kubectl(&["get", "events.events.k8s.io", "-o", "json"])).unwrap();
    let of_stack = events["items"].as_array().unwrap().iter().filter(|event| event["regarding"]["kind"] == "MicroserviceStack");
    let told = |good: bool| -> i64 {
        let such = of_stack.clone().filter(|event| (event["reason"] == "RevisionGood") == good);
        such.map(|event| event["series"]["count"].as_i64().unwrap_or(1)).sum()
    };
    let ready = i64::try_from(history.ready().len()).unwrap();
    assert_eq!((told(false), told(true)), (ready, 2), "{:?}\n{:#?}", history.ready(), of_stack.collect::<Vec<_>>());
    let good: BTreeSet<_> =
        of_stack.filter(|event| event["reason"] == "RevisionGood").map(|event| &event["note"]).map(Value::to_string).collect();
    assert_eq!(good.len(), 2, "each revision is told by its own name: {good:?}");
}

#[tokio::test]
async fn rule_15_all_violations_are_reported_together_in_the_users_words() {
    let world = World::shared().await;
    let shop = world.namespace("violations").await;
    let spec = "
services:
  web: {image: 'web:1', port: 8080, uses: [api], expose: [{host: shop.example.com}]}
  api: {image: 'api:1', port: 8080, uses: [web], expose: [{host: shop.example.com}]}
  a-b: {image: 'a:1', port: 8080, secrets: [Not_A_Name]}
";
    shop.apply_stack("shop", spec);
    let stack = shop.stack_until("shop", "refused", |stack| reason(stack) == "InvalidSpec").await;
    let words = message(&stack);
    for expected in ["api → web → api is a cycle", "its host and path are those of", "spec.services.a-b.secrets[0]"] {
        assert!(words.contains(expected), "`{expected}` is missing: {words}");
    }
    assert!(words.starts_with("nothing is changed until the spec is mended."), "{words}");
    assert_eq!(shop.children().len(), 0);
    let history = done(&shop, &["history"]);
    assert!(history.contains("  Refused  the spec asks for it\n    nothing is changed until the spec is mended."), "{history}");
    assert!(history.ends_with("    the first revision\n"), "{history}");
}

#[tokio::test]
async fn rule_15_an_image_that_cannot_be_pulled_is_said_with_the_next_step() {
    let world = World::shared().await;
    let shop = world.namespace("unpullable").await;
    // With a check it is rolled out as soon as it is ready.
    let checked = "services: {web: {image: 'web:1', port: 8080, health: {tcp: true}}, api: {image: 'api:1', port: 8080}}";
    shop.apply_stack("shop", checked);
    shop.stack_ready("shop").await;
    let pod = &shop.pods("web").await[0];
    shop.fail_pod(pod, "ImagePullBackOff", "Back-off pulling image \"web:1\"").await;
    let words = format!(
        "web: ImagePullBackOff: Back-off pulling image \"web:1\"; check the image's name and tag, and that the nodes may pull it (pod {})",
        pod["metadata"]["name"].as_str().unwrap()
    );
    // That it serves no more may be seen before why.
    let told = |stack: &Value| reason(stack) == "Degraded" && message(stack) == words;
    let stack = shop.stack_until("shop", &format!("degraded: {words}"), told).await;
    assert_eq!(component(&stack, "api")["phase"], "Ready");
}

#[tokio::test]
async fn rule_15_what_the_api_server_refuses_is_reported_in_its_words_and_holds_nothing_else_back() {
    let world = World::shared().await;
    let shop = world.namespace("refused").await;
    let quota = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {count/services: '1', pods: '2'}}}";
    shop.apply(quota);
    shop.kubectl(&["wait", "resourcequota/few", "--for=jsonpath={.status.hard.pods}=2"]);
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}, worker: {image: 'worker:1'}}");
    shop.stack_ready("shop").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"image": "api:1", "port": 8080}}}})).await;
    let stack = shop.stack_until("shop", "refused", |stack| reason(stack) == "ApplyRefused").await;
    assert!(message(&stack).contains("exceeded quota: few"), "{}", message(&stack));
    assert_eq!(component(&stack, "web")["phase"], "Ready");
    // Its pods are refused too, by the controller of the Deployment.
    shop.patch_stack("shop", json!({"spec": {"services": {"api": null, "worker": {"replicas": 3}}}})).await;
    let told =
        |stack: &Value| component(stack, "worker")["message"].as_str().is_some_and(|words| words.contains("exceeded quota: few"));
    shop.stack_until("shop", "told of the quota of pods", told).await;
    shop.kubectl(&["delete", "resourcequota", "few"]);
    shop.patch_stack("shop", json!({"spec": {"services": {"worker": {"replicas": 2}}}})).await;
    shop.stack_ready("shop").await;
}

#[tokio::test]
async fn rule_15_pods_that_the_namespace_refuses_are_said() {
    let world = World::shared().await;
    let shop = world.namespace("restricted").await;
    shop.kubectl(&["label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted"]);
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: probe}, spec: {containers: [{name: a, image: 'a:1'}]}}";
    let probe = || async { shop.dry_run(pod).err().map(|error| error.to_string()).into() };
    shop.until("enforced", probe, |refusal| refusal.to_string().contains("violates PodSecurity")).await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    let told = |stack: &Value| message(stack).contains("violates PodSecurity \"restricted:latest\"");
    let stack = shop.stack_until("shop", "told of the refused pods", told).await;
    assert_eq!(condition(&stack, "Ready").unwrap()["status"], "False");
    shop.patch_stack("shop", json!({"spec": {"security": {"profile": "Restricted", "runAsUser": 10001}}})).await;
    shop.stack_ready("shop").await;
}

#[tokio::test]
async fn rule_15_pods_of_a_database_that_the_namespace_refuses_are_said_too() {
    let world = World::shared().await;
    let shop = world.namespace("refused-database").await;
    shop.apply("{apiVersion: v1, kind: ResourceQuota, metadata: {name: none}, spec: {hard: {pods: '0'}}}");
    shop.kubectl(&["wait", "resourcequota/none", "--for=jsonpath={.status.hard.pods}=0"]);
    shop.apply_stack("shop", "databases: {orders: {engine: postgres, version: 17, storage: {size: 1Gi}}}");
    let told = |stack: &Value| {
        let words = component(stack, "orders")["message"].as_str().unwrap_or_default();
        words.contains("0 of 1 pods are there") && words.contains("kubectl describe statefulset/orders -n refused-database")
    };
    shop.stack_until("shop", "told where to look", told).await;
    shop.kubectl(&["delete", "resourcequota", "none"]);
    shop.stack_ready("shop").await;
}

#[tokio::test]
async fn rule_14_an_undecodable_stack_is_told_so_and_stops_no_other() {
    let mut world = World::alone().await;
    let definition = "microservicestacks.microservicestack.dev";
    let lax = r#"[{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}]"#;
    let shop = world.namespace("undecodable").await;
    shop.apply_stack("good", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("good").await;
    world.cluster.kubectl(&["patch", "crd", definition, "--type=json", "-p", lax]).unwrap();
    let garbage = json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": {"name": "bad"}, "spec": {"services": {"web": {"image": {"not": "a text"}}}}});
    shop.until_applied(&garbage.to_string()).await;
    let stack = shop.stack_until("bad", "refused", |stack| reason(stack) == "InvalidSpec").await;
    assert!(message(&stack).contains("spec: it cannot be read: "), "{}", message(&stack));
    let headless = json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": {"name": "none"}, "spec": "a text", "status": 7});
    shop.apply(&headless.to_string());
    shop.patch_stack("good", json!({"spec": {"services": {"web": {"replicas": 2}}}})).await;
    shop.stack_ready("good").await;
    shop.kubectl(&["delete", "microservicestack", "bad", "none"]);
    world
        .cluster
        .kubectl(&["apply", "--server-side", "--force-conflicts", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")])
        .unwrap();
    // The next test finds the definition as it was, and an operator that follows it.
    shop.until("strict again", || async { shop.dry_run(&garbage.to_string()).is_err().into() }, |refused| refused == true).await;
    shop.patch_stack("good", json!({"spec": {"services": {"web": {"replicas": 1}}}})).await;
    shop.stack_ready("good").await;
    drop(shop);
    assert!(world.operator_runs());
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[tokio::test]
async fn rule_2_a_count_that_somebody_changes_is_an_event_that_names_him() {
    let world = World::shared().await;
    let shop = world.namespace("told").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    shop.kubectl(&["scale", "deployment", "web", "--replicas=3"]);
    shop.child_until(Kind::Deployment, "web", "back at one", |web| web["spec"]["replicas"] == 1).await;
    shop.requests_since(0).await;
    let events = shop.events_until("DriftCorrected", "told", |events| !events.is_empty()).await;
    assert_eq!(events.iter().map(|event| &event["note"]).collect::<Vec<_>>(), ["put back Deployment web, changed by kubectl"]);
}

#[tokio::test]
async fn rule_1_the_counts_stay_true_while_the_spec_is_not_valid() {
    let world = World::shared().await;
    let shop = world.namespace("invalid-counts").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 2}}");
    shop.stack_ready("shop").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": "no image"}}}})).await;
    shop.stack_until("shop", "refused", |stack| reason(stack) == "InvalidSpec").await;
    let pod = shop.pods("web").await.remove(0);
    shop.fail_pod(&pod, "CrashLoopBackOff", "").await;
    let told =
        |stack: &Value| component(stack, "web")["instances"]["serving"] == 1 && stack["status"]["summary"]["instances"] == "1/2";
    let stack = shop.stack_until("shop", "told of the lost instance", told).await;
    assert_eq!(reason(&stack), "InvalidSpec");
    shop.mend_pod(&pod).await;
    shop.stack_until("shop", "told of both", |stack| stack["status"]["summary"]["instances"] == "2/2").await;
}
