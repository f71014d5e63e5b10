//! Discovery (rule 4): what a service is told of the components that it uses.
use k8s_openapi::api::core::v1::EnvVar;

use super::env::{plain, secret};
use crate::desired::{secret::key, uri};
use crate::model::discovery::{main_port, prefix};
use crate::model::{Credentials, Database, Port, Service, Stack, Use};

/// One thing to know of a component: its key, such as `host`, and where the value comes from.
struct Fact {
    key: String,
    source: Source,
}

enum Source {
    Plain(String),
    Secret { name: String, key: &'static str },
}

/// The variables of all components that a service uses, by the names of the components: the order of `uses` means
/// nothing, so changing it rolls nothing.
pub fn of_service(stack: &Stack, service: &Service) -> Vec<EnvVar> {
    let mut uses: Vec<&Use> = service.uses.iter().collect();
    uses.sort_by(|a, b| a.target.cmp(&b.target));
    uses.into_iter().flat_map(|edge| of_edge(stack, edge)).collect()
}

/// The default variables of a component, then those under the names that the service wants.
fn of_edge(stack: &Stack, edge: &Use) -> Vec<EnvVar> {
    let facts = facts(stack, &edge.target);
    let default = facts.iter().map(|fact| variable(&format!("{}_{}", prefix(&edge.target), prefix(&fact.key)), fact));
    let bound = edge.env.iter().filter_map(|(name, key)| Some(variable(name, facts.iter().find(|fact| fact.key == *key)?)));
    default.chain(bound).collect()
}

fn facts(stack: &Stack, target: &str) -> Vec<Fact> {
    let service = stack.services.get(target).map(of_used_service);
    let database = || stack.databases.get(target).map(of_used_database);
    service.or_else(database).unwrap_or_default()
}

/// A worker has no address: using it is order alone.
fn of_used_service(service: &Service) -> Vec<Fact> {
    let (host, ports) = (&service.objects.base, service.ports.as_slice());
    let named = if ports.len() > 1 { ports } else { &[] };
    let address = ports.first().map(|_| known("host", host));
    let main = main_port(ports).into_iter().flat_map(|port| {
        [
            known("port", port.service.to_string()),
            known("addr", format!("{host}:{}", port.service)),
            known("url", url(host, port)),
        ]
    });
    let named = named.iter().flat_map(|port| {
        [known(&format!("{}-port", port.name), port.service.to_string()), known(&format!("{}-url", port.name), url(host, port))]
    });
    address.into_iter().chain(main).chain(named).collect()
}

fn of_used_database(database: &Database) -> Vec<Fact> {
    database.keys().into_iter().map(|key| Fact { key: key.to_owned(), source: source(database, key) }).collect()
}

/// From the Secret as far as it has the key: a generated one has all but the address in one, of a given one no more is
/// sure than user and password.
fn source(database: &Database, key: &'static str) -> Source {
    match &database.credentials {
        Credentials::Generated { secret } if key != "addr" => Source::Secret { name: secret.clone(), key },
        Credentials::Given { secret } if [key::USERNAME, key::PASSWORD].contains(&key) => {
            Source::Secret { name: secret.name.clone(), key }
        }
        Credentials::Generated { .. } | Credentials::Given { .. } | Credentials::None => Source::Plain(value(database, key)),
    }
}

fn value(database: &Database, key: &str) -> String {
    let (host, port) = (&database.objects.base, database.recipe.port);
    match key {
        key::HOST => host.clone(),
        key::PORT => port.to_string(),
        key::DATABASE => database.database.clone(),
        key::URI if database.credentials == Credentials::None => uri::open(database),
        key::URI => uri::by_reference(database, &prefix(&database.name)),
        _ => format!("{host}:{port}"),
    }
}

fn known(key: &str, value: impl Into<String>) -> Fact {
    Fact { key: key.to_owned(), source: Source::Plain(value.into()) }
}

fn variable(name: &str, fact: &Fact) -> EnvVar {
    match &fact.source {
        Source::Plain(value) => plain(name, value),
        Source::Secret { name: from, key } => secret(name, from, key),
    }
}

fn url(host: &str, port: &Port) -> String {
    format!("{}://{host}:{}", scheme(port), port.service)
}

/// By `appProtocol`, else by the port's name where that is a protocol.
fn scheme(port: &Port) -> &'static str {
    match (port.protocol, port.app_protocol.as_deref().unwrap_or(&port.name)) {
        ("UDP", _) => "udp",
        ("SCTP", _) => "sctp",
        (_, "https") => "https",
        (_, "grpc") => "grpc",
        (_, "kubernetes.io/ws" | "ws") => "ws",
        (_, "kubernetes.io/wss" | "wss") => "wss",
        _ => "http",
    }
}
