//! The network of a full cluster: a bridge, and one network namespace for each node and one for the addons.

use std::process::Command;

use crate::Error;
use crate::command::{command, run};
use crate::state::State;

/// Addresses and names of one cluster's network, `10.N.0.0/16` with an `N` of its own.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    state: State,
}

/// One namespace on the bridge.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) address: String,
    link: String,
}

const FIRST_NODE_ADDRESS: u32 = 10;
const FIRST_POD_NETWORK: u32 = 128;

impl Network {
    pub(crate) fn new(state: &State) -> Self {
        Self { state: state.clone() }
    }

    /// The address of this machine on the bridge; the API server listens there.
    pub(crate) fn host(&self) -> String {
        self.address(0, 1)
    }

    /// The network that holds the pods of all nodes.
    pub(crate) fn pods(&self) -> String {
        format!("{}/17", self.address(FIRST_POD_NETWORK, 0))
    }

    /// The network that holds the pods of the `index`th node.
    pub(crate) fn pods_of(&self, index: u32) -> String {
        format!("{}/24", self.address(FIRST_POD_NETWORK + index, 0))
    }

    /// Where DNS, metrics-server, Contour and Envoy live.
    pub(crate) fn addons(&self) -> Place {
        self.place("addons", 2, 0)
    }

    /// Where the `index`th node lives; the first has index 1.
    pub(crate) fn node(&self, index: u32) -> Place {
        self.place(&format!("node-{index}"), FIRST_NODE_ADDRESS + index, index)
    }

    /// Makes the bridge, all namespaces and the routes between them.
    pub(crate) fn create(&self, nodes: u32) -> Result<(), Error> {
        let bridge = self.bridge();
        self.state.note("namespaces", &self.addons().namespace)?;
        self.state.note("links", &bridge)?;
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["address", "add", &format!("{}/24", self.host()), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        self.create_place(&self.addons())?;
        for index in 1..=nodes {
            self.state.note("namespaces", &self.node(index).namespace)?;
            self.create_place(&self.node(index))?;
        }
        self.route_to_pods(nodes)
    }

    fn create_place(&self, place: &Place) -> Result<(), Error> {
        let (namespace, link) = (place.namespace.as_str(), place.link.as_str());
        let within = |arguments: &[&str]| ip(&[&["-n", namespace], arguments].concat());
        ip(&["netns", "add", namespace])?;
        ip(&["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace])?;
        ip(&["link", "set", link, "master", &self.bridge(), "up"])?;
        within(&["link", "set", "lo", "up"])?;
        within(&["address", "add", &format!("{}/24", place.address), "dev", "eth0"])?;
        within(&["link", "set", "eth0", "up"])?;
        within(&["route", "add", "default", "via", &self.host()])?;
        let forward = command("sh", ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
        run(&mut place.inside(&forward)).map(drop)
    }

    /// Every place and this machine reach the pods of a node through the node.
    fn route_to_pods(&self, nodes: u32) -> Result<(), Error> {
        for index in 1..=nodes {
            let (pods, via) = (self.pods_of(index), self.node(index).address);
            ip(&["route", "add", &pods, "via", &via])?;
            let others = (1..=nodes).filter(|other| *other != index).map(|other| self.node(other));
            for place in others.chain([self.addons()]) {
                ip(&["-n", &place.namespace, "route", "add", &pods, "via", &via])?;
            }
        }
        Ok(())
    }

    fn place(&self, name: &str, host: u32, link: u32) -> Place {
        Place {
            namespace: format!("mstack-{}-{name}", self.state.name),
            address: self.address(0, host),
            link: format!("{}v{link}", self.bridge()),
        }
    }

    /// Link names have at most 15 characters, so this one is made of the number and not of the cluster's name.
    fn bridge(&self) -> String {
        format!("mstack{}", self.state.block)
    }

    fn address(&self, third: u32, fourth: u32) -> String {
        format!("{}{third}.{fourth}", self.state.network())
    }
}

impl Place {
    /// The command inside this network namespace.
    pub(crate) fn inside(&self, inner: &Command) -> Command {
        let mut outer = command("nsenter", [format!("--net=/run/netns/{}", self.namespace)]);
        outer.arg(inner.get_program()).args(inner.get_args());
        outer
    }
}

fn ip(arguments: &[&str]) -> Result<(), Error> {
    run(&mut command("ip", arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network::new(&State { name: "demo".into(), folder: "/nowhere".into(), block: 99 })
    }

    #[test]
    fn nodes_and_pods_have_addresses_of_this_cluster_alone() {
        assert_eq!(network().host(), "10.199.0.1");
        assert_eq!(network().node(1).address, "10.199.0.11");
        assert_eq!(network().pods_of(2), "10.199.130.0/24");
    }

    #[test]
    fn link_names_fit_the_limit_of_the_kernel() {
        assert!(network().node(99).link.len() <= 15);
    }
}
