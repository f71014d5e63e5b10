//! NetworkPolicy: who may reach the pods of a component or a task, and where they may go.
use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, filled, meta};
use crate::kinds::Kind;
use crate::model::{Database, Door, Doors, Peer, PodPort, Service, Stack, Task};

/// Label that Kubernetes gives to every namespace: its name.
const NAMESPACE: &str = "kubernetes.io/metadata.name";
/// Where DNS is answered; policies see the port of the pod that answers, and some clusters have theirs listen on the second.
const DNS: [PodPort; 4] = [(53, "UDP"), (53, "TCP"), (5353, "UDP"), (5353, "TCP")];

/// The policy of a service, unless the stack is open.
pub fn of_service(stack: &Stack, service: &Service) -> Option<Object> {
    let exposed = service.exposed_ports();
    let from_outside = (!exposed.is_empty()).then(|| ingress(stack.routes_from.iter().map(peer).collect(), &exposed));
    policy(stack, &service.name, &service.objects.base, &service.pod_ports(), from_outside, &service.doors)
}

/// The policy of a database, unless the stack is open.
pub fn of_database(stack: &Stack, database: &Database) -> Option<Object> {
    let ports = [(database.recipe.port, "TCP")];
    policy(stack, &database.name, &database.objects.base, &ports, None, &database.doors)
}

/// The policy of a task, unless the stack is open: nobody calls it.
pub fn of_task(stack: &Stack, task: &Task) -> Option<Object> {
    if !stack.isolated {
        return None;
    }
    let metadata = meta::of_task(stack, task, &task.policy);
    let body = body(stack, metadata, meta::task_selector(stack, task), Vec::new(), task.outward.as_deref());
    Some(Object::new(Kind::NetworkPolicy, &task.component(), &body))
}

/// In this order: the component itself, its consumers, routes, and the doors. The side of the callers is open within the stack,
/// for the side of the called decides there.
fn policy(
    stack: &Stack,
    component: &str,
    name: &str,
    ports: &[PodPort],
    from_outside: Option<NetworkPolicyIngressRule>,
    doors: &Doors,
) -> Option<Object> {
    if !stack.isolated {
        return None;
    }
    let itself = ingress(vec![pods(meta::selector(stack, component))], &[]);
    let consumers = pods(BTreeMap::from([meta::edge(stack, component)]));
    let consumers = (!ports.is_empty()).then(|| ingress(vec![consumers], ports));
    let allowed = doors.inward.iter().map(|door| ingress(vec![peer(&door.peer)], &door.ports));
    let inward = [itself].into_iter().chain(consumers).chain(from_outside).chain(allowed).collect();
    let (metadata, selected) = (meta::owned(stack, component, name), meta::selector(stack, component));
    Some(Object::new(Kind::NetworkPolicy, component, &body(stack, metadata, selected, inward, doors.outward.as_deref())))
}

fn body(
    stack: &Stack,
    metadata: ObjectMeta,
    selected: BTreeMap<String, String>,
    inward: Vec<NetworkPolicyIngressRule>,
    doors: Option<&[Door]>,
) -> NetworkPolicy {
    let outward = doors.map(|doors| outward(stack, doors));
    let types = ["Ingress", "Egress"].map(str::to_owned).into_iter().take(1 + usize::from(outward.is_some()));
    NetworkPolicy {
        metadata,
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(selected)),
            policy_types: Some(types.collect()),
            ingress: filled(inward),
            egress: outward,
        }),
    }
}

fn outward(stack: &Stack, doors: &[Door]) -> Vec<NetworkPolicyEgressRule> {
    let own = pods(BTreeMap::from([(meta::STACK.to_owned(), stack.name.clone())]));
    let doors = doors.iter().map(|door| egress(vec![peer(&door.peer)], &door.ports));
    [egress(vec![own], &[]), egress(Vec::new(), &DNS)].into_iter().chain(doors).collect()
}

/// No peers: anybody. No ports: all.
fn ingress(from: Vec<NetworkPolicyPeer>, ports: &[PodPort]) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: filled(from), ports: filled(numbers(ports)) }
}

fn egress(to: Vec<NetworkPolicyPeer>, ports: &[PodPort]) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: filled(to), ports: filled(numbers(ports)) }
}

fn peer(peer: &Peer) -> NetworkPolicyPeer {
    match peer {
        Peer::Pods { namespace, labels } => NetworkPolicyPeer {
            namespace_selector: namespace.as_ref().map(|name| selector(BTreeMap::from([(NAMESPACE.to_owned(), name.clone())]))),
            pod_selector: filled(labels.clone()).map(selector),
            ..NetworkPolicyPeer::default()
        },
        Peer::Addresses { cidr, except } => NetworkPolicyPeer {
            ip_block: Some(IPBlock { cidr: cidr.clone(), except: filled(except.clone()) }),
            ..NetworkPolicyPeer::default()
        },
    }
}

/// Pods of the stack's own namespace.
fn pods(labels: BTreeMap<String, String>) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(selector(labels)), ..NetworkPolicyPeer::default() }
}

fn selector(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
}

fn numbers(ports: &[PodPort]) -> Vec<NetworkPolicyPort> {
    let port = |&(number, protocol): &PodPort| NetworkPolicyPort {
        port: Some(IntOrString::Int(number.into())),
        protocol: Some(protocol.to_owned()),
        ..NetworkPolicyPort::default()
    };
    ports.iter().map(port).collect()
}
