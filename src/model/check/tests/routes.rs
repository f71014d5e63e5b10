//! What carries a route, and what is refused because nothing can.
use super::super::super::*;
use super::stack;

const GATEWAY: &str = "routing: { gateway: { name: public, namespace: infra } }\n";

fn gateway_api() -> Facts {
    Facts { gateway_api: true, grpc_routes: true, ..Facts::default() }
}

fn refused(spec: &str, facts: &Facts, code: crate::codes::Code, path: &str, words: &str) {
    let violations = check(&stack(spec), facts).unwrap_err().0;
    let [only] = violations.as_slice() else { panic!("{violations:#?}") };
    assert_eq!((only.code, only.path.as_str()), (code, path));
    assert!(only.to_string().contains(words), "{only}");
}

/// The kinds of a stack's routes, where `web` exposes these.
fn kinds(expose: &str, facts: &Facts) -> Vec<RouteKind> {
    let spec =
        format!("{GATEWAY}services: {{ api: {{ image: a/b, ports: {{ grpc: 9090/grpc, http: 80 }}, expose: [{expose}] }} }}");
    let stack = check(&stack(&spec), facts).unwrap();
    stack.services["api"].routes.iter().map(|route| route.kind).collect()
}

#[test]
fn a_grpc_port_has_a_grpc_route_where_the_cluster_knows_the_kind() {
    let expose = "{ host: a.example.com, port: grpc }";
    assert_eq!(kinds(expose, &gateway_api()), [RouteKind::Grpc]);
    let without = Facts { gateway_api: true, ..Facts::default() };
    assert_eq!(kinds(expose, &without), [RouteKind::Http]);
}

#[test]
fn a_host_has_one_kind_of_route_for_a_gateway_accepts_no_two() {
    let (grpc, http) = (RouteKind::Grpc, RouteKind::Http);
    let table: [(&str, &[RouteKind]); 6] = [
        ("{ host: a.io, port: grpc }, { host: b.io, port: http }", &[grpc, http]),
        ("{ host: a.io, port: grpc, path: /x.Y }, { host: a.io, port: http }", &[http, http]),
        ("{ host: '*.a.io', port: grpc }, { host: b.a.io, port: http }", &[http, http]),
        ("{ host: b.a.io, port: grpc }, { host: '*.a.io', port: http }", &[http, http]),
        ("{ host: a.io, port: grpc }, { host: '*.a.io', port: http }", &[grpc, http]),
        ("{ host: a.io, port: grpc }, { port: http }", &[http, http]),
    ];
    for (expose, expected) in table {
        assert_eq!(kinds(expose, &gateway_api()), expected, "{expose}");
    }
}

#[test]
fn what_a_grpc_route_cannot_say_is_said_by_an_http_route() {
    for expose in ["{ port: grpc, timeout: 5s }", "{ port: grpc, path: /a/b/c }", "{ port: grpc, path: /with-dash }"] {
        assert_eq!(kinds(expose, &gateway_api()), [RouteKind::Http], "{expose}");
    }
}

#[test]
fn a_path_of_grpc_is_a_service_and_a_method() {
    let table = [
        ("/", Some((None, None))),
        ("/Orders", Some((Some("Orders"), None))),
        ("/shop.v1.Orders/Place", Some((Some("shop.v1.Orders"), Some("Place")))),
        ("/shop..Orders", None),
        ("/shop.Orders/", None),
        ("/shop.Orders/a/b", None),
        ("/1shop", None),
    ];
    for (path, expected) in table {
        assert_eq!(grpc_method(path), expected, "{path}");
    }
}

#[test]
fn a_gateway_has_the_certificate_and_not_the_route() {
    let spec = "services: { web: { image: a/b, port: 80, expose: [{ host: a.io, tls: { secret: own } }] } }";
    let path = "spec.services.web.expose[0].tls.secret";
    let words = "write `tls: {}` here, and name `own` in the listener's `tls.certificateRefs`";
    refused(&format!("{GATEWAY}{spec}"), &gateway_api(), crate::codes::Code::TlsSecret, path, words);
    // Where the same stack is served by an Ingress, it is right.
    let stack = check(&stack(spec), &Facts::default()).unwrap();
    assert_eq!(stack.services["web"].routes[0].tls, Some(Tls { secret: Some("own".to_owned()) }));
}

#[test]
fn a_certificate_has_the_name_of_a_secret() {
    let spec = "services: { web: { image: a/b, port: 80, expose: [{ host: a.io, tls: { secret: Own } }] } }";
    let path = "spec.services.web.expose[0].tls.secret";
    refused(spec, &Facts::default(), crate::codes::Code::ObjectName, path, "`Own` is no name for a Secret");
}

#[test]
fn an_ingress_has_no_timeout_and_a_gateway_has() {
    let spec = "services: { web: { image: a/b, port: 80, expose: [{ host: a.io, timeout: 1m30s }] } }";
    let path = "spec.services.web.expose[0].timeout";
    refused(spec, &Facts::default(), crate::codes::Code::TimeoutOfIngress, path, "routing.gateway");
    let with_gateway = check(&stack(&format!("{GATEWAY}{spec}")), &gateway_api()).unwrap();
    assert_eq!(with_gateway.services["web"].routes[0].timeout, Some(90));
}

#[test]
fn a_timeout_is_a_duration() {
    let spec = format!("{GATEWAY}services: {{ web: {{ image: a/b, port: 80, expose: [{{ timeout: 0s }}] }} }}");
    refused(&spec, &gateway_api(), crate::codes::Code::Duration, "spec.services.web.expose[0].timeout", "no time at all");
}

#[test]
fn all_routes_of_a_host_have_the_same_tls_whichever_service_they_lead_to() {
    let spec = "services: { a: { image: a/b, port: 80, expose: [{ host: a.io, tls: {} }] }, b: { image: a/b, port: 80, expose: [{ host: a.io, path: /b }, { host: b.io }] } }";
    let path = "spec.services.b.expose[0]";
    refused(spec, &Facts::default(), crate::codes::Code::TlsDiffers, path, "not that of spec.services.a.expose[0]");
}
