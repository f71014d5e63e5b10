//! Judges NetworkPolicies as a cluster does: whether a connection from one place to another is admitted. It knows what
//! mstack renders, and ends the test at anything else.
//! Source: <https://kubernetes.io/docs/concepts/services-networking/network-policies/>.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub type Labels = BTreeMap<String, String>;

/// One end of a connection: a pod, or an address outside of the cluster.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: String,
    /// Namespace and labels of a pod.
    pub pod: Option<(String, Labels)>,
    pub address: Ipv4Addr,
}

/// Whether a connection is admitted: the side that is called lets it in, and the side that calls lets it out.
pub fn admits(policies: &[NetworkPolicy], from: &Place, to: &Place, port: u16, protocol: &str) -> bool {
    let way_in = rules(policies, to, "Ingress", |spec| {
        spec.ingress.iter().flatten().any(|rule| {
            has(rule.from.as_deref(), |peer| is_peer(peer, to, from))
                && has(rule.ports.as_deref(), |own| is_port(own, port, protocol))
        })
    });
    let way_out = rules(policies, from, "Egress", |spec| {
        spec.egress.iter().flatten().any(|rule| {
            has(rule.to.as_deref(), |peer| is_peer(peer, from, to))
                && has(rule.ports.as_deref(), |own| is_port(own, port, protocol))
        })
    });
    way_in && way_out
}

type Spec = k8s_openapi::api::networking::v1::NetworkPolicySpec;

/// One of the policies of a direction that select the place admits; where there is none, everything is admitted.
fn rules(policies: &[NetworkPolicy], place: &Place, direction: &str, admits: impl Fn(&Spec) -> bool) -> bool {
    let Some((namespace, labels)) = &place.pod else { return true };
    let of_namespace = policies.iter().filter(|policy| policy.metadata.namespace.as_ref() == Some(namespace));
    let specs = of_namespace.map(|policy| policy.spec.as_ref().unwrap());
    let mut selecting = specs
        .filter(|spec| spec.policy_types.iter().flatten().any(|kind| kind == direction))
        .filter(|spec| selects(spec.pod_selector.as_ref().unwrap(), labels))
        .peekable();
    selecting.peek().is_none() || selecting.any(admits)
}

/// A list that is absent or empty restricts nothing.
fn has<T>(list: Option<&[T]>, is: impl Fn(&T) -> bool) -> bool {
    list.is_none_or(|items| items.is_empty() || items.iter().any(is))
}

fn is_peer(peer: &NetworkPolicyPeer, of: &Place, other: &Place) -> bool {
    if let Some(block) = &peer.ip_block {
        assert!(peer.pod_selector.is_none() && peer.namespace_selector.is_none(), "{peer:?}");
        return is_in_block(block, other.address);
    }
    let Some((namespace, labels)) = &other.pod else { return false };
    let own = of.pod.as_ref().map(|(namespace, _)| namespace);
    let namespace_fits = match &peer.namespace_selector {
        Some(selector) => selects(selector, &Labels::from([("kubernetes.io/metadata.name".to_owned(), namespace.clone())])),
        None => own == Some(namespace),
    };
    namespace_fits && peer.pod_selector.as_ref().is_none_or(|selector| selects(selector, labels))
}

fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    assert!(selector.match_expressions.is_none(), "mstack renders no expressions: {selector:?}");
    selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
}

fn is_port(own: &NetworkPolicyPort, port: u16, protocol: &str) -> bool {
    let Some(IntOrString::Int(number)) = &own.port else { panic!("mstack renders numbers: {own:?}") };
    assert!(own.end_port.is_none(), "mstack renders no ranges: {own:?}");
    *number == i32::from(port) && own.protocol.as_deref() == Some(protocol)
}

fn is_in_block(block: &IPBlock, address: Ipv4Addr) -> bool {
    is_in(&block.cidr, address) && !block.except.iter().flatten().any(|part| is_in(part, address))
}

/// Whether an address is in a network such as `10.0.0.0/8`.
pub fn is_in(network: &str, address: Ipv4Addr) -> bool {
    let (first, length) = network.split_once('/').unwrap();
    let (first, length): (Ipv4Addr, u32) = (first.parse().unwrap(), length.parse().unwrap());
    let shared = |address: Ipv4Addr| address.to_bits().checked_shr(32 - length).unwrap_or_default();
    shared(first) == shared(address)
}

mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, role: &str) -> Place {
        let labels = Labels::from([("role".to_owned(), role.to_owned())]);
        Place { name: role.to_owned(), pod: Some((namespace.to_owned(), labels)), address: Ipv4Addr::new(10, 0, 0, 1) }
    }

    fn policy(spec: &serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(json!({ "metadata": { "namespace": "a" }, "spec": spec })).unwrap()
    }

    #[test]
    fn a_pod_that_no_policy_selects_is_open_and_one_that_is_selected_is_closed_but_for_its_rules() {
        let (web, api, db) = (pod("a", "web"), pod("a", "api"), pod("a", "db"));
        let of_db = policy(&json!({ "podSelector": { "matchLabels": { "role": "db" } }, "policyTypes": ["Ingress"], "ingress": [
            { "from": [{ "podSelector": { "matchLabels": { "role": "api" } } }], "ports": [{ "port": 5432, "protocol": "TCP" }] },
        ] }));
        let policies = [of_db];
        assert!(admits(&policies, &web, &api, 80, "TCP"));
        assert!(admits(&policies, &api, &db, 5432, "TCP"));
        assert!(!admits(&policies, &api, &db, 5432, "UDP"));
        assert!(!admits(&policies, &api, &db, 22, "TCP"));
        assert!(!admits(&policies, &web, &db, 5432, "TCP"));
        assert!(!admits(&policies, &pod("b", "api"), &db, 5432, "TCP"), "a selector of pods is about the policy's own namespace");
        assert!(admits(&policies, &db, &web, 80, "TCP"), "the way out is another direction");
    }

    #[test]
    fn both_sides_have_to_admit() {
        let (web, api) = (pod("a", "web"), pod("a", "api"));
        let closed = |role: &str, direction: &str| {
            policy(&json!({ "podSelector": { "matchLabels": { "role": role } }, "policyTypes": [direction] }))
        };
        assert!(!admits(&[closed("web", "Egress")], &web, &api, 80, "TCP"));
        assert!(!admits(&[closed("api", "Ingress")], &web, &api, 80, "TCP"));
        assert!(admits(&[closed("web", "Ingress"), closed("api", "Egress")], &web, &api, 80, "TCP"));
    }

    #[test]
    fn addresses_and_namespaces_are_told_apart() {
        let outside = |address| Place { name: "outside".to_owned(), pod: None, address };
        let of_web = policy(&json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [
            { "ipBlock": { "cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"] } },
            { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "b" } }, "podSelector": { "matchLabels": { "role": "x" } } },
        ] }] }));
        let web = pod("a", "web");
        let from = |place| admits(std::slice::from_ref(&of_web), &place, &web, 80, "TCP");
        assert!(from(outside(Ipv4Addr::new(192, 0, 2, 1))) && from(pod("b", "x")));
        assert!(!from(outside(Ipv4Addr::new(192, 0, 2, 200))) && !from(outside(Ipv4Addr::new(192, 0, 3, 1))));
        assert!(!from(pod("a", "x")) && !from(pod("b", "y")));
        assert!(is_in("0.0.0.0/0", Ipv4Addr::new(8, 8, 8, 8)));
    }
}
