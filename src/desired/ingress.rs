//! Ingress: the routes of an exposed service where there is no Gateway.
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    ServiceBackendPort,
};

use super::{Object, meta, route};
use crate::kinds::Kind;
use crate::model::{Route, Routing, Service, Stack};

/// The one Ingress of a service, where the stack has no Gateway.
pub fn build(stack: &Stack, service: &Service) -> Option<Object> {
    let Routing::Ingress { class } = &stack.routing else { return None };
    let hosts = route::by_host(service);
    if hosts.is_empty() {
        return None;
    }
    let ingress = Ingress {
        metadata: meta::owned(stack, &service.name, &service.objects.base),
        spec: Some(IngressSpec {
            ingress_class_name: class.clone(),
            rules: Some(hosts.into_iter().map(|(host, routes)| rule(service, host, &routes)).collect()),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    };
    Some(Object::new(Kind::Ingress, &service.name, &ingress))
}

fn rule(service: &Service, host: Option<&str>, routes: &[&Route]) -> IngressRule {
    IngressRule {
        host: host.map(str::to_owned),
        http: Some(HTTPIngressRuleValue { paths: routes.iter().map(|route| path(service, route)).collect() }),
    }
}

fn path(service: &Service, route: &Route) -> HTTPIngressPath {
    HTTPIngressPath {
        path: Some(route.path.clone()),
        path_type: "Prefix".to_owned(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: service.objects.base.clone(),
                port: Some(ServiceBackendPort { number: Some(route.port.into()), ..ServiceBackendPort::default() }),
            }),
            ..IngressBackend::default()
        },
    }
}
