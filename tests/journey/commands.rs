//! The commands that ask: what a user reads is what the cluster is. The sentences are those of docs/cli.md.
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::Said;
use crate::world::World;
use crate::{SHOP, list, names};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/stack.yaml");

/// "how a stack is [...]. `--wait --timeout 5m` waits until the stack is ready [...]. The exit code is 0 when all that is shown is
/// ready".
pub fn a_user_reads_how_the_shop_is_and_who_uses_whom(world: &World) {
    let told = world.told(&["status", "shop", "--wait"]);
    let status = &world.stack()["status"];
    let revision = status["revision"]["current"].as_str().unwrap();
    let head = format!(
        "✓ shop/shop  Available\n  services 4/4, databases 3/3, instances 9/9, revision {revision}\n  http://shop.example.com\n"
    );
    assert!(told.starts_with(&head), "{told}");
    let rows: Vec<String> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in [
        "mailer ✓ Ready 1/1 1",
        "├─ orders ✓ Ready 2/2 2..5, cpu ",
        "│ ├─ [jobs] ✓ Ready 1/1 1 1Gi",
        "│ └─ [purchases] ✓ Ready 1/1 1 1Gi",
        "└─ [jobs] ↑",
        "web ✓ Ready 2/2 2",
        "├─ catalog ✓ Ready 1/1 1",
        "│ └─ [products] ✓ Ready 1/1 1 1Gi",
        "└─ orders ↑",
        "gated test checkout ✓ Succeeded ",
    ] {
        assert!(rows.iter().any(|line| line.starts_with(row)), "{row:?} is not in\n{told}");
    }
    assert!(!told.contains("left out") && !told.contains("NOT READY"), "{told}");
    let object = world.told_json(&["status", "shop"]);
    assert_eq!((&object["kind"], &object["status"]), (&json!("MicroserviceStack"), &world.stack()["status"]));

    assert_eq!(world.told(&["graph", "shop"]), world.told(&["graph", "-f", FILE]), "the cluster's stack is that of the file");
    println!("{told}");
}

/// "0 nothing would change, 2 something would"; "`restarts pods`: the pod template changes: pods are replaced".
pub fn a_plan_tells_what_restarts_and_changes_nothing(world: &World) {
    let pods = names(&world.list("shop", "pods", ""));
    let nothing = world.told(&["plan", "-f", FILE]);
    assert!(nothing.starts_with("shop/shop: nothing would change\n\n0 to create, 0 to change, 0 to delete, "), "{nothing}");

    let next = SHOP.replace(r#"SHOP_VERSION: "1""#, r#"SHOP_VERSION: "2""#);
    let begun = Instant::now();
    let Said { code, out, err } = world.say(&["plan", "-f", "-"], &next);
    world.figure("mstack plan of a new version of four services", begun.elapsed());
    assert_eq!((code, err.as_str()), (2, ""), "{out}");
    for (service, count) in [("catalog", 1), ("mailer", 1), ("orders", 2), ("web", 2)] {
        let words = format!("~ Deployment {service}\n  ! restarts pods: {count}");
        assert!(out.contains(&words), "{words:?} is not in\n{out}");
    }
    assert!(out.contains("4 restart pods"), "{out}");
    assert_eq!(names(&world.list("shop", "pods", "")), pods, "a plan changes nothing");
}

/// "whether the cluster has what stacks need, and whether the operator works". Volumes of the local cluster are folders, which
/// cannot grow; its policies are enforced by an agent that is no `DaemonSet`, so of them alone it does not know.
pub fn the_doctor_finds_nothing_wrong(world: &World) {
    let found = world.told_json(&["doctor"]);
    let unlike = list(&found["checks"]).iter().filter(|check| check["state"] != "Good");
    let unlike: Vec<_> = unlike.map(|check| (&check["id"], &check["state"])).collect();
    assert_eq!(unlike, [(&json!("storage"), &json!("Warning")), (&json!("network"), &json!("Unknown"))], "{found:#}");
}

/// "From within the cluster the chart asks the same", and leaves nothing behind.
pub fn helm_test_asks_the_doctor_from_within(world: &World) {
    let told = world.test();
    assert!(told.contains("mstack-test") && told.contains(" leads") && told.contains(" 0 bad"), "{told}");
    let left =
        world.kubectl(&["get", "pods,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings", "-A", "-o", "name"]);
    assert!(!left.contains("mstack-test"), "{left}");
}

/// "`--dry-run` prints the manifests and asks no cluster": what it prints is what an API server takes.
pub fn an_installation_is_printed_and_the_cluster_would_take_it(world: &World) {
    let manifests = world.told(&["install", "--dry-run", "--ui", "-n", "mstack-system"]);
    let documents = manifests.matches("---\n").count();
    let judged = world.kubectl_stdin(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"], &manifests);
    assert_eq!(
        judged.lines().filter(|line| line.ends_with("serverside-applied (server dry run)")).count(),
        documents,
        "{judged}"
    );
}

/// "`logs` sorts the lines of all pods by their times, each with its pod [...]. `events` has those of the stack and of all its
/// objects, the newest last."
pub fn logs_and_events_of_all_pods_are_one_stream(world: &World) {
    let told = world.told(&["logs", "shop", "--timestamps"]);
    let lines: Vec<(&str, &str)> = told.lines().filter_map(|line| line.split_once(" | ")).collect();
    assert_eq!(lines.len(), told.lines().count(), "a line without its pod:\n{told}");
    let times: Vec<&str> = lines.iter().map(|(_, line)| line.split(' ').next().unwrap()).collect();
    assert!(times.is_sorted(), "{told}");
    let told_of: BTreeSet<&str> = lines.iter().map(|(pod, _)| pod.trim()).collect();
    let pods = names(&world.list("shop", "pods", "microservicestack.dev/stack=shop"));
    assert_eq!(told_of, pods.iter().map(String::as_str).collect(), "{told}");

    let events = world.told(&["events"]);
    for words in ["MicroserviceStack shop", "Pod web-", "Pod purchases-0", "PersistentVolumeClaim data-purchases-0"] {
        assert!(events.contains(words), "{words:?} is not in\n{events}");
    }
}

/// "`top` sets what pods use beside what they ask for": real processes use processor time and memory.
pub fn what_the_components_use_is_measured(world: &World) {
    let rows = world.until("every component is measured", Duration::from_mins(1), || {
        let Said { code, out, err } = world.say(&["top", "shop"], "");
        if code != 0 {
            return Err(err);
        }
        let rows: Vec<Vec<String>> =
            out.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
        (rows.len() == 7).then_some(rows).ok_or(out)
    });
    for row in rows {
        let number = |at: usize| row[at].trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap();
        // Name, pods, processor, part of its request, memory, part of its request.
        assert!(row.len() == 6 && number(1) > 0 && number(2) > 0 && number(4) > 0, "{row:?}");
    }
}

/// "It forwards the port of the database to this machine until it is interrupted [...] and prints one line: the address with the
/// login from the database's Secret."
pub fn a_database_is_reached_from_this_machine_as_long_as_the_command_runs(world: &World) {
    let begun = Instant::now();
    let connect = world.begin(&["connect", "shop", "purchases"]);
    let address = connect.until("an address", |_| true).remove(0);
    world.figure("mstack connect to a port that answers", begun.elapsed());
    let asked = Command::new("psql").args([&address, "-tAc", "select count(*) from orders"]).output().unwrap();
    assert!(asked.status.success(), "{address}: {}", String::from_utf8_lossy(&asked.stderr));
    let count = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(count.trim(), world.query("purchases", "select count(*) from orders"));

    let (_, host) = address.split_once('@').unwrap();
    let host = host.split('/').next().unwrap();
    assert_eq!(connect.terminate(), Some(0));
    assert!(TcpStream::connect(host).is_err(), "{host} is forwarded by nobody who still runs");
}

/// "`ui` forwards the port of the page to this machine until it is interrupted [...] to the operator that leads, and prints the
/// address".
pub fn the_page_of_the_shop_is_shown(world: &World) {
    let ui = world.begin(&["ui", "shop"]);
    let address = ui.until("an address", |_| true).remove(0);
    assert!(address.ends_with("/stacks/shop/shop"), "{address}");
    let page = Command::new("curl").args(["-sS", "--fail-with-body", "--max-time", "10", &address]).output().unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    for words in ["shop/shop", "Available", "purchases", "http://shop.example.com"] {
        assert!(page.contains(words), "{words:?} is not in\n{page}");
    }
    assert_eq!(ui.terminate(), Some(0));
}
