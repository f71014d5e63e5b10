//! Routes from outside: hosts, paths, and who serves them.
use std::collections::BTreeMap;

use super::super::{Port, Route, Routing, Service, Violations};
use super::{Scope, ports, spelling};
use crate::api;

/// What serves the routes: the Gateway where there is one to attach to, else an Ingress.
pub fn routing(scope: Scope, found: &mut Violations) -> Routing {
    let written = scope.spec.routing.clone().unwrap_or_default();
    if let Some(gateway) = &written.gateway {
        let namespace = gateway.namespace.as_deref().unwrap_or(scope.namespace);
        judge_name("spec.routing.gateway.name", &gateway.name, "a Gateway", found);
        if let Some(section) = &gateway.section_name {
            judge_name("spec.routing.gateway.sectionName", section, "a listener", found);
        }
        if !spelling::is_dns_name(namespace) || namespace.contains('.') || namespace.len() > 63 {
            let reason = format!("`{namespace}` cannot be the name of a namespace");
            found.add("spec.routing.gateway.namespace", reason, "use lower-case letters, digits and `-`");
        }
        if scope.facts.gateway_api {
            return Routing::Gateway {
                name: gateway.name.clone(),
                namespace: namespace.to_owned(),
                section: gateway.section_name.clone(),
            };
        }
    }
    let class = written.ingress_class_name.filter(|class| !class.is_empty());
    if let Some(class) = &class {
        judge_name("spec.routing.ingressClassName", class, "an IngressClass", found);
    }
    Routing::Ingress { class }
}

/// The routes of a service, in the order of the spec.
pub fn check(path: &str, service: &api::Service, ports: &[Port], found: &mut Violations) -> Vec<Route> {
    let mut routes = Vec::new();
    for (n, expose) in service.expose.iter().flatten().enumerate() {
        let path = format!("{path}.expose[{n}]");
        let prefix = expose.path.clone().unwrap_or_else(|| "/".to_owned());
        judge_host(&path, expose.host.as_deref(), found);
        judge_prefix(&path, &prefix, found);
        if let Some(port) = ports::resolve(&path, expose.port.as_deref(), ports, found) {
            routes.push(Route { host: expose.host.clone(), path: prefix, port: port.service });
        }
    }
    routes
}

/// Two routes for the same host and path: which of them answers would be chance.
pub fn judge_overlap(services: &BTreeMap<String, Service>, found: &mut Violations) {
    let mut taken: BTreeMap<(&Option<String>, &str), String> = BTreeMap::new();
    for service in services.values() {
        for (n, route) in service.routes.iter().enumerate() {
            let path = format!("spec.services.{}.expose[{n}]", service.name);
            let place = (&route.host, route.path.as_str());
            match taken.get(&place) {
                Some(other) => {
                    let reason = format!("its host and path are those of {other}, and only one of them can answer");
                    found.add(path, reason, "change the `host` or the `path` of one of them");
                }
                None => {
                    taken.insert(place, path);
                }
            }
        }
    }
}

fn judge_host(path: &str, host: Option<&str>, found: &mut Violations) {
    let Some(host) = host else { return };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_address = name.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !spelling::is_dns_name(name) || is_address {
        let reason = format!("`{host}` is not a host name");
        found.add(
            format!("{path}.host"),
            reason,
            "write it like `shop.example.com` or `*.example.com`, in lower case, without scheme and port",
        );
    }
}

fn judge_prefix(path: &str, prefix: &str, found: &mut Violations) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@%".contains(c);
    let steps = ["//", "/./", "/../", "%2f", "%2F"].iter().any(|part| prefix.contains(part));
    if !prefix.starts_with('/') || !prefix.chars().all(plain) || steps || prefix.ends_with("/.") || prefix.ends_with("/..") {
        let reason = format!("`{prefix}` is not a path prefix");
        found.add(format!("{path}.path"), reason, "start it with `/`, and use neither `//` nor `..` nor blanks");
    }
}

fn judge_name(path: &str, name: &str, kind: &str, found: &mut Violations) {
    if !spelling::is_dns_name(name) {
        found.add(path, format!("`{name}` is no name for {kind}"), "use lower-case letters, digits, `-` and `.`");
    }
}
