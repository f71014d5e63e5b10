//! The full profile: real nodes around the control plane, and what a usual cluster offers to its workloads.

mod dns;
mod gateway;
mod manifest;
mod metrics;
mod network;
mod node;
mod policies;
mod storage;

use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) use gateway::url;
pub(crate) use network::Network;
pub(crate) use node::{alias, load};

use crate::control_plane::ControlPlane;
use crate::state::State;
use crate::{Error, images};
use manifest::Values;
use node::{Node, at_once};

/// Nodes and addons of one cluster.
pub(crate) struct Full<'a> {
    control_plane: &'a ControlPlane,
    network: &'a Network,
    nodes: u32,
}

/// One thing that a full cluster offers, and how it is started.
struct Addon {
    name: &'static str,
    start: fn(&Full) -> Result<(), Error>,
}

const ADDONS: &[Addon] = &[
    Addon { name: "policies", start: policies::start },
    Addon { name: "DNS", start: dns::start },
    Addon { name: "storage", start: storage::start },
    Addon { name: "metrics", start: metrics::start },
    Addon { name: "gateway", start: gateway::start },
];

impl<'a> Full<'a> {
    pub(crate) fn new(control_plane: &'a ControlPlane, network: &'a Network, nodes: u32) -> Self {
        Self { control_plane, network, nodes }
    }

    /// Starts the nodes and the addons; the control plane must be ready and the base images built.
    pub(crate) fn start(&self) -> Result<(), Error> {
        let nodes = self.start_nodes()?;
        let steps: [&(dyn Fn() -> Result<(), Error> + Sync); 2] =
            [&|| ADDONS.iter().try_for_each(|addon| timed(addon.name, || (addon.start)(self))), &|| {
                timed("images", || load(self.state(), &images::tags_on_nodes()))
            }];
        at_once(&steps, |step| step())?;
        timed("nodes ready", || nodes.iter().try_for_each(|node| node.wait_until_ready(self.control_plane)))?;
        timed("metrics answer", || metrics::wait_until_served(self))?;
        timed("gateway answers", || gateway::wait_until_served(self))
    }

    fn start_nodes(&self) -> Result<Vec<Node>, Error> {
        self.apply(include_str!("../../manifests/nodes.yaml"))?;
        let nodes: Vec<Node> = (1..=self.nodes).map(|index| Node::new(self.state(), self.network, index)).collect();
        timed("nodes", || at_once(&nodes, |node| node.start(self.control_plane)))?;
        Ok(nodes)
    }

    fn state(&self) -> &State {
        &self.control_plane.state
    }

    /// Applies one of our manifests with this cluster's values in it.
    fn apply(&self, manifest: &str) -> Result<(), Error> {
        let text = manifest::fill(manifest, &self.values()?);
        let mut kubectl = self.control_plane.kubectl_command(&["apply", "--server-side", "--filename", "-"])?;
        crate::command::run_with_input(&mut kubectl, &text).map(drop)
    }

    fn values(&self) -> Result<Values, Error> {
        Values::of(self.control_plane, self.network)
    }

    /// Writes the kubeconfig of an addon's own user and returns its path as text.
    fn kubeconfig_of(&self, user: &str) -> Result<String, Error> {
        let path = self.state().kubeconfig_for(user, &[], &self.control_plane.server())?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// The command inside the network of the addons.
    fn among_addons(&self, command: &Command) -> Command {
        self.network.addons().inside(command)
    }
}

/// Tells on standard error how long a step took.
fn timed<T>(what: &str, step: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let begun = Instant::now();
    let result = step()?;
    if begun.elapsed() > Duration::from_millis(500) {
        eprintln!("{what}: {:.1} s", begun.elapsed().as_secs_f32());
    }
    Ok(result)
}
