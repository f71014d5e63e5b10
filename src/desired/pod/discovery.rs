//! Discovery (rule 4): what a service is told of the components that it uses.
use k8s_openapi::api::core::v1::EnvVar;

use super::env::{plain, secret};
use crate::desired::secret::key;
use crate::desired::uri;
use crate::model::{Credentials, Database, Port, Service, Stack, Use};

const ADDR: &str = "addr";
/// The port that the variables without a port's name stand for, where there are several.
const MAIN_PORT: &str = "http";

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
    let mut variables: Vec<EnvVar> = Vec::new();
    for variable in uses.into_iter().flat_map(|edge| of_edge(stack, edge)) {
        variables.retain(|earlier| earlier.name != variable.name);
        variables.push(variable);
    }
    variables
}

/// The default variables of a component, then those under the names that the service wants.
fn of_edge(stack: &Stack, edge: &Use) -> Vec<EnvVar> {
    let prefix = upper_case(&edge.target);
    let facts = facts(stack, &edge.target, &prefix);
    let default = facts.iter().map(|fact| variable(&format!("{prefix}_{}", upper_case(&fact.key)), fact));
    let bound = edge.env.iter().filter_map(|(name, key)| Some(variable(name, facts.iter().find(|fact| fact.key == *key)?)));
    default.chain(bound).collect()
}

fn facts(stack: &Stack, target: &str, prefix: &str) -> Vec<Fact> {
    let service = stack.services.get(target).map(of_used_service);
    let database = || stack.databases.get(target).map(|database| of_used_database(database, prefix));
    service.or_else(database).unwrap_or_default()
}

/// A worker has no address: using it is order alone.
fn of_used_service(service: &Service) -> Vec<Fact> {
    let (host, ports) = (&service.objects.base, service.ports.as_slice());
    let main = if let [only] = ports { Some(only) } else { ports.iter().find(|port| port.name == MAIN_PORT) };
    let named = if ports.len() > 1 { ports } else { &[] };
    let address = ports.first().map(|_| known(key::HOST, host));
    let main = main.into_iter().flat_map(|port| {
        [known(key::PORT, port.service.to_string()), known(ADDR, format!("{host}:{}", port.service)), known("url", url(host, port))]
    });
    let named = named.iter().flat_map(|port| {
        [known(&format!("{}-port", port.name), port.service.to_string()), known(&format!("{}-url", port.name), url(host, port))]
    });
    address.into_iter().chain(main).chain(named).collect()
}

fn of_used_database(database: &Database, prefix: &str) -> Vec<Fact> {
    let (recipe, host) = (&database.recipe, &database.objects.base);
    let proven = database.credentials != Credentials::None;
    let uri = if proven { uri::by_reference(database, prefix) } else { uri::open(database) };
    let table = [
        (key::HOST, true, host.clone()),
        (key::PORT, true, recipe.port.to_string()),
        (ADDR, true, format!("{host}:{}", recipe.port)),
        (key::USERNAME, proven && !recipe.username.is_empty(), String::new()),
        (key::PASSWORD, proven, String::new()),
        (key::DATABASE, recipe.databases, database.database.clone()),
        (key::URI, !uri.is_empty(), uri),
    ];
    let there = table.into_iter().filter(|(_, there, _)| *there);
    there.map(|(key, _, value)| Fact { key: key.to_owned(), source: source(database, key, value) }).collect()
}

/// The Secret as far as it has the key. A generated one lacks none but the address; of a given one no more is sure than
/// user and password.
fn source(database: &Database, key: &'static str, value: String) -> Source {
    match &database.credentials {
        Credentials::Generated { secret } if key != ADDR => Source::Secret { name: secret.clone(), key },
        Credentials::Given { secret } if [key::USERNAME, key::PASSWORD].contains(&key) => Source::Secret { name: secret.name.clone(), key },
        Credentials::Generated { .. } | Credentials::Given { .. } | Credentials::None => Source::Plain(value),
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
    if port.protocol == "UDP" {
        return "udp";
    }
    match port.app_protocol.as_deref().unwrap_or(&port.name) {
        "https" => "https",
        "grpc" => "grpc",
        "kubernetes.io/ws" | "ws" => "ws",
        "kubernetes.io/wss" | "wss" => "wss",
        _ => "http",
    }
}

fn upper_case(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}
