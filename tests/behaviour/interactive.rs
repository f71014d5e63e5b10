//! Commands while somebody looks or types: `status --watch`, `logs --follow`, and the completion of names from the cluster.
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::commands::{allow, code, done, err, mstack, out};
use crate::running::Running;
use crate::world::{PATIENCE, World};

const SHOP: &str = "
services:
  web: {image: 'web:1', port: 8080, uses: [api]}
  api: {image: 'api:1', port: 8080, scale: {min: 2, max: 5, cpu: 70}, resources: {cpu: 100m}}
databases: {orders: {engine: postgres, version: 17, storage: {size: 1Gi}}}
";

/// Starts a command that goes on.
fn begin(kubeconfig: &Path, args: &[&str]) -> Running {
    // What a script runs in the background ignores Ctrl-C, and so would what it starts.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_mstack")]).args(args).env("KUBECONFIG", kubeconfig);
    Running::begin(command.env("COLUMNS", "80").env("LC_ALL", "C.UTF-8"))
}

#[tokio::test]
async fn status_watch_shows_each_change_once_and_a_pipe_gets_no_codes_of_a_terminal() {
    let world = World::shared().await;
    let shop = world.namespace("cli-watch").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let watch = begin(world.cluster.kubeconfig(), &["status", "shop", "--watch", "-n", "cli-watch"]);
    watch.until("ready", |line| line == "✓ cli-watch/shop  Available");
    watch.until("the table", |line| line.contains("[orders]"));
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 3}}}})).await;
    let mut seen = watch.until("scaled", |line| line.starts_with("web ") && line.contains("3/3"));
    assert!(seen.iter().all(|line| !line.contains('\u{1b}')), "{seen:?}");
    done(&shop, &["hibernate", "shop"]);
    seen.extend(watch.until("asleep", |line| line == "☾ cli-watch/shop  Hibernated"));
    // Each time that it is told it begins with its name.
    let mut told: Vec<Vec<&str>> = Vec::new();
    for line in seen.iter().filter(|line| !line.is_empty()) {
        if line.contains(" cli-watch/shop  ") {
            told.push(Vec::new());
        }
        told.last_mut().into_iter().for_each(|last| last.push(line));
    }
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "what is the same is not told again: {seen:#?}");
}

#[tokio::test]
async fn events_are_followed_also_those_of_a_new_component_until_it_is_interrupted() {
    let world = World::shared().await;
    let shop = world.namespace("cli-events").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    let watch = begin(world.cluster.kubeconfig(), &["events", "shop", "--watch", "-n", "cli-events"]);
    watch.until("what was before", |line| line.ends_with("  MicroserviceStack shop"));
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"image": "api:1"}}}})).await;
    watch.until("what came", |line| line.ends_with("  ScalingReplicaSet  Deployment api"));
    assert_eq!(watch.ends_on("INT").signal(), Some(2), "it ends on Ctrl-C");

    let names = done(&shop, &["events", "-o", "name"]);
    assert!(names.lines().count() > 2 && names.lines().all(|name| name.starts_with("event/")), "{names}");
    let list: Value = serde_json::from_str(&done(&shop, &["events", "-o", "json"])).unwrap();
    assert_eq!((&list["kind"], &list["items"][0]["kind"]), (&json!("List"), &json!("Event")));
    assert!(done(&shop, &["events", "-o", "wide"]).contains("    told by mstack, first "));
    assert_eq!(done(&shop, &["status", "shop", "-o", "name"]), "microservicestack.microservicestack.dev/shop\n");
}

#[tokio::test]
async fn what_is_followed_ends_when_nobody_reads_it_any_more() {
    let world = World::shared().await;
    let shop = world.namespace("cli-unread").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    let commands = ["status", "events"].map(|name| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
        command.args([name, "shop", "--watch", "-n", "cli-unread"]).env("KUBECONFIG", world.cluster.kubeconfig());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{name} says something, and nobody reads on");
        RefCell::new(Running::unread(child))
    });
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 2}}}})).await;
    for command in &commands {
        let ended = || std::future::ready(json!(command.borrow_mut().ended().map(|status| status.code())));
        shop.until("at its end", ended, |code| *code == json!(0)).await;
    }
}

#[tokio::test]
async fn names_are_completed_from_the_cluster_and_from_the_place_that_the_line_names() {
    let world = World::shared().await;
    let (shop, other) = (world.namespace("cli-complete").await, world.namespace("cli-complete-other").await);
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    // kubectl hands the words over as they stand; the namespace comes with them.
    let complete = |words: &[&str]| {
        let line = ["__complete", "--"].iter().chain(words).copied().collect::<Vec<_>>();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
        let output = command.args(line).env("KUBECONFIG", world.cluster.kubeconfig()).output().unwrap();
        json!(out(&output).lines().collect::<Vec<_>>())
    };
    // A cluster that does not answer at once is not waited for: whoever types tries again.
    let completes = async |words: &[&str], expected: &[&str]| {
        shop.until(&format!("{words:?} completed"), || async { complete(words) }, |found| *found == json!(expected)).await;
    };
    completes(&["status", "-n", "cli-complete", "s"], &["shop", ":4"]).await;
    completes(&["logs", "-n", "cli-complete", "shop", ""], &["api", "web", "orders", ":4"]).await;
    completes(&["scale", "-n", "cli-complete", "shop", "w"], &["web=", ":4"]).await;
    let revision = shop.stack("shop").await["status"]["revision"]["update"].as_str().unwrap().to_owned();
    let recorded = |stack: &serde_json::Value| stack["status"]["revision"]["current"] == revision.as_str();
    shop.stack_until("shop", "recorded", recorded).await;
    completes(&["rollback", "-n", "cli-complete", "shop", "--to", ""], &[revision.as_str(), ":4"]).await;
    completes(&["status", "-n", &other.name, ""], &[":4"]).await; // There is no stack.
    completes(&["plan", "-f", ""], &[":0"]).await; // A file is meant.
}

#[tokio::test]
async fn logs_that_may_not_be_read_end_the_following_with_the_right_that_is_missing() {
    let world = World::shared().await;
    let shop = world.namespace("cli-follow").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    allow(&shop, "cli-follower", "get,list", "microservicestacks.microservicestack.dev,pods").await;
    let refused = mstack(&shop, Some("cli-follower"), &["logs", "shop", "--follow"], None);
    assert!(code(&refused) == 2 && err(&refused).contains("you may not get pods/log"), "{}", err(&refused));
}

/// An API server of one stack whose first pod ends its log once and begins it anew, and whose second pod comes after that.
fn serve(listener: &TcpListener) {
    let opened = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let opened = Arc::clone(&opened);
        std::thread::spawn(move || answer(&mut stream.unwrap(), &opened));
    }
}

fn answer(stream: &mut TcpStream, opened: &AtomicUsize) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let pod = |name: &str| {
        json!({"metadata": {"name": name, "labels": {"microservicestack.dev/component": "web"}}, "spec": {"containers": [{"name": "web"}, {"name": "proxy"}]},
            "status": {"containerStatuses": [{"name": "web", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}}]}})
    };
    let first = "2026-01-31T12:00:01Z one\n";
    let again = format!("{first}2026-01-31T12:00:03Z two\n");
    let of_proxy = request.split_once("/pods/web-1/log?").filter(|(_, query)| query.contains("=proxy"));
    let (body, stays) = if let Some((_, query)) = of_proxy {
        (format!("2026-01-31T12:00:04Z {query}\n"), false)
    } else if request.contains("/pods/web-1/log") {
        let before = opened.fetch_add(1, Ordering::SeqCst);
        assert_eq!(before > 0, request.contains("sinceTime=2026-01-31T12"), "{request}");
        if before == 0 { (first.to_owned(), false) } else { (again, true) }
    } else if request.contains("/pods/web-2/log") {
        ("2026-01-31T12:00:02Z hello\n".to_owned(), true)
    } else if request.contains("/pods?") {
        let names = if opened.load(Ordering::SeqCst) > 1 { &["web-1", "web-2"][..] } else { &["web-1"][..] };
        let items: Vec<_> = names.iter().map(|name| pod(name)).collect();
        (json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items}).to_string(), false)
    } else {
        let stack = json!({"apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack",
            "metadata": {"name": "shop", "namespace": "shop"}, "spec": {"services": {"web": {"image": "web:1"}}}});
        (stack.to_string(), false)
    };
    let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{body}");
    let _ = stream.flush();
    if stays {
        std::thread::park_timeout(PATIENCE); // The log goes on, and nothing is written.
    }
}

/// A kubeconfig for an API server that speaks plain HTTP, under a name of its own.
fn kubeconfig_for(listener: &TcpListener, name: &str) -> PathBuf {
    let kubeconfig = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let server = format!("http://{}", listener.local_addr().unwrap());
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}], "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c", "namespace": "shop"}}]});
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    kubeconfig
}

#[test]
fn logs_are_asked_for_as_kubectl_asks_of_a_container_since_a_time_and_all_lines() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kubeconfig = kubeconfig_for(&listener, "asked.yaml");
    std::thread::spawn(move || serve(&listener));
    let of = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mstack"));
        command.args(["logs", "shop", "web"]).args(args).env("KUBECONFIG", &kubeconfig).output().unwrap()
    };
    let asked = of(&["-c", "proxy", "--since-time", "2026-01-31T12:00:00Z", "--tail", "-1"]);
    let query = out(&asked);
    assert!(query.starts_with("web-1 | ") && query.contains("container=proxy&"), "{query}{}", err(&asked));
    assert!(query.contains("sinceTime=2026-01-31T12") && !query.contains("tailLines"), "{query}");
    assert!(out(&of(&["-c", "proxy"])).contains("tailLines=100"));
    let unknown = of(&["-c", "prxy"]);
    assert!(code(&unknown) == 2 && err(&unknown).contains("no container is called `prxy`; did you mean `proxy`?"));
}

#[test]
fn logs_follow_new_pods_and_go_on_after_a_log_has_ended_without_telling_a_line_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kubeconfig = kubeconfig_for(&listener, "followed.yaml");
    std::thread::spawn(move || serve(&listener));
    let logs = begin(&kubeconfig, &["logs", "shop", "web", "--follow"]);
    let mut left = vec!["web-1 | two", "web-2 | hello"];
    let seen = logs.until("told of the new pod", |line| {
        left.retain(|wanted| *wanted != line);
        left.is_empty()
    });
    // Each pod in its order; lines of two pods come as they may.
    let mut lines: Vec<&str> = seen.iter().map(String::as_str).collect();
    lines.sort_by_key(|line| line.split(' ').next());
    assert_eq!(lines, ["web-1 | one", "web-1 | two", "web-2 | hello"]);
}
