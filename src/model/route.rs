//! How a service is reached from outside.
use super::Service;

/// A host and path from outside, and the port that it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Host; none: every host of the Gateway or Ingress.
    pub host: Option<String>,
    /// Path prefix.
    pub path: String,
    /// Port of the Service.
    pub port: u16,
    /// What carries it, with a Gateway.
    pub kind: RouteKind,
    /// Whether clients reach the host encrypted.
    pub tls: Option<Tls>,
    /// Longest time of a request in seconds; none: the Gateway's own.
    pub timeout: Option<i32>,
}

/// What carries a route, with a Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// An `HTTPRoute`.
    Http,
    /// A `GRPCRoute`: all routes of the host lead to ports that speak gRPC.
    Grpc,
}

/// Encryption on the way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Secret with the certificate; none: the Gateway's or ingress controller's own.
    pub secret: Option<String>,
}

/// The routes of one host of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Host<'a> {
    /// Name of its route object, with a Gateway.
    pub object: String,
    /// The host; none: every host of the Gateway or Ingress.
    pub name: Option<&'a str>,
    /// Its routes in the order of the spec; at least one.
    pub routes: Vec<&'a Route>,
}

impl Host<'_> {
    /// What carries its routes, with a Gateway.
    pub fn kind(&self) -> RouteKind {
        self.routes.first().map_or(RouteKind::Http, |route| route.kind)
    }
}

impl Service {
    /// The routes by host, in the order of the spec.
    pub fn hosts(&self) -> Vec<Host<'_>> {
        let mut hosts: Vec<Host<'_>> = Vec::new();
        for route in &self.routes {
            let name = route.host.as_deref();
            if let Some(host) = hosts.iter_mut().find(|host| host.name == name) {
                host.routes.push(route);
                continue;
            }
            let first = hosts.is_empty();
            let object = if first { self.objects.base.clone() } else { self.objects.route(name.unwrap_or_default()) };
            hosts.push(Host { object, name, routes: vec![route] });
        }
        hosts
    }
}
