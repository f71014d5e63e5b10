//! Routes from outside: hosts, paths, and who serves them.
use std::collections::BTreeMap;

use super::super::{Port, Route, RouteKind, Routing, Service, Tls, Violations};
use super::{Scope, duration, ports, spelling};
use crate::api;
use crate::codes::Code;

/// What serves the routes: the Gateway where there is one to attach to, else an Ingress.
pub fn routing(scope: Scope, found: &mut Violations) -> Routing {
    let written = scope.spec.routing.clone().unwrap_or_default();
    if let Some(gateway) = &written.gateway {
        let namespace = gateway.namespace.as_deref().unwrap_or(scope.namespace);
        judge_name("spec.routing.gateway.name", &gateway.name, "a Gateway", found);
        if let Some(section) = &gateway.section_name {
            judge_name("spec.routing.gateway.sectionName", section, "a listener", found);
        }
        if !spelling::is_namespace(namespace) {
            let reason = format!("`{namespace}` cannot be the name of a namespace");
            found.add(Code::ObjectName, "spec.routing.gateway.namespace", reason, "use lower-case letters, digits and `-`");
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
            routes.push(Route {
                host: expose.host.clone(),
                path: prefix,
                port: port.service,
                kind: if port.app_protocol.as_deref() == Some("grpc") { RouteKind::Grpc } else { RouteKind::Http },
                tls: expose.tls.as_ref().map(|tls| self::tls(&format!("{path}.tls"), tls, found)),
                timeout: expose.timeout.as_ref().map(|timeout| duration::seconds(&format!("{path}.timeout"), timeout, found)),
            });
        }
    }
    routes
}

fn tls(path: &str, written: &api::Tls, found: &mut Violations) -> Tls {
    if let Some(secret) = &written.secret {
        judge_name(&format!("{path}.secret"), secret, "a Secret", found);
    }
    Tls { secret: written.secret.clone() }
}

/// Judges the routes of all services together, and against what serves them.
pub fn judge(routing: &Routing, services: &BTreeMap<String, Service>, found: &mut Violations) {
    let routes: Vec<(String, &Route)> = services.values().flat_map(with_paths).collect();
    for (n, (path, route)) in routes.iter().enumerate() {
        let of_host = || routes[..n].iter().filter(|(_, other)| other.host == route.host);
        // Which of the two would answer is chance.
        if let Some((other, _)) = of_host().find(|(_, other)| other.path == route.path) {
            let reason = format!("its host and path are those of {other}, and only one of them can answer");
            found.add(Code::RouteOverlap, path, reason, "change the `host` or the `path` of one of them");
        }
        if let Some((other, _)) = of_host().find(|(_, other)| other.tls != route.tls) {
            let reason = format!("its `tls` is not that of {other}, and both have the same host");
            found.add(Code::TlsDiffers, path, reason, "give all routes of a host the same `tls`, or none");
        }
        judge_served(path, routing, route, found);
    }
}

fn with_paths(service: &Service) -> impl Iterator<Item = (String, &Route)> {
    let path = |n| format!("spec.services.{}.expose[{n}]", service.name);
    service.routes.iter().enumerate().map(move |(n, route)| (path(n), route))
}

/// What a Gateway or an Ingress cannot express.
fn judge_served(path: &str, routing: &Routing, route: &Route, found: &mut Violations) {
    match (routing, &route.tls, route.timeout) {
        (Routing::Gateway { name, namespace, .. }, Some(Tls { secret: Some(secret) }), _) => {
            let reason =
                format!("TLS ends at the listener of the Gateway {namespace}/{name}, so the certificate is the listener's");
            let fix = format!("write `tls: {{}}` here, and name `{secret}` in the listener's `tls.certificateRefs`");
            found.add(Code::TlsSecret, format!("{path}.tls.secret"), reason, fix);
        }
        (Routing::Ingress { .. }, _, Some(_)) => {
            let reason = "the routes are served by an Ingress, which has no timeout";
            let fix = "remove it, or give the stack a `routing.gateway` in a cluster with Gateway API";
            found.add(Code::TimeoutOfIngress, format!("{path}.timeout"), reason, fix);
        }
        _ => {}
    }
}

/// A Gateway accepts either HTTP or gRPC routes of a host. HTTP carries gRPC too, so a host has a `GRPCRoute` only where the
/// cluster knows it, all routes that may meet there speak gRPC, and it can say all that they ask for.
pub fn choose_kinds(scope: Scope, services: &mut BTreeMap<String, Service>) {
    let fits = |route: &Route| {
        route.kind == RouteKind::Grpc && scope.facts.grpc_routes && route.timeout.is_none() && method(&route.path).is_some()
    };
    let others: Vec<Option<String>> = services
        .values()
        .flat_map(|service| &service.routes)
        .filter(|route| !fits(route))
        .map(|route| route.host.clone())
        .collect();
    for route in services.values_mut().flat_map(|service| &mut service.routes) {
        if others.iter().any(|other| meet(other.as_deref(), route.host.as_deref())) {
            route.kind = RouteKind::Http;
        }
    }
}

/// Whether there is a host that both names mean.
fn meet(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    let within = |wild: &str, name: &str| wild.strip_prefix('*').is_some_and(|rest| name.ends_with(rest));
    one == other || within(one, other) || within(other, one)
}

/// The gRPC service that a path means, and its method: `/shop.Orders`, `/shop.Orders/Place`; `/` is all services.
pub fn method(path: &str) -> Option<(Option<&str>, Option<&str>)> {
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let rest = path.strip_prefix('/')?;
    let (service, method) = rest.split_once('/').map_or((rest, None), |(service, method)| (service, Some(method)));
    match (service, method) {
        ("", None) => Some((None, None)),
        (service, method) if service.split('.').all(word) && method.is_none_or(word) => Some((Some(service), method)),
        _ => None,
    }
}

fn judge_host(path: &str, host: Option<&str>, found: &mut Violations) {
    let Some(host) = host else { return };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_address = name.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !spelling::is_dns_name(name) || is_address {
        let reason = format!("`{host}` is not a host name");
        found.add(
            Code::Host,
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
        found.add(
            Code::PathPrefix,
            format!("{path}.path"),
            reason,
            "start it with `/`, and use neither `//` nor `..` nor blanks",
        );
    }
}

fn judge_name(path: &str, name: &str, kind: &str, found: &mut Violations) {
    if !spelling::is_dns_name(name) {
        found.add(
            Code::ObjectName,
            path,
            format!("`{name}` is no name for {kind}"),
            "use lower-case letters, digits, `-` and `.`",
        );
    }
}
