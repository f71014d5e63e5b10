//! A real control plane, the real operator beside it as an ordinary user with the chart's rights, and namespaces for
//! the tests to live in.
#[path = "journal.rs"]
mod journal;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex as Lock, MutexGuard as Locked, PoisonError};
use std::time::{Duration, Instant};

use cluster::{Cluster, Options};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use mstack::kinds::Kind;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use journal::Journal;

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

/// A namespace of a test.
pub struct Namespace<'a> {
    pub world: &'a World,
    pub name: String,
    pub client: Client,
}

impl<'a> Namespace<'a> {
    /// A namespace that exists, for instance from before a restart.
    pub async fn again(world: &'a World, name: &str) -> Namespace<'a> {
        Namespace { world, name: name.to_owned(), client: world.client().await }
    }
}

impl Namespace<'_> {
    /// Applies manifests as a user would.
    pub fn apply(&self, yaml: &str) {
        self.try_apply(yaml).unwrap();
    }

    /// Applies manifests; the API server may refuse them.
    pub fn try_apply(&self, yaml: &str) -> Result<String, cluster::Error> {
        self.world.cluster.kubectl_stdin(&["-n", &self.name, "apply", "-f", "-"], yaml)
    }

    /// What the API server says to a manifest that is not meant.
    pub fn dry_run(&self, yaml: &str) -> Result<String, cluster::Error> {
        self.world.cluster.kubectl_stdin(&["-n", &self.name, "create", "--dry-run=server", "-f", "-"], yaml)
    }

    /// Applies a stack from its spec.
    pub fn apply_stack(&self, name: &str, spec: &str) {
        let indented = spec.replace('\n', "\n  ");
        self.apply(&format!(
            "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: {name}}}\nspec:\n  {indented}\n"
        ));
    }

    /// Applies a manifest as soon as the API server takes it, such as after a change of a definition.
    pub async fn until_applied(&self, yaml: &str) {
        let begun = Instant::now();
        while let Err(error) = self.try_apply(yaml) {
            assert!(begun.elapsed() < PATIENCE, "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Runs kubectl in this namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> = ["-n", &self.name].into_iter().chain(arguments.iter().copied()).collect();
        self.world.cluster.kubectl(&arguments).unwrap()
    }

    /// Objects of a resource such as `deployments.apps`.
    pub fn api(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, resource)
    }

    /// A child as JSON; null where there is none.
    pub async fn get(&self, kind: Kind, name: &str) -> Value {
        let object = self.api(&mstack::cluster::slim::resource(kind.row())).get_opt(name).await.unwrap();
        serde_json::to_value(object).unwrap()
    }

    /// A stack as JSON; null where there is none.
    pub async fn stack(&self, name: &str) -> Value {
        let object = self.api(&mstack::cluster::slim::stacks()).get_opt(name).await.unwrap();
        serde_json::to_value(object).unwrap()
    }

    /// Merges into a stack's spec.
    pub async fn patch_stack(&self, name: &str, patch: Value) {
        self.api(&mstack::cluster::slim::stacks()).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// The pods of a component.
    pub async fn pods(&self, component: &str) -> Vec<Value> {
        let pods = self.api(&mstack::cluster::slim::resource(Kind::Pod.row()));
        let params = ListParams::default().labels(&format!("microservicestack.dev/component={component}"));
        pods.list(&params).await.unwrap().items.iter().map(|pod| serde_json::to_value(pod).unwrap()).collect()
    }

    /// Makes a pod unready as its node would: its container waits, for this reason.
    pub async fn fail_pod(&self, pod: &Value, reason: &str, message: &str) {
        self.set_pod(pod, false, json!({"waiting": {"reason": reason, "message": message}})).await;
    }

    /// Makes a pod ready again.
    pub async fn mend_pod(&self, pod: &Value) {
        self.set_pod(pod, true, json!({"running": {}})).await;
    }

    async fn set_pod(&self, pod: &Value, ready: bool, state: Value) {
        let container = &pod["spec"]["containers"][0];
        let word = if ready { "True" } else { "False" };
        let status = json!({"status": {
            "conditions": [
                {"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True"},
                {"type": "Ready", "status": word}, {"type": "ContainersReady", "status": word},
            ],
            "containerStatuses": [{
                "name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "restartCount": 0, "state": state,
            }],
        }});
        let pods = self.api(&mstack::cluster::slim::resource(Kind::Pod.row()));
        let name = pod["metadata"]["name"].as_str().unwrap();
        pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }

    /// Waits until a stack is as it should be; on failure says what it saw last.
    pub async fn stack_until(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.until(what, || self.stack(name), is).await
    }

    /// Waits until a stack is ready at its present generation.
    pub async fn stack_ready(&self, name: &str) -> Value {
        self.stack_until(name, "ready", is_ready).await
    }

    /// Waits until a child is as it should be.
    pub async fn child_until(&self, kind: Kind, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.until(what, || self.get(kind, name), is).await
    }

    /// Waits until what is seen is as it should be; on failure says what was seen last.
    pub async fn until<F: Future<Output = Value>>(&self, what: &str, see: impl Fn() -> F, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let seen = see().await;
            if is(&seen) {
                return seen;
            }
            if begun.elapsed() >= PATIENCE {
                let log = self.world.log();
                let last: Vec<_> = log.lines().rev().filter(|line| line.contains(&self.name)).take(20).collect();
                panic!(
                    "not {what} within {PATIENCE:?}; last seen:\n{}\noperator's last lines:\n{}",
                    serde_json::to_string_pretty(&seen).unwrap(),
                    last.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The operator's requests in this namespace so far.
    pub fn requests(&self) -> Vec<Request> {
        self.world.journal().requests().iter().filter(|request| request.namespace == self.name).cloned().collect()
    }

    /// The requests since a mark, once all is at rest: what a change has cost.
    pub async fn requests_since(&self, mark: usize) -> Vec<Request> {
        self.world.at_rest(Some(&self.name)).await;
        self.requests().split_off(mark)
    }

    /// The operator's Events of a reason, once there are as many as there should be.
    pub async fn events_until(&self, reason: &str, what: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let api = self.api(&ApiResource::erase::<k8s_openapi::api::events::v1::Event>(&()));
        let list = || async {
            let all = api.list(&ListParams::default()).await.unwrap().items;
            let all = all.into_iter().map(|event| serde_json::to_value(event).unwrap());
            all.filter(|event| event["reason"] == reason && event["reportingController"] == "mstack").collect::<Value>()
        };
        let told = self.until(what, list, |events| is(events.as_array().unwrap())).await;
        told.as_array().unwrap().clone()
    }

    /// Names of all children by resource, as the API server has them.
    pub fn children(&self) -> BTreeMap<String, Vec<String>> {
        let kinds = "deployments,statefulsets,services,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers,ingresses,networkpolicies,configmaps,secrets,persistentvolumeclaims";
        let mut list = self.kubectl(&["get", kinds, "-l", "microservicestack.dev/stack", "-o", "name"]);
        // A StatefulSet has ControllerRevisions of its own, with the labels of its pods.
        let of_stack = "microservicestack.dev/stack,!microservicestack.dev/component";
        list += &self.kubectl(&["get", "controllerrevisions,jobs", "-l", of_stack, "-o", "name"]);
        let mut children: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (resource, name) in list.lines().filter_map(|line| line.split_once('/')) {
            children.entry(resource.split('.').next().unwrap_or(resource).to_owned()).or_default().push(name.to_owned());
        }
        children
    }
}

/// The status of a service or a database.
pub fn component<'a>(stack: &'a Value, name: &str) -> &'a Value {
    let status = &stack["status"];
    if status["services"][name].is_null() { &status["databases"][name] } else { &status["services"][name] }
}

/// The status of a condition.
pub fn condition<'a>(stack: &'a Value, r#type: &str) -> Option<&'a Value> {
    stack["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == r#type)
}

/// Whether `Ready` is true at the present generation.
pub fn is_ready(stack: &Value) -> bool {
    condition(stack, "Ready")
        .is_some_and(|ready| ready["status"] == "True" && ready["observedGeneration"] == stack["metadata"]["generation"])
}

/// The reason of `Ready`.
pub fn reason(stack: &Value) -> &str {
    condition(stack, "Ready").and_then(|ready| ready["reason"].as_str()).unwrap_or_default()
}

/// The message of `Ready`.
pub fn message(stack: &Value) -> &str {
    condition(stack, "Ready").and_then(|ready| ready["message"].as_str()).unwrap_or_default()
}
