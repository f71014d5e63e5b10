//! Doors: who may come in from outside of the stack, and where its components may go.
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::{Door, Doors, Peer, PodPort, Port, Violations};
use super::{Scope, ports, spelling};
use crate::api;
use crate::api::Isolation;
use crate::codes::Code;

/// Whether only what is declared may reach the pods of the stack. What then means nothing is told.
pub fn is_strict(scope: Scope, notices: &mut Violations) -> bool {
    let strict = scope.spec.isolation.unwrap_or_default() == Isolation::Strict;
    let narrowed = [
        ("spec.egress".to_owned(), scope.spec.egress.is_some()),
        ("spec.routing.from".to_owned(), scope.spec.routing.as_ref().is_some_and(|routing| routing.from.is_some())),
    ];
    let services = scope.spec.services.iter();
    let services = services.map(|(name, service)| (format!("spec.services.{name}.egress"), service.egress.is_some()));
    for (path, _) in narrowed.into_iter().chain(services).filter(|(_, given)| *given && !strict) {
        let reason = "with `isolation: Open` there are no NetworkPolicies, so nothing is narrowed";
        notices.add(Code::OpenAnyway, path, reason, "remove `isolation: Open`, or this");
    }
    strict
}

/// Who may reach exposed ports; nobody is named: anybody.
pub fn routes_from(scope: Scope, found: &mut Violations) -> Vec<Peer> {
    let from = scope.spec.routing.iter().flat_map(|routing| routing.from.iter().flatten()).enumerate();
    from.filter_map(|(n, written)| peer(&format!("spec.routing.from[{n}]"), written, found)).collect()
}

/// The doors of all components that have none of their own.
pub fn of_stack(scope: Scope, found: &mut Violations) -> Option<Vec<Door>> {
    scope.spec.egress.as_deref().map(|written| outward("spec.egress", written, found))
}

/// The doors of a service.
pub fn of_service(
    path: &str,
    service: &api::Service,
    own: &[Port],
    of_stack: Option<&Vec<Door>>,
    found: &mut Violations,
) -> Doors {
    let allowed = service.allow_from.iter().flatten().enumerate();
    let door = |(n, allowed): (usize, &api::AllowFrom)| {
        let path = format!("{path}.allowFrom[{n}]");
        let ports = named_ports(&path, allowed.ports.as_deref(), own, found);
        Some(Door { peer: peer(&path, &allowed.peer, found)?, ports })
    };
    let inward = allowed.filter_map(door).collect();
    let written = service.egress.as_deref();
    let outward = written.map(|written| outward(&format!("{path}.egress"), written, found)).or_else(|| of_stack.cloned());
    Doors { inward, outward }
}

/// The doors of a database, which listens on one port.
pub fn of_database(
    path: &str,
    written: &api::Database,
    port: u16,
    of_stack: Option<&Vec<Door>>,
    found: &mut Violations,
) -> Doors {
    let allowed = written.allow_from.iter().flatten().enumerate();
    let peers = allowed.filter_map(|(n, written)| peer(&format!("{path}.allowFrom[{n}]"), written, found));
    Doors { inward: peers.map(|peer| Door { peer, ports: vec![(port, "TCP")] }).collect(), outward: of_stack.cloned() }
}

fn outward(path: &str, written: &[api::Egress], found: &mut Violations) -> Vec<Door> {
    let door = |(n, written): (usize, &api::Egress)| {
        let path = format!("{path}[{n}]");
        let ports = written.ports.iter().flatten().enumerate();
        let ports = ports.filter_map(|(n, port)| ports::outside(&format!("{path}.ports[{n}]"), port, found)).collect();
        Some(Door { peer: peer(&path, &written.peer, found)?, ports })
    };
    written.iter().enumerate().filter_map(door).collect()
}

fn named_ports(path: &str, names: Option<&[String]>, own: &[Port], found: &mut Violations) -> Vec<PodPort> {
    let pod_port = |port: &Port| (port.container, port.protocol);
    if own.is_empty() {
        found.add(Code::NoPort, path, "the service has no port that could be reached", "add the `port` that it listens on");
    }
    let Some(names) = names else { return own.iter().map(pod_port).collect() };
    let found_port = |(n, name): (usize, &String)| ports::named(&format!("{path}.ports[{n}]"), name, own, found);
    names.iter().enumerate().filter_map(found_port).map(pod_port).collect()
}

fn peer(path: &str, written: &api::Peer, found: &mut Violations) -> Option<Peer> {
    let pods = written.namespace.is_some() || written.labels.is_some();
    match &written.cidr {
        Some(_) if pods => {
            let reason = "`cidr` is about addresses, `namespace` and `labels` are about pods";
            found.add(Code::PeerMixed, format!("{path}.cidr"), reason, "make two entries of them");
            None
        }
        Some(cidr) => addresses(path, cidr, written.except.as_deref().unwrap_or_default(), found),
        None if written.except.is_some() => {
            found.add(Code::PeerMixed, format!("{path}.except"), "`except` leaves out parts of `cidr`", "add `cidr`");
            None
        }
        None if !pods => {
            let reason = "an entry without `namespace`, `labels` and `cidr` says nothing of who is meant";
            found.add(Code::PeerUnnamed, path, reason, "give one of them");
            None
        }
        None => {
            let labels = written.labels.clone().unwrap_or_default();
            judge_pods(path, written.namespace.as_deref(), &labels, found);
            Some(Peer::Pods { namespace: written.namespace.clone(), labels })
        }
    }
}

fn judge_pods(path: &str, namespace: Option<&str>, labels: &BTreeMap<String, String>, found: &mut Violations) {
    if let Some(namespace) = namespace.filter(|namespace| !spelling::is_namespace(namespace)) {
        let reason = format!("`{namespace}` cannot be the name of a namespace");
        found.add(Code::ObjectName, format!("{path}.namespace"), reason, "use lower-case letters, digits and `-`");
    }
    for (key, value) in labels {
        if !spelling::is_label_key(key) || !spelling::is_label_value(value) {
            let reason = format!("`{key}: {value}` cannot be a label");
            let fix =
                "use letters, digits, `-`, `_` and `.`, and at most 63 of them; a key may have a DNS name and `/` before it";
            found.add(Code::PeerLabel, format!("{path}.labels.{key}"), reason, fix);
        }
    }
}

fn addresses(path: &str, cidr: &str, except: &[String], found: &mut Violations) -> Option<Peer> {
    let whole = network(&format!("{path}.cidr"), cidr, found);
    for (n, part) in except.iter().enumerate() {
        let path = format!("{path}.except[{n}]");
        let (Some(whole), Some(part)) = (whole, network(&path, part, found)) else { continue };
        if part.length <= whole.length || whole.prefix(part.address) != whole.address {
            let fix = "leave out smaller networks that are in it, or remove it";
            found.add(Code::ExceptOutside, path, format!("it is no part of `{cidr}`"), fix);
        }
    }
    whole.map(|_| Peer::Addresses { cidr: cidr.to_owned(), except: except.to_vec() })
}

/// A network by its first address and how many bits all its addresses share.
#[derive(Clone, Copy, PartialEq)]
struct Network {
    address: IpAddr,
    length: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let plain =
            !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
        let network = Self { address: address.parse().ok()?, length: length.parse().ok().filter(|_| plain)? };
        (network.length <= network.bits()).then_some(network)
    }

    fn bits(self) -> u32 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// The first address of the network of this length that an address is in.
    fn prefix(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.length)).unwrap_or_default();
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.length)).unwrap_or_default();
                IpAddr::V6((address.to_bits() & mask).into())
            }
        }
    }
}

fn network(path: &str, text: &str, found: &mut Violations) -> Option<Network> {
    let Some(network) = Network::parse(text) else {
        let reason = format!("`{text}` is not a network");
        found.add(Code::NotANetwork, path, reason, "write it like `10.0.0.0/8`; a single address is `10.1.2.3/32`");
        return None;
    };
    let first = network.prefix(network.address);
    if first != network.address {
        let reason = format!("`{text}` does not begin with the first address of its network");
        found.add(Code::NotANetwork, path, reason, format!("write `{first}/{}`", network.length));
        return None;
    }
    Some(network)
}
