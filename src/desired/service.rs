//! Service: the address of a component; for a database also the headless one that names its instances, and the one to read
//! from all of them.
use k8s_openapi::api::core::v1::{Service as Address, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, meta};
use crate::kinds::Kind;
use crate::model::{Database, Port, Service, Stack};

/// Name of the one port of a database.
pub const CLIENT: &str = "client";

/// Label that the StatefulSet controller puts on its pods.
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The address of a service; a worker has none.
pub fn of_service(stack: &Stack, service: &Service) -> Option<Object> {
    if service.ports.is_empty() {
        return None;
    }
    let spec = ServiceSpec { type_: Some("ClusterIP".to_owned()), ..spec(stack, &service.name, service.ports.iter().map(port)) };
    Some(object(stack, &service.name, &service.objects.base, spec))
}

/// The address of a database for its clients, and the headless one for its instances, ready or not. Where instances follow
/// the first one, clients are led to that one alone, and those that only read have an address of all.
pub fn of_database(stack: &Stack, database: &Database) -> Vec<Object> {
    let spec = || spec(stack, &database.name, [client(database.recipe.port)]);
    let all = || ServiceSpec { type_: Some("ClusterIP".to_owned()), ..spec() };
    let mut clients = all();
    if database.has_primary() {
        clients.selector.get_or_insert_default().insert(POD_INDEX.to_owned(), "0".to_owned());
    }
    let instances = ServiceSpec { cluster_ip: Some("None".to_owned()), publish_not_ready_addresses: Some(true), ..spec() };
    let read_only = database.has_primary().then(|| object(stack, &database.name, &database.objects.read_only, all()));
    let mut objects = vec![
        object(stack, &database.name, &database.objects.base, clients),
        object(stack, &database.name, &database.objects.headless, instances),
    ];
    objects.extend(read_only);
    objects
}

fn object(stack: &Stack, component: &str, name: &str, spec: ServiceSpec) -> Object {
    let address = Address { metadata: meta::owned(stack, component, name), spec: Some(spec), ..Address::default() };
    Object::new(Kind::Service, component, &address)
}

fn spec(stack: &Stack, component: &str, ports: impl IntoIterator<Item = ServicePort>) -> ServiceSpec {
    ServiceSpec {
        selector: Some(meta::selector(stack, component)),
        ports: Some(ports.into_iter().collect()),
        ..ServiceSpec::default()
    }
}

fn port(port: &Port) -> ServicePort {
    ServicePort {
        name: Some(port.name.clone()),
        port: port.service.into(),
        target_port: Some(IntOrString::Int(port.container.into())),
        protocol: Some(port.protocol.to_owned()),
        app_protocol: port.app_protocol.as_deref().map(on_the_wire).map(str::to_owned),
        ..ServicePort::default()
    }
}

/// gRPC is HTTP/2 in the clear: Gateways know it by the standard word alone.
fn on_the_wire(protocol: &str) -> &str {
    if protocol == "grpc" { "kubernetes.io/h2c" } else { protocol }
}

fn client(number: u16) -> ServicePort {
    ServicePort {
        name: Some(CLIENT.to_owned()),
        port: number.into(),
        target_port: Some(IntOrString::Int(number.into())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}
