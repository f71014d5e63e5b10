//! Ingress: the routes of an exposed service where there is no Gateway.
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec, IngressTLS,
    ServiceBackendPort,
};

use super::{Object, filled, meta};
use crate::kinds::Kind;
use crate::model::{Host, Route, Routing, Service, Stack};

/// The one Ingress of a service, where the stack has no Gateway.
pub fn build(stack: &Stack, service: &Service) -> Option<Object> {
    let Routing::Ingress { class } = &stack.routing else { return None };
    let hosts = service.hosts();
    if hosts.is_empty() {
        return None;
    }
    let ingress = Ingress {
        metadata: meta::owned(stack, &service.name, &service.objects.base),
        spec: Some(IngressSpec {
            ingress_class_name: class.clone(),
            tls: filled(hosts.iter().filter_map(tls).collect()),
            rules: Some(hosts.iter().map(|host| rule(service, host)).collect()),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    };
    Some(Object::new(Kind::Ingress, &service.name, &ingress))
}

fn rule(service: &Service, host: &Host<'_>) -> IngressRule {
    IngressRule {
        host: host.name.map(str::to_owned),
        http: Some(HTTPIngressRuleValue { paths: host.routes.iter().map(|route| path(service, route)).collect() }),
    }
}

/// All routes of a host have the same; without a Secret the controller has the certificate.
fn tls(host: &Host<'_>) -> Option<IngressTLS> {
    let tls = host.routes.first()?.tls.as_ref()?;
    Some(IngressTLS { hosts: host.name.map(|name| vec![name.to_owned()]), secret_name: tls.secret.clone() })
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
