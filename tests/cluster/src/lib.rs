//! A real Kubernetes on one Linux machine, for tests, the demo and the benchmarks.

mod backup;
mod command;
mod control_plane;
mod definitions;
mod error;
mod files;
mod full;
mod images;
mod kubeconfig;
mod machine;
mod parts;
mod pki;
mod process;
mod simulation;
mod state;

pub mod cli;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};

pub use backup::Backup;
pub use error::Error;

use control_plane::ControlPlane;
use full::{Full, Network};
use parts::Need;
use state::State;

/// How much of a cluster is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// etcd, API server, controller-manager and scheduler; nodes are simulated or absent.
    #[default]
    ControlPlane,
    /// The same with real nodes that run containers.
    Full,
}

/// What cluster to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much is started; the control plane by default.
    pub profile: Profile,
    /// Name of the cluster and of its state folder; a free one by default.
    pub name: Option<String>,
    /// Number of simulated nodes; 0 by default.
    pub kwok_nodes: u32,
    /// Number of real nodes of the full profile; 2 by default.
    pub nodes: u32,
    /// Whether the API server writes an audit log; on by default.
    pub audit: bool,
    /// Whether the HorizontalPodAutoscaler controller runs; off by default, always on in the full profile.
    pub hpa: bool,
    /// Whether etcd keeps its data on disk and syncs it; in memory by default.
    pub etcd_on_disk: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { profile: Profile::ControlPlane, name: None, kwok_nodes: 0, nodes: 2, audit: true, hpa: false, etcd_on_disk: false }
    }
}

/// A running cluster; ends with everything it started when dropped, and when the process that made it dies.
#[derive(Debug)]
pub struct Cluster {
    control_plane: ControlPlane,
    kubeconfig: PathBuf,
    audit_log: PathBuf,
    /// `None` for a cluster that outlives us.
    guard: Option<Child>,
}

impl Cluster {
    /// A control plane with the default options.
    ///
    /// # Errors
    /// When a part cannot be built or started, or is not ready in time.
    pub async fn control_plane() -> Result<Self, Error> {
        Self::start(Options::default()).await
    }

    /// A cluster as asked; parts that are not on this machine yet are built first.
    ///
    /// # Errors
    /// When a part cannot be built or started, or is not ready in time.
    pub async fn start(options: Options) -> Result<Self, Error> {
        blocking(move || Self::start_now(&options, true)).await
    }

    /// Builds and installs what such a cluster needs without starting it, so that the start can be timed.
    ///
    /// # Errors
    /// When a part cannot be built or installed.
    pub async fn prepare(options: &Options) -> Result<(), Error> {
        let options = options.clone();
        blocking(move || provide(&options)).await
    }

    /// The state folder that a cluster of this name has while it exists.
    pub fn folder(name: &str) -> PathBuf {
        files::states().join(name)
    }

    /// Path of the administrator's kubeconfig (`system:masters`).
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Makes a kubeconfig for an ordinary user in these groups and returns its path; rights come from RBAC alone.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<PathBuf, Error> {
        self.control_plane.state.kubeconfig_for(user, groups, &self.control_plane.server())
    }

    /// The API server's audit log: one JSON object per finished request, empty or missing when audit is off.
    pub fn audit_log(&self) -> &Path {
        &self.audit_log
    }

    /// Runs kubectl as the administrator and returns what it printed.
    ///
    /// # Errors
    /// When kubectl fails, with what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        self.control_plane.kubectl(arguments)
    }

    /// The same with `input` on standard input, for `apply -f -`.
    ///
    /// # Errors
    /// When kubectl fails, with what it said.
    pub fn kubectl_stdin(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        command::run_with_input(&mut self.control_plane.kubectl_command(arguments)?, input)
    }

    /// Puts an image that was built here on every node (full profile).
    ///
    /// # Errors
    /// When it was never built, or the cluster has no real nodes.
    pub async fn load(&self, tag: &str) -> Result<(), Error> {
        let (state, tag) = (self.control_plane.state.clone(), tag.to_owned());
        blocking(move || full::load(&state, &[&tag])).await
    }

    /// Gives an image that every node has another name beside its own, as a registry would hold it under both (full profile).
    ///
    /// # Errors
    /// When a node does not have it, or the cluster has no real nodes.
    pub async fn alias(&self, tag: &str, other: &str) -> Result<(), Error> {
        let (state, tag, other) = (self.control_plane.state.clone(), tag.to_owned(), other.to_owned());
        blocking(move || full::alias(&state, &tag, &other)).await
    }

    /// Where the Gateway `infra/public` is reached from this machine, for instance `10.100.0.2:80` (full profile).
    pub fn gateway(&self) -> String {
        format!("{}:80", Network::new(&self.control_plane.state).addons().address)
    }

    /// Adds the kinds of the Gateway API, which a control plane alone does not have.
    ///
    /// # Errors
    /// When kubectl fails, with what it said.
    pub fn add_gateway_api(&self) -> Result<(), Error> {
        let definitions = parts::path("gateway-api-crds")?;
        self.kubectl(&["apply", "--server-side", "--filename", &definitions.to_string_lossy()])?;
        self.wait_until_served(&["httproutes.gateway.networking.k8s.io", "grpcroutes.gateway.networking.k8s.io"])
    }

    /// Waits until the API server serves custom kinds, named like `httproutes.gateway.networking.k8s.io`.
    ///
    /// # Errors
    /// When one of them is not served within three minutes, with what kubectl said.
    pub fn wait_until_served(&self, names: &[&str]) -> Result<(), Error> {
        definitions::wait_until_served(|arguments| self.kubectl(arguments), names)
    }

    /// Stops the API server at once, as a crash would.
    ///
    /// # Errors
    /// When it does not end within 10 s.
    pub async fn stop_api_server(&mut self) -> Result<(), Error> {
        let control_plane = self.control_plane.clone();
        blocking(move || control_plane.stop_api_server()).await
    }

    /// Starts the API server again, at the same address, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends at once or is not ready in time.
    pub async fn start_api_server(&mut self) -> Result<(), Error> {
        let control_plane = self.control_plane.clone();
        blocking(move || control_plane.start_api_server()).await
    }

    /// Copies all that the API server knows; it stops for that moment. The copy ends with the cluster.
    ///
    /// # Errors
    /// When etcd or the API server does not end, or is not ready again in time.
    pub async fn save(&self) -> Result<Backup, Error> {
        let control_plane = self.control_plane.clone();
        blocking(move || control_plane.save()).await
    }

    /// Makes the API server know what it knew at a backup, and nothing since. Volumes and containers are not touched.
    ///
    /// # Errors
    /// When the backup cannot be put back, or the API server is not ready again in time.
    pub async fn restore(&self, backup: &Backup) -> Result<(), Error> {
        let (control_plane, backup) = (self.control_plane.clone(), backup.clone());
        blocking(move || control_plane.restore(&backup)).await
    }

    /// A cluster that outlives this process, for the command line.
    pub(crate) fn launch(options: &Options) -> Result<(), Error> {
        Self::start_now(options, false).map(drop)
    }

    fn start_now(options: &Options, guarded: bool) -> Result<Self, Error> {
        check(options)?;
        provide(options)?;
        let state = State::create(&options.name.clone().unwrap_or_else(free_name))?;
        let guard = if guarded { Some(state::guard(&state.folder)?) } else { None };
        let network = Network::new(&state);
        let is_full = options.profile == Profile::Full;
        let control_plane = ControlPlane {
            address: if is_full { network.host() } else { "127.0.0.1".to_owned() },
            options: options.clone(),
            state,
        };
        let cluster =
            Self { kubeconfig: control_plane.state.kubeconfig(), audit_log: control_plane.audit_log(), guard, control_plane };
        if is_full {
            network.create(options.nodes)?;
        }
        cluster.control_plane.start()?;
        if options.kwok_nodes > 0 {
            simulation::start(&cluster.control_plane, options.kwok_nodes)?;
        }
        if is_full {
            Full::new(&cluster.control_plane, &network, options.nodes).start()?;
        }
        files::write(&cluster.control_plane.state.file("ready"), "")?;
        Ok(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            drop(guard.wait());
        }
    }
}

/// Path of helm, which is built first when this machine has none of ours.
///
/// # Errors
/// When it cannot be built.
pub fn helm() -> Result<PathBuf, Error> {
    parts::provide("helm")
}

/// Path of kubectl, which is built first when this machine has none of ours.
///
/// # Errors
/// When it cannot be built.
pub fn kubectl() -> Result<PathBuf, Error> {
    parts::provide("kubectl")
}

fn check(options: &Options) -> Result<(), Error> {
    if options.profile == Profile::Full && options.kwok_nodes > 0 {
        let next = "choose one: `--profile control-plane --kwok-nodes N` or `--profile full --nodes N`";
        return Err(Error::request("real and simulated nodes do not mix: both would claim the same pods", next));
    }
    Ok(())
}

/// Makes sure that the machine has everything that such a cluster needs.
fn provide(options: &Options) -> Result<(), Error> {
    if options.profile == Profile::Full {
        machine::check_for_nodes()?;
    }
    parts::ensure(&needs(options))?;
    if options.profile == Profile::Full { images::prepare() } else { Ok(()) }
}

fn needs(options: &Options) -> Vec<Need> {
    let mut needs = vec![Need::ControlPlane];
    if options.kwok_nodes > 0 {
        needs.push(Need::Simulation);
    }
    if options.profile == Profile::Full {
        needs.extend([Need::Tools, Need::Nodes]);
    }
    needs
}

/// A name that no other cluster of this machine has.
fn free_name() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
