//! A real control plane, the real operator beside it as an ordinary user with the chart's rights, and namespaces for
//! the tests to live in.
#[path = "journal.rs"]
pub mod journal;
#[path = "namespace.rs"]
mod namespace;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex as Lock, MutexGuard as Locked, PoisonError};
use std::time::{Duration, Instant};

use cluster::{Cluster, Options};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::ApiResource;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use journal::Journal;
pub use namespace::{Namespace, component, condition, image, is_ready, message, reason};

/// User that the operator is.
pub const OPERATOR: &str = "system:serviceaccount:mstack-system:mstack";
/// Longest wait for anything, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_mins(3);
/// How long nothing must have happened until a part of the cluster counts as at rest.
const QUIET: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

/// A control plane with the CRD, and the operator.
pub struct World {
    pub cluster: Cluster,
    operator: Option<Child>,
    log: PathBuf,
    journal: Lock<Journal>,
    /// The only namespaces that the operator may work in; empty: all.
    namespaces: Vec<String>,
}

static SHARED: OnceCell<World> = OnceCell::const_new();
static RESTARTED: OnceCell<Mutex<World>> = OnceCell::const_new();

impl World {
    /// The world that tests share which do not stop the operator.
    pub async fn shared() -> &'static World {
        SHARED.get_or_init(|| async { World::new(Options { kwok_nodes: 2, ..Options::default() }).await }).await
    }

    /// The world of the tests that stop the operator or count all its requests: one at a time.
    pub async fn alone() -> MutexGuard<'static, World> {
        let world = || async { Mutex::new(World::new(Options { kwok_nodes: 1, ..Options::default() }).await) };
        let mut world = RESTARTED.get_or_init(world).await.lock().await;
        if !world.operator_runs() {
            world.start_operator(); // Another test has failed before it could.
        }
        world
    }

    /// A world of one's own.
    pub async fn new(options: Options) -> World {
        World::of_namespaces(options, &[]).await
    }

    /// A world whose operator watches only these namespaces, which are made, and has rights in no other.
    pub async fn of_namespaces(options: Options, namespaces: &[&str]) -> World {
        let mut world = World::unattended(options, namespaces).await;
        world.start_operator();
        world
    }

    /// The same, ready for an operator that does not run yet.
    pub async fn unattended(options: Options, namespaces: &[&str]) -> World {
        let cluster = Cluster::start(options).await.unwrap();
        cluster.kubectl(&["apply", "--server-side", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")]).unwrap();
        cluster.wait_until_served(&["microservicestacks.microservicestack.dev"]).unwrap();
        for namespace in ["mstack-system"].iter().chain(namespaces) {
            cluster.kubectl(&["create", "namespace", namespace]).unwrap();
        }
        cluster.kubectl_stdin(&["apply", "-f", "-"], &rights(namespaces)).unwrap();
        cluster.add_gateway_api().unwrap();
        let world = World::around(cluster, namespaces);
        for namespace in namespaces {
            world.until_allowed(OPERATOR, "list", "deployments.apps", &["--namespace", namespace]).await;
        }
        if namespaces.is_empty() {
            world.until_allowed(OPERATOR, "list", "deployments.apps", &["--all-namespaces"]).await;
        }
        world
    }

    /// A control plane alone: neither CRD nor rights, and no operator.
    pub async fn bare(options: Options) -> World {
        let cluster = Cluster::start(options).await.unwrap();
        cluster.add_gateway_api().unwrap();
        World::around(cluster, &[])
    }

    fn around(cluster: Cluster, namespaces: &[&str]) -> World {
        let log = cluster.kubeconfig().with_file_name("operator.log");
        let journal = Lock::new(Journal::new(cluster.audit_log(), &log));
        World { cluster, operator: None, log, journal, namespaces: namespaces.iter().map(ToString::to_string).collect() }
    }

    /// Waits until a user has a right: the API server sees roles and their bindings a moment after they were made.
    pub async fn until_allowed(&self, user: &str, verb: &str, resource: &str, place: &[&str]) {
        let asked = [&["auth", "can-i", verb, resource, "--as", user], place].concat();
        let begun = Instant::now();
        while let Err(error) = self.cluster.kubectl(&asked) {
            assert!(begun.elapsed() < PATIENCE, "{asked:?}: {error}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Starts the operator; it must not be running.
    pub fn start_operator(&mut self) {
        self.start_operator_as("localhost/mstack:test");
    }

    /// Starts the operator as another image of it.
    pub fn start_operator_as(&mut self, image: &str) {
        self.start_operator_at(image, "127.0.0.1:0");
    }

    /// Starts the operator with its pages at an address; returns its process id.
    pub fn start_operator_at(&mut self, image: &str, address: &str) -> u32 {
        let kubeconfig = self.cluster.kubeconfig_for(OPERATOR, &[]).unwrap();
        let mut operator = operator(&kubeconfig, &self.log);
        operator
            .args(["--http-address", address])
            .env("MSTACK_IMAGE", image)
            .env("MSTACK_UI_ADDRESS", "127.0.0.1:0")
            .env("MSTACK_NAMESPACES", self.namespaces.join(","));
        self.operator = Some(spawn_for_good(operator));
        self.operator_id()
    }

    /// Process id of the operator.
    pub fn operator_id(&self) -> u32 {
        self.operator.as_ref().expect("the operator runs").id()
    }

    /// Process ids of the operator and of the control plane.
    pub fn processes(&self) -> Vec<u32> {
        let started = fs::read_to_string(self.cluster.kubeconfig().with_file_name("processes")).unwrap();
        let parts = started.lines().filter_map(|line| line.split(' ').next()?.parse().ok());
        parts.chain(self.operator.as_ref().map(Child::id)).collect()
    }

    /// Where the operator's pages are: /metrics, and the page to look at.
    pub async fn addresses(&self) -> [SocketAddr; 2] {
        let begun = Instant::now();
        loop {
            let log = self.log();
            let told = |what: &str| log.lines().rev().find(|line| line.contains(what))?.rsplit_once("address=")?.1.parse().ok();
            if let (Some(metrics), Some(page)) = (told("serving /livez"), told("the page to look at")) {
                return [metrics, page];
            }
            assert!(begun.elapsed() < PATIENCE, "no addresses in the log:\n{log}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the operator as a crash would.
    pub fn kill_operator(&mut self) {
        let mut operator = self.operator.take().expect("the operator runs");
        operator.kill().unwrap();
        operator.wait().unwrap();
        self.journal().ended();
    }

    /// Whether the operator still runs.
    pub fn operator_runs(&mut self) -> bool {
        self.operator.as_mut().is_some_and(|operator| operator.try_wait().unwrap().is_none())
    }

    /// What the operator has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A client of the administrator; one for each test, for it lives in the test's runtime.
    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.cluster.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// A namespace of one's own, in which pods can be made.
    pub async fn namespace(&self, name: &str) -> Namespace<'_> {
        self.cluster.kubectl(&["create", "namespace", name]).unwrap();
        let namespace = Namespace { world: self, name: name.to_owned(), client: self.client().await };
        let accounts = namespace.api(&ApiResource::erase::<ServiceAccount>(&()));
        let account = || async { serde_json::to_value(accounts.get_opt("default").await.unwrap()).unwrap() };
        namespace.until("given its account", account, Value::is_object).await;
        namespace
    }

    fn journal(&self) -> Locked<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests of the operator so far, in the order of the audit log.
    pub fn requests(&self) -> Vec<Request> {
        self.journal().requests().to_vec()
    }

    /// How many stacks the operator has looked at since it was started.
    pub fn looked_at(&self) -> usize {
        self.journal().looked_at()
    }

    /// Waits until nobody has changed anything for a while, and the operator is not about to. None named: anywhere.
    pub async fn at_rest(&self, namespace: Option<&str>) {
        let begun = Instant::now();
        let (mut since, mut before) = (begun, self.journal().standing(namespace));
        // What comes of a change may take longer to come on a machine that has much else to do.
        let quiet = QUIET.mul_f64((slowness() / 2.0).clamp(1.0, 5.0));
        while before.is_due() || since.elapsed() < quiet {
            assert!(begun.elapsed() < PATIENCE, "{} never rests: {before:#?}", namespace.unwrap_or("the cluster"));
            tokio::time::sleep(LOOK).await;
            let now = self.journal().standing(namespace);
            if now != before {
                (since, before) = (Instant::now(), now);
            }
        }
    }
}

/// How many times longer this machine may need than one that has a core for everything that wants to run.
pub fn slowness() -> f64 {
    let load: f64 = fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap().parse().unwrap();
    let cores = u32::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    (load / f64::from(cores)).max(1.0)
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            let _ = operator.kill();
            let _ = operator.wait();
        }
    }
}

/// The command of an operator that ends with this process.
pub fn operator(kubeconfig: &Path, log: &Path) -> Command {
    let binary = std::env::var("MSTACK_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_mstack").to_owned());
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut operator = Command::new("setpriv");
    operator
        .args(["--pdeathsig", "KILL", &binary, "operator"])
        .env("KUBECONFIG", kubeconfig)
        .env("RUST_LOG", "debug,hyper_util=info,kube=info,tower=info,rustls=info")
        .stdin(Stdio::null())
        .stderr(log);
    operator
}

/// Spawns from a thread that never ends: the death signal is sent when the spawning thread ends, and a test's thread does.
pub fn spawn_for_good(mut command: Command) -> Child {
    let (spawned, child) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = spawned.send(command.spawn());
        loop {
            std::thread::park();
        }
    });
    child.recv().unwrap().unwrap()
}

/// The chart's roles, bound to the operator's user: what it may not do in a cluster it may not do here.
fn rights(namespaces: &[&str]) -> String {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack");
    let helm = Command::new(cluster::helm().unwrap())
        .args(["template", "mstack", chart, "--namespace", "mstack-system"])
        .args(["--set-json", &format!("watch.namespaces={}", json!(namespaces))])
        .args([
            "--show-only",
            "templates/clusterrole.yaml",
            "--show-only",
            "templates/role.yaml",
            "--show-only",
            "templates/serviceaccount.yaml",
        ])
        .output()
        .unwrap();
    assert!(helm.status.success(), "helm template: {}", String::from_utf8_lossy(&helm.stderr));
    String::from_utf8(helm.stdout).unwrap()
}

/// One request of the operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    pub verb: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    pub code: i64,
}

impl Request {
    /// Whether it changes something, if it is accepted.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }

    /// A write to a child: no status, no Event, no Lease.
    pub fn is_child_write(&self) -> bool {
        self.is_write() && !matches!(self.resource.as_str(), "events" | "leases" | "microservicestacks")
    }

    /// A write of a status.
    pub fn is_status_write(&self) -> bool {
        self.resource == "microservicestacks" && self.subresource == "status"
    }

    /// A read that is not a watch.
    pub fn is_read(&self) -> bool {
        matches!(self.verb.as_str(), "get" | "list") && self.resource != "leases"
    }
}
