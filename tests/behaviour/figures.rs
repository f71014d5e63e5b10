//! Figures, not promises: memory with many stacks, and how long a start and a restart take. To be run with the release
//! binary: `MSTACK_BINARY=... cargo test --test behaviour figures -- --ignored --nocapture`.
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use cluster::Options;

use crate::requests::{child_writes, status_writes};
use crate::world::World;

/// Three services without an instance.
const SPEC: &str = "{names: Prefixed, services: {web: {image: 'web:1', port: 80, replicas: 0}, api: {image: 'api:1', port: 80, replicas: 0}, mail: {image: 'mail:1', port: 80, replicas: 0, config: {A: b}}}}";
/// Deployment, Service, ServiceAccount, PodDisruptionBudget and NetworkPolicy of each.
const CHILDREN: usize = 15;
const WRITES: &str = "mstack_api_requests_total{verb=\"apply\"";
const LONGEST: Duration = Duration::from_mins(10);

/// A page of the operator; none while it does not answer with 200.
fn page(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(text)
}

/// A metric, summed over its labels.
fn metric(address: SocketAddr, name: &str) -> f64 {
    let text = page(address, "/metrics").unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn wait_for(what: &str, is: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < LONGEST, "not {what} within {LONGEST:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    begun.elapsed()
}

fn resident(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |field: &str| {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    };
    format!("{:.1} MB resident, {:.1} MB at most", of("VmRSS:"), of("VmHWM:"))
}

/// Starts the operator anew and tells how it went.
fn restart(world: &mut World, stacks: usize) -> SocketAddr {
    world.kill_operator();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let before = world.requests().len();
    let log = world.log().len();
    let begun = Instant::now();
    let pid = world.start_operator_at("localhost/mstack:test", &address.to_string());
    wait_for("up", || page(address, "/readyz").is_some());
    let up = begun.elapsed();
    wait_for("synced", || world.log()[log..].contains("all watches are synced"));
    let synced = begun.elapsed();
    let wanted = f64::from(u32::try_from(stacks).unwrap());
    wait_for("verified", || metric(address, "mstack_reconciles_total") >= wanted && metric(address, "mstack_queue_depth") == 0.0);
    let verified = begun.elapsed();
    std::thread::sleep(Duration::from_secs(3));
    let requests = world.requests().split_off(before);
    let gets = requests.iter().filter(|request| request.verb == "get" && !request.resource.is_empty()).count();
    let writes = child_writes(&requests).len() + status_writes(&requests);
    println!(
        "{stacks} stacks: exec to ready {up:.0?}, to synced {synced:.2?}, to verified {verified:.2?}; {writes} writes, {gets} GETs; {}",
        resident(pid)
    );
    assert_eq!((writes, gets), (0, 0), "a restart writes nothing and reads no object alone");
    address
}

fn create(world: &World, address: SocketAddr, from: usize, to: usize) {
    let mut yaml = String::new();
    for index in from..to {
        let _ = write!(
            yaml,
            "---\napiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: s{index}, namespace: figures}}\nspec: {SPEC}\n"
        );
    }
    let begun = Instant::now();
    let made = metric(address, WRITES);
    world.cluster.kubectl_stdin(&["apply", "--server-side", "-f", "-"], &yaml).unwrap();
    // All children and one status each.
    let due = f64::from(u32::try_from((CHILDREN + 1) * (to - from)).unwrap());
    wait_for("applied", || metric(address, WRITES) >= made + due);
    println!("{} more stacks applied within {:.0?}", to - from, begun.elapsed());
}

/// Kubernetes' own controllers would take an hour for 3,000 Deployments on a small machine, and what they write is not
/// what is measured: the operator's own records are.
fn stop_controllers(world: &World) {
    let processes = fs::read_to_string(world.cluster.kubeconfig().with_file_name("processes")).unwrap();
    let manager = processes.lines().find(|line| line.ends_with(" kube-controller-manager")).unwrap();
    let id = manager.split(' ').next().unwrap();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
}

#[tokio::test]
#[ignore = "measures for minutes; the figures are those of the release binary"]
async fn memory_and_restart_with_0_200_and_1000_stacks() {
    let mut world = World::new(Options::default()).await;
    world.cluster.kubectl(&["create", "namespace", "figures"]).unwrap();
    stop_controllers(&world);
    let mut address = restart(&mut world, 0);
    let mut there = 0;
    for stacks in [200, 1000] {
        create(&world, address, there, stacks);
        there = stacks;
        println!("{stacks} stacks just made: {}", resident(world.operator_id()));
        address = restart(&mut world, stacks);
    }
}
