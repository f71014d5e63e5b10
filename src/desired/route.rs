//! HTTPRoute (Gateway API): one for each host of an exposed service.
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::{Object, meta};
use crate::kinds::Kind;
use crate::model::{Route, Routing, Service, Stack};

#[derive(Serialize)]
struct HttpRoute {
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    parent_refs: [ParentRef; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    hostnames: Option<[String; 1]>,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParentRef {
    name: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    matches: [Match; 1],
    backend_refs: [BackendRef; 1],
}

#[derive(Serialize)]
struct Match {
    path: PathMatch,
}

#[derive(Serialize)]
struct PathMatch {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
struct BackendRef {
    name: String,
    port: u16,
}

/// The routes of a service, where the stack has a Gateway.
pub fn build(stack: &Stack, service: &Service) -> Vec<Object> {
    let Routing::Gateway { name, namespace, section } = &stack.routing else { return Vec::new() };
    let parent = || ParentRef { name: name.clone(), namespace: namespace.clone(), section_name: section.clone() };
    let hosts = by_host(service).into_iter().enumerate();
    hosts.map(|(place, (host, routes))| route(stack, service, parent(), place, host, &routes)).collect()
}

/// The routes of a service by host, hosts and paths in the order of the spec.
pub fn by_host(service: &Service) -> Vec<(Option<&str>, Vec<&Route>)> {
    let mut hosts: Vec<(Option<&str>, Vec<&Route>)> = Vec::new();
    for route in &service.routes {
        match hosts.iter_mut().find(|(host, _)| *host == route.host.as_deref()) {
            Some((_, routes)) => routes.push(route),
            None => hosts.push((route.host.as_deref(), vec![route])),
        }
    }
    hosts
}

fn route(stack: &Stack, service: &Service, parent: ParentRef, place: usize, host: Option<&str>, routes: &[&Route]) -> Object {
    let name = if place == 0 { service.objects.base.clone() } else { service.objects.route(host.unwrap_or_default()) };
    let route = HttpRoute {
        metadata: meta::owned(stack, &service.name, &name),
        spec: Spec {
            parent_refs: [parent],
            hostnames: host.map(|host| [host.to_owned()]),
            rules: routes.iter().map(|route| rule(service, route)).collect(),
        },
    };
    Object::new(Kind::HttpRoute, &service.name, &route)
}

fn rule(service: &Service, route: &Route) -> Rule {
    Rule {
        matches: [Match { path: PathMatch { kind: "PathPrefix", value: route.path.clone() } }],
        backend_refs: [BackendRef { name: service.objects.base.clone(), port: route.port }],
    }
}
