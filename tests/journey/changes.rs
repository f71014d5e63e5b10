//! The commands that change: what a user asks for is what the cluster becomes. The sentences are those of docs/cli.md.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rollout::{revision, until_settled};
use crate::traffic::Traffic;
use crate::world::World;
use crate::{list, names};

/// Instances of web, but for those that end.
fn web(world: &World) -> Vec<String> {
    let mut pods = world.list("shop", "pods", "microservicestack.dev/component=web");
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    names(&pods)
}

/// "It edits the spec, in one patch"; "`--follow` goes on with new pods".
pub fn a_new_instance_is_asked_for_and_its_log_followed(world: &World) {
    let before = web(world);
    let logs = world.begin(&["logs", "shop", "web", "--follow"]);
    logs.until("a line of each instance", |line| line.starts_with(&before[1]));
    assert_eq!(world.told(&["scale", "shop", "web=+1"]), "shop: web 2 -> 3\n");
    world.until_ready(Duration::from_mins(1));
    let new = web(world).into_iter().find(|pod| !before.contains(pod)).unwrap();
    logs.until("a line of the new instance", |line| line.starts_with(&new));
    assert_eq!(logs.terminate(), None, "it goes on until a signal ends it");
    assert_eq!(world.told(&["scale", "shop", "web=-1"]), "shop: web 3 -> 2\n");
    world.until_ready(Duration::from_mins(1));
}

/// "new instances of what runs, without an outage"; rule 13: a restart "is no revision".
pub fn a_restart_replaces_the_instances_and_no_request_fails(world: &World) -> usize {
    let (before, good) = (web(world), revision(world));
    let traffic = Traffic::start(world.gateway(), "/api/products");
    let begun = Instant::now();
    assert_eq!(world.told(&["restart", "shop", "web"]), "shop: web is restarted\n");
    world.until("all instances of web are others", Duration::from_mins(2), || {
        let now = web(world);
        let are_others = now.len() == before.len() && now.iter().all(|pod| !before.contains(pod));
        are_others.then_some(()).ok_or(format!("{now:?}"))
    });
    world.until_ready(Duration::from_mins(1));
    world.figure("restart of two instances, one after the other", begun.elapsed());
    assert_eq!(revision(world), good, "a restart is no revision");
    traffic.stop("a restart").answered
}

/// Rule 8: "Paused means no mutation, status still told"; "`mstack plan STACK` tells what is still to be done [...] `--resumed` takes a
/// suspended one as if it were resumed".
pub fn a_suspended_shop_is_left_alone_until_it_is_resumed(world: &World) {
    let replicas = || world.field("shop", "deployment/web", "{.spec.replicas}");
    assert!(world.told(&["suspend", "shop"]).starts_with("shop: suspended: nothing is changed"));
    until_paused(world);
    let told = world.told(&["status", "shop"]);
    assert!(told.contains("  suspended: nothing is changed") && told.contains("mstack resume shop -n shop"), "{told}");
    let said = world.say(&["scale", "shop", "web=3"], "");
    assert_eq!((said.code, said.out.as_str()), (0, "shop: web 2 -> 3\n"), "{}", said.err);
    assert!(said.err.contains("so nothing of it is carried out before `mstack resume shop -n shop`"), "{}", said.err);
    until_paused(world);
    assert_eq!(replicas(), "2");
    let told = world.told(&["status", "shop"]);
    assert!(told.contains("shop/shop  Paused\n") && told.contains("mstack resume shop -n shop"), "{told}");
    let waits = world.say(&["plan", "shop", "--resumed"], "");
    assert!(waits.code == 2 && waits.out.contains("~ Deployment web\n  ! scales 2 -> 3"), "{}{}", waits.out, waits.err);

    assert_eq!(world.told(&["resume", "shop"]), "shop: resumed: what waited is carried out now\n");
    world.until_ready(Duration::from_mins(1));
    assert_eq!(replicas(), "3");
    world.told(&["scale", "shop", "web=2"]);
    world.until_ready(Duration::from_mins(1));
}

/// "no instances meanwhile; data stays"; woken "with the counts that they had".
pub fn a_shop_that_sleeps_has_no_instance_and_wakes_as_it_was(world: &World) {
    let orders = || world.get("/api/orders")["total"].clone();
    let (before, total, kept) = (counts(world), orders(), world.kept());
    let begun = Instant::now();
    assert!(world.told(&["hibernate", "shop"]).starts_with("shop: goes to sleep"));
    let asleep = world.say(&["status", "shop", "--wait"], "");
    world.figure("the whole shop to sleep", begun.elapsed());
    assert_eq!(asleep.code, 0, "{}{}", asleep.out, asleep.err);
    assert!(asleep.out.starts_with("☾ shop/shop  Hibernated\n"), "{}", asleep.out);
    assert_eq!(names(&world.list("shop", "pods", "microservicestack.dev/component")), Vec::<String>::new());
    assert_eq!(world.kept(), kept, "volumes and Secrets stay");

    let begun = Instant::now();
    assert!(world.told(&["wake", "shop"]).starts_with("shop: wakes"));
    let awake = world.say(&["status", "shop", "--wait"], "");
    world.figure("the whole shop awake", begun.elapsed());
    assert_eq!(awake.code, 0, "{}{}", awake.out, awake.err);
    assert!(awake.out.starts_with("✓ shop/shop  Available\n"), "{}", awake.out);
    assert_eq!((counts(world), orders(), world.kept()), (before, total, kept));
}

/// Rule 7: what has failed is tried again when it is asked for: "mend the spec, or try the same again".
pub fn a_revision_that_failed_for_its_data_is_tried_again_once_that_is_mended(world: &World) {
    let (good, _) = revision(world);
    world.query("products", "update products set cents = 0 where id = 'beans'");
    world.merge(&json!({ "spec": { "services": { "mailer": { "config": { "SHOP_DRAIN": "1s" } } } } }));
    until_settled(world, "RolledBack");
    let (_, failed) = revision(world);
    let status = world.say(&["status", "shop"], "");
    let told = status.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(status.code == 1 && told.contains("try the same again: mstack retry shop -n shop"), "{}", status.out);

    world.query("products", "update products set cents = 1890 where id = 'beans'");
    let told = world.told(&["retry", "shop"]);
    assert!(told.starts_with(&format!("shop: {failed} is tried again; ")), "{told}");
    assert!(told.contains("the shop gives nothing away"), "{told}");
    until_settled(world, "Available");
    assert_eq!(revision(world), (failed.clone(), failed.clone()), "the same revision is good now");

    let back = world.say(&["rollback", "shop"], "");
    assert!(back.out.starts_with(&format!("shop: {failed} -> {good}\n")), "{}{}", back.out, back.err);
    until_settled(world, "Available");
    assert_eq!(revision(world), (good.clone(), good));
}

fn until_paused(world: &World) {
    world.until("the shop tells that it is paused", Duration::from_secs(30), || {
        let stack = world.stack();
        let generation = &stack["metadata"]["generation"];
        let paused = list(&stack["status"]["conditions"]).iter().find(|condition| condition["type"] == "Paused");
        let told = paused.is_some_and(|paused| paused["status"] == "True" && paused["observedGeneration"] == *generation);
        told.then_some(()).ok_or_else(|| stack["status"]["conditions"].to_string())
    });
}

/// How many instances each workload is to have.
fn counts(world: &World) -> Vec<(String, Value)> {
    let workloads = world.list("shop", "deployments,statefulsets", "microservicestack.dev/stack=shop");
    workloads.iter().map(|one| (one["metadata"]["name"].to_string(), one["spec"]["replicas"].clone())).collect()
}
