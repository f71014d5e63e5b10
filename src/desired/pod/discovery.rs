//! Discovery (rule 4): what a service is told of the components that it uses.
use k8s_openapi::api::core::v1::EnvVar;

use super::env::{plain, secret};
use crate::desired::{secret::key, uri};
use crate::model::discovery::{READ_ONLY_KEYS, main_port, prefix};
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

/// The variables of all components that are used, by the names of the components: the order of `uses` means
/// nothing, so changing it rolls nothing.
pub fn of_uses(stack: &Stack, uses: &[Use]) -> Vec<EnvVar> {
    let mut uses: Vec<&Use> = uses.iter().collect();
    uses.sort_by(|a, b| a.target.cmp(&b.target));
    uses.into_iter().flat_map(|edge| of_edge(stack, edge)).collect()
}

/// The default variables of a component, then those under the names that the service wants.
fn of_edge(stack: &Stack, edge: &Use) -> Vec<EnvVar> {
    let facts = facts(stack, &edge.target);
    let default = facts.iter().map(|fact| variable(&format!("{}_{}", prefix(&edge.target), prefix(&fact.key)), fact));
    let bound = edge.env.iter().filter_map(|(name, key)| {
        let known = facts.iter().find(|fact| fact.key == *key).map(|fact| variable(name, fact));
        known.or_else(|| asked_for(stack, edge, name, key))
    });
    default.chain(bound).collect()
}

/// A key of a Secret outside the stack that it does not have: its pods say so, rather than start without it.
fn asked_for(stack: &Stack, edge: &Use, name: &str, key: &str) -> Option<EnvVar> {
    let database = stack.databases.get(&edge.target)?;
    database.external()?;
    let key = database.bindable().into_iter().find(|known| *known == key)?;
    Some(variable(name, &Fact { key: key.to_owned(), source: source(database, key) }))
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
    if let Some(secret) = database.external() {
        let prefix = prefix(&database.name);
        return match key {
            "addr" => Source::Plain(format!("$({prefix}_HOST):$({prefix}_PORT)")),
            _ => Source::Secret { name: secret.name.clone(), key },
        };
    }
    match &database.credentials {
        _ if READ_ONLY_KEYS.contains(&key) => Source::Plain(value(database, key)),
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
        key::URI => uri_of(database, host),
        "ro-host" => database.objects.read_only.clone(),
        "ro-uri" => uri_of(database, &database.objects.read_only),
        _ => format!("{host}:{port}"),
    }
}

fn uri_of(database: &Database, host: &str) -> String {
    match database.credentials {
        Credentials::None => uri::open(database, host),
        _ => uri::by_reference(database, host, &prefix(&database.name)),
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
