//! Who may reach whom beyond the edges of the graph: places in the network and the doors that lead there.
use std::collections::BTreeMap;

use super::{Service, Stack, Use};

/// A port of a pod with its transport protocol.
pub type PodPort = (u16, &'static str);

/// A place in the network.
#[derive(Clone, Debug, PartialEq)]
pub enum Peer {
    /// Pods.
    Pods {
        /// Their namespace; none: the stack's own.
        namespace: Option<String>,
        /// Labels that they all have; empty: all pods of the namespace.
        labels: BTreeMap<String, String>,
    },
    /// Addresses.
    Addresses {
        /// A network, such as `10.0.0.0/8`.
        cidr: String,
        /// Networks within it that are left out.
        except: Vec<String>,
    },
}

/// A place outside of the stack, and the ports for which it is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    /// The place.
    pub peer: Peer,
    /// The ports; empty: all.
    pub ports: Vec<PodPort>,
}

/// What a component has open besides the edges of its stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doors {
    /// Who may come in.
    pub inward: Vec<Door>,
    /// Where it may go; none: anywhere.
    pub outward: Option<Vec<Door>>,
}

impl Service {
    /// The ports on which its pods listen.
    pub fn pod_ports(&self) -> Vec<PodPort> {
        self.ports.iter().map(|port| (port.container, port.protocol)).collect()
    }

    /// Those of them that a route leads to.
    pub fn exposed_ports(&self) -> Vec<PodPort> {
        let is_exposed = |service: u16| self.routes.iter().any(|route| route.port == service);
        let exposed = self.ports.iter().filter(|port| port.protocol == "TCP" && is_exposed(port.service));
        exposed.map(|port| (port.container, port.protocol)).collect()
    }
}

impl Stack {
    /// Whether an edge leads to pods of this stack that listen: neither to a worker nor out of the stack.
    pub fn leads_to_pods(&self, edge: &Use) -> bool {
        let listens = self.services.get(&edge.target).is_some_and(|service| !service.ports.is_empty());
        listens || self.databases.get(&edge.target).is_some_and(|database| database.external().is_none())
    }
}
