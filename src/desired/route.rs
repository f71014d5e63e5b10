//! HTTPRoute and GRPCRoute (Gateway API): one for each host of an exposed service.
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::{Object, meta};
use crate::kinds::Kind;
use crate::model::{self, Host, Route, RouteKind, Routing, Service, Stack};

#[derive(Serialize)]
struct Sent<R> {
    metadata: ObjectMeta,
    spec: Spec<R>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<R> {
    parent_refs: [ParentRef; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    hostnames: Option<[String; 1]>,
    rules: Vec<R>,
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
struct BackendRef {
    name: String,
    port: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpRule {
    matches: [HttpMatch; 1],
    backend_refs: [BackendRef; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

#[derive(Serialize)]
struct HttpMatch {
    path: PathMatch,
}

#[derive(Serialize)]
struct PathMatch {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Timeouts {
    request: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GrpcRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<[GrpcMatch; 1]>,
    backend_refs: [BackendRef; 1],
}

#[derive(Serialize)]
struct GrpcMatch {
    method: Method,
}

#[derive(Serialize)]
struct Method {
    #[serde(rename = "type")]
    kind: &'static str,
    service: String,
    #[serde(rename = "method", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// The routes of a service, where the stack has a Gateway.
pub fn build(stack: &Stack, service: &Service) -> Vec<Object> {
    let Routing::Gateway { name, namespace, section } = &stack.routing else { return Vec::new() };
    let parent = || ParentRef { name: name.clone(), namespace: namespace.clone(), section_name: section.clone() };
    let build = |host: Host<'_>| match host.kind() {
        RouteKind::Http => route(Kind::HttpRoute, stack, service, parent(), &host, http_rule),
        RouteKind::Grpc => route(Kind::GrpcRoute, stack, service, parent(), &host, grpc_rule),
    };
    service.hosts().into_iter().map(build).collect()
}

fn route<R: Serialize>(
    kind: Kind,
    stack: &Stack,
    service: &Service,
    parent: ParentRef,
    host: &Host<'_>,
    rule: fn(&Service, &Route) -> R,
) -> Object {
    let sent = Sent {
        metadata: meta::owned(stack, &service.name, &host.object),
        spec: Spec {
            parent_refs: [parent],
            hostnames: host.name.map(|name| [name.to_owned()]),
            rules: host.routes.iter().map(|route| rule(service, route)).collect(),
        },
    };
    Object::new(kind, &service.name, &sent)
}

fn http_rule(service: &Service, route: &Route) -> HttpRule {
    HttpRule {
        matches: [HttpMatch { path: PathMatch { kind: "PathPrefix", value: route.path.clone() } }],
        backend_refs: backend(service, route),
        timeouts: route.timeout.map(|seconds| Timeouts { request: format!("{seconds}s") }),
    }
}

fn grpc_rule(service: &Service, route: &Route) -> GrpcRule {
    let wanted = model::grpc_method(&route.path).and_then(|(service, method)| Some((service?, method)));
    let exact = |(service, method): (&str, Option<&str>)| {
        [GrpcMatch { method: Method { kind: "Exact", service: service.to_owned(), name: method.map(str::to_owned) } }]
    };
    GrpcRule { matches: wanted.map(exact), backend_refs: backend(service, route) }
}

fn backend(service: &Service, route: &Route) -> [BackendRef; 1] {
    [BackendRef { name: service.objects.base.clone(), port: route.port }]
}
