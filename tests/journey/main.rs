//! The journey: the shop's whole life on real nodes, from `helm install` to the removal of a service, seen as its
//! customers and its operators see it. It needs the images that `make images` builds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

mod backup;
mod changes;
mod cli;
mod commands;
mod copies;
mod protocols;
mod rollout;
#[path = "../shell/running.rs"]
mod running;
mod traffic;
mod upgrade;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use traffic::Traffic;
use world::World;

const SHOP: &str = include_str!("../../examples/shop/stack.yaml");

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a cluster with real nodes; `make test-journey` runs it"]
async fn the_shop_lives_its_whole_life_on_real_nodes() {
    let world = World::start().await;
    the_operator_runs_as_two_pods_of_which_one_holds_the_lease(&world);
    the_shop_becomes_ready_and_its_status_says_so(&world);
    commands::a_user_reads_how_the_shop_is_and_who_uses_whom(&world);
    commands::a_plan_tells_what_restarts_and_changes_nothing(&world);
    commands::the_doctor_finds_nothing_wrong(&world);
    commands::helm_test_asks_the_doctor_from_within(&world);
    commands::an_installation_is_printed_and_the_cluster_would_take_it(&world);
    a_customer_gets_data_that_is_in_postgres(&world);
    commands::logs_and_events_of_all_pods_are_one_stream(&world);
    commands::a_database_is_reached_from_this_machine_as_long_as_the_command_runs(&world);
    calls_go_along_the_declared_edges_alone(&world);
    protocols::a_websocket_stays_open_through_the_gateway_and_a_grpc_route_is_accepted(&world);
    changes::a_new_instance_is_asked_for_and_its_log_followed(&world);
    let asked = counts_follow_everywhere_and_no_request_fails(&world)
        + changes::a_restart_replaces_the_instances_and_no_request_fails(&world)
        + rollout::a_version_whose_test_fails_is_put_back_and_a_mended_one_stays(&world)
        + rollout::a_drained_node_fails_no_request(&world);
    rollout::a_version_without_a_check_that_ends_after_its_start_replaces_nothing(&world);
    println!("{asked} requests during all these changes, 0 failed");
    assert!(asked >= 5000, "too few to say that none is lost");
    commands::what_the_components_use_is_measured(&world);
    changes::a_revision_that_failed_for_its_data_is_tried_again_once_that_is_mended(&world);
    changes::a_suspended_shop_is_left_alone_until_it_is_resumed(&world);
    changes::a_shop_that_sleeps_has_no_instance_and_wakes_as_it_was(&world);
    upgrade::another_version_of_the_operator_comes_and_goes_and_the_shop_does_not_notice(&world);
    copies::a_copy_on_another_node_has_what_was_written(&world);
    a_killed_database_pod_loses_no_row(&world);
    backup::a_restored_api_server_loses_no_data_and_replaces_none(&world).await;
    removing_a_service_prunes_exactly_its_children(&world);
    an_uninstalled_operator_leaves_everything_running(&world);
    a_deleted_stack_leaves_its_data_and_finds_it_again(&world);
    the_autoscaler_sees_the_load_of_its_service(&world);
    world.tell_figures();
}

fn the_operator_runs_as_two_pods_of_which_one_holds_the_lease(world: &World) {
    world.until("the Lease has a holder among the operator's pods", Duration::from_secs(30), || {
        let pods = names(&world.list("mstack-system", "pods", "app.kubernetes.io/name=mstack"));
        let holder = world.field("mstack-system", "lease/mstack", "{.spec.holderIdentity}");
        (pods.len() == 2 && pods.iter().any(|pod| holder.starts_with(pod.as_str())))
            .then_some(())
            .ok_or(format!("{pods:?}, holder {holder:?}"))
    });
}

/// Rule 1: "`Ready` is true only when every component serves at least what `replicas`, `min` or `instances` asks, at the
/// observed generation, its template fully rolled, and its routes are accepted".
fn the_shop_becomes_ready_and_its_status_says_so(world: &World) {
    world.kubectl(&["create", "namespace", "shop"]);
    apply_and_wait(world, "apply to Ready, first start with empty volumes");
    let status = &world.stack()["status"];
    assert_eq!((&status["summary"]["services"], &status["summary"]["databases"]), (&json!("4/4"), &json!("3/3")), "{status:#}");
    assert_eq!(status["summary"]["url"], "http://shop.example.com", "{status:#}");
    for (name, least) in [("web", 2), ("catalog", 1), ("orders", 2), ("mailer", 1)] {
        let service = &status["services"][name];
        assert!(service["instances"]["serving"].as_i64() >= Some(least), "{name}: {service:#}");
        assert_eq!(service["phase"], "Ready", "{name}: {service:#}");
    }
}

fn a_customer_gets_data_that_is_in_postgres(world: &World) {
    let answer = world.get("/api/products");
    let offered: BTreeMap<&str, i64> = list(&answer["products"])
        .iter()
        .map(|product| (product["id"].as_str().unwrap(), product["cents"].as_i64().unwrap()))
        .collect();
    let stored = world.query("products", "select id || '=' || cents from products order by id");
    let offered: Vec<String> = offered.iter().map(|(id, cents)| format!("{id}={cents}")).collect();
    assert_eq!(offered, stored.lines().collect::<Vec<_>>());

    let order = world.order("mug", 2);
    assert_eq!(world.query("purchases", &format!("select product, quantity from orders where id = '{order}'")), "mug|2");
    world.until("the order is confirmed through the queue", Duration::from_secs(30), || {
        let found = world.try_get(&format!("/api/orders/{order}"))?;
        found["order"]["confirmedAt"].as_str().map(drop).ok_or(found.to_string())
    });
}

/// Design, section 5: "`Strict` isolation: ingress between pods along declared edges and from a component to itself, pod to pod
/// and not only by Service; exposed ports admit any source". That the declared edges connect, the orders before this have shown.
fn calls_go_along_the_declared_edges_alone(world: &World) {
    world.run_pod("stranger", "role=stranger");
    world.run_pod("visitor", "uses.microservicestack.dev/purchases=shop");
    let before = staying_pods(world);
    let purchases = world.field("shop", "pod/purchases-0", "{.status.podIP}");
    let ways = |open: bool| {
        [
            ("visitor", "purchases", 5432, true),
            ("stranger", "web", 8080, true),
            ("stranger", "purchases", 5432, open),
            ("stranger", purchases.as_str(), 5432, open),
            ("stranger", "catalog", 8080, open),
            ("products-0", "products", 5432, true),
            ("products-0", "purchases", 5432, open),
        ]
    };
    let judge = |open: bool| {
        for (from, to, port, connects) in ways(open) {
            world.until(&format!("{from} to {to}:{port} connects: {connects}"), Duration::from_secs(30), || {
                let seen = world.connects(from, to, port);
                (seen == connects).then_some(()).ok_or(seen.to_string())
            });
        }
    };
    judge(false);
    world.merge(&json!({ "spec": { "isolation": "Open" } }));
    judge(true);
    world.merge(&json!({ "spec": { "isolation": null } }));
    judge(false);
    assert_eq!(staying_pods(world), before, "a change of isolation restarts nothing");
    world.kubectl(&["-n", "shop", "delete", "pod", "stranger", "visitor", "--grace-period=1"]);
    world.until_ready(Duration::from_mins(1));
}

/// Rule 2: "a changed count reaches the workload in one write, at once"; rule 1: "`instances` tells the truth".
fn counts_follow_everywhere_and_no_request_fails(world: &World) -> usize {
    let traffic = Traffic::start(world.gateway(), "/api/products");
    for count in [5, 1] {
        let begun = Instant::now();
        world.merge(&json!({ "spec": { "services": { "web": { "replicas": count } } } }));
        world.until(&format!("web has {count} instances everywhere"), Duration::from_mins(2), || {
            let seen = counts_of_web(world);
            (seen == [count; 4]).then_some(()).ok_or(format!("Deployment, EndpointSlice, desired, serving: {seen:?}"))
        });
        world.figure(&format!("web to {count} instances, in Deployment, EndpointSlice and status"), begun.elapsed());
        traffic.let_requests_pass(200);
    }
    let seen = traffic.stop("changes of the count");
    assert!(seen.connections < seen.answered, "nobody kept a connection");
    assert!(seen.instances.len() >= 5, "the traffic reached {:?}", seen.instances);
    world.merge(&json!({ "spec": { "services": { "web": { "replicas": 2 } } } }));
    world.until_ready(Duration::from_mins(1));
    seen.answered
}

fn counts_of_web(world: &World) -> [i64; 4] {
    let number = |text: String| text.parse().unwrap_or(-1);
    let slices = world.list("shop", "endpointslices", "kubernetes.io/service-name=web");
    let endpoints = slices.iter().flat_map(|slice| list(&slice["endpoints"]));
    let ready = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true).count();
    [
        number(world.field("shop", "deployment/web", "{.spec.replicas}")),
        i64::try_from(ready).unwrap(),
        number(world.field("shop", "mstack/shop", "{.status.services.web.instances.desired}")),
        number(world.field("shop", "mstack/shop", "{.status.services.web.instances.serving}")),
    ]
}

/// Rule 9: "Data outlives everything short of a declared `onDelete: Delete` or a deleted namespace".
fn a_killed_database_pod_loses_no_row(world: &World) {
    let orders: Vec<String> = (0..5).map(|_| world.order("kettle", 1)).collect();
    let before = world.field("shop", "pod/purchases-0", "{.metadata.uid}");
    let begun = Instant::now();
    // With open connections PostgreSQL does not stop within a second: it is killed as by a crash.
    world.kubectl(&["-n", "shop", "delete", "pod", "purchases-0", "--grace-period=1"]);
    for order in &orders {
        world.until("the order is there again", Duration::from_mins(2), || world.try_get(&format!("/api/orders/{order}")));
    }
    world.figure("database pod killed to its orders being served again", begun.elapsed());
    assert_ne!(world.field("shop", "pod/purchases-0", "{.metadata.uid}"), before, "the pod was never replaced");
    world.until_ready(Duration::from_mins(1));
}

/// Rule 12: "A removed component's children are pruned only from complete knowledge".
fn removing_a_service_prunes_exactly_its_children(world: &World) {
    let before = world.children();
    // The test needs the mailer, so it goes as well; with it the policy of its pods.
    world.merge(&json!({ "spec": { "services": { "mailer": null }, "tests": null } }));
    let is_of_mailer = |key: &str| key.ends_with("/mailer") || key == "NetworkPolicy/test-checkout.task/";
    let of_mailer = |children: &BTreeMap<String, String>| children.keys().filter(|key| is_of_mailer(key)).count();
    assert!(of_mailer(&before) >= 3, "{before:#?}");
    world.until("the mailer's children are gone", Duration::from_mins(1), || {
        let left = world.children();
        (of_mailer(&left) == 0).then_some(()).ok_or(format!("{left:#?}"))
    });
    world.until_ready(Duration::from_mins(1));
    let others: BTreeMap<_, _> = before.into_iter().filter(|(key, _)| !is_of_mailer(key)).collect();
    assert_eq!(world.children(), others, "an object of another component was touched");
}

/// Rule 9: "Data outlives everything short of a declared `onDelete: Delete` or a deleted namespace: [...] an uninstalled
/// operator".
fn an_uninstalled_operator_leaves_everything_running(world: &World) {
    let (children, kept, pods) = (world.children(), world.kept(), staying_pods(world));
    world.uninstall();
    assert_eq!(names(&world.list("mstack-system", "deployments", "")), Vec::<String>::new());
    world.order("mug", 1);
    world.install();
    world.until_ready(Duration::from_mins(1));
    assert_eq!((world.children(), world.kept()), (children, kept));
    assert_eq!(staying_pods(world), pods, "a pod was replaced");
}

/// Rule 9: "Volumes and credentials carry identity labels and no ownerReference"; the Secret is "created once, never
/// overwritten".
fn a_deleted_stack_leaves_its_data_and_finds_it_again(world: &World) {
    let total = |world: &World| world.get("/api/orders")["total"].as_i64().unwrap();
    let (orders, kept) = (total(world), world.kept());
    assert!(kept.keys().any(|key| key == "PersistentVolumeClaim/data-purchases-0"), "{kept:#?}");
    assert!(kept.keys().any(|key| key == "Secret/purchases"), "{kept:#?}");
    world.kubectl(&["-n", "shop", "delete", "mstack", "shop"]);
    world.until("every child and every pod is gone", Duration::from_mins(2), || {
        let (children, pods) = (world.children(), names(&world.list("shop", "pods", "")));
        (children.is_empty() && pods.is_empty()).then_some(()).ok_or(format!("{children:#?} {pods:?}"))
    });
    assert_eq!(world.kept(), kept, "volumes and Secrets outlive the stack, unchanged");

    apply_and_wait(world, "apply to Ready, over the volumes of before");
    assert_eq!(world.kept(), kept, "the same volumes and the same passwords are used again");
    assert_eq!(total(world), orders + 1, "those of before, and the one of the stack's test");
}

fn the_autoscaler_sees_the_load_of_its_service(world: &World) {
    world.until("the HPA of orders has measured its CPU", Duration::from_mins(2), || {
        let metrics = world.field("shop", "hpa/orders", "{.status.currentMetrics[0].resource.current.averageUtilization}");
        metrics.parse::<u32>().map(drop).map_err(|_| format!("currentMetrics: {metrics:?}"))
    });
    assert_eq!(world.stack()["status"]["services"]["orders"]["instances"]["source"], "HPA");
}

fn apply_and_wait(world: &World, what: &str) {
    let begun = Instant::now();
    world.apply(SHOP);
    world.until_ready(Duration::from_mins(5));
    world.figure(what, begun.elapsed());
}

fn names(objects: &[Value]) -> Vec<String> {
    objects.iter().filter_map(|object| object["metadata"]["name"].as_str()).map(str::to_owned).collect()
}

fn staying_pods(world: &World) -> Vec<String> {
    let mut pods = world.list("shop", "pods", "");
    pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    names(&pods)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
