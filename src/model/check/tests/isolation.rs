//! Doors: what is made of them, and one test for each way to get them wrong.
use pretty_assertions::assert_eq;

use super::super::super::{Door, Facts, Peer, check};
use super::stack;
use super::violations::refused;

/// A service with this in its `allowFrom`.
fn allowing(entry: &str) -> String {
    format!("services: {{ web: {{ image: a/b, ports: {{ http: '80:8080', trace: 6831/UDP }}, allowFrom: [{entry}] }} }}")
}

#[test]
fn a_stack_is_strict_unless_it_says_that_it_is_open() {
    let isolated = |spec| check(&stack(spec), &Facts::default()).unwrap().isolated;
    assert!(isolated("{}") && isolated("isolation: Strict") && !isolated("isolation: Open"));
}

#[test]
fn a_door_without_ports_is_for_all_ports_of_the_pods() {
    let checked = check(&stack(&allowing("{ namespace: monitoring }, { cidr: 10.0.0.0/8, ports: [http] }")), &Facts::default());
    let pods = Peer::Pods { namespace: Some("monitoring".into()), labels: [].into() };
    let addresses = Peer::Addresses { cidr: "10.0.0.0/8".into(), except: vec![] };
    assert_eq!(
        checked.unwrap().services["web"].doors.inward,
        [Door { peer: pods, ports: vec![(8080, "TCP"), (6831, "UDP")] }, Door { peer: addresses, ports: vec![(8080, "TCP")] }]
    );
}

#[test]
fn the_egress_of_a_service_stands_in_place_of_that_of_the_stack() {
    let spec = "{ egress: [{ cidr: 10.0.0.0/8, ports: [443, 53/udp] }], services: { own: { image: a/b, egress: [] }, web: { image: a/b } }, databases: { db: { engine: redis, ephemeral: true } } }";
    let checked = check(&stack(spec), &Facts::default()).unwrap();
    let peer = Peer::Addresses { cidr: "10.0.0.0/8".into(), except: vec![] };
    let of_stack = Some(vec![Door { peer, ports: vec![(443, "TCP"), (53, "UDP")] }]);
    assert_eq!(checked.services["own"].doors.outward, Some(vec![]));
    assert_eq!((&checked.services["web"].doors.outward, &checked.databases["db"].doors.outward), (&of_stack, &of_stack));
    let unsaid = check(&stack("services: { web: { image: a/b } }"), &Facts::default()).unwrap();
    assert_eq!(unsaid.services["web"].doors.outward, None);
}

#[test]
fn what_has_no_effect_in_an_open_stack_is_told_and_holds_nothing_back() {
    let spec = "{ isolation: Open, egress: [], routing: { from: [{ namespace: infra }] }, services: { web: { image: a/b, egress: [] } } }";
    let notices = check(&stack(spec), &Facts::default()).unwrap().notices;
    let paths: Vec<&str> = notices.iter().map(|notice| notice.path.as_str()).collect();
    assert_eq!(paths, ["spec.egress", "spec.routing.from", "spec.services.web.egress"]);
}

#[test]
fn an_entry_says_who_is_meant() {
    refused(&allowing("{}"), "spec.services.web.allowFrom[0]", "says nothing of who", "give one");
}

#[test]
fn an_entry_is_about_pods_or_about_addresses() {
    let path = "spec.services.web.allowFrom[0].cidr";
    refused(&allowing("{ namespace: a, cidr: 10.0.0.0/8 }"), path, "`namespace` and `labels` are about pods", "two entries");
    refused(&allowing("{ labels: { a: b }, cidr: 10.0.0.0/8 }"), path, "about addresses", "two entries");
    let path = "spec.services.web.allowFrom[0].except";
    refused(&allowing("{ namespace: a, except: [10.0.0.0/8] }"), path, "parts of `cidr`", "add `cidr`");
}

#[test]
fn a_network_is_its_first_address_and_its_length() {
    for bad in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/08", "10.0.0.0/", "010.0.0.0/8", "a/8", "10.0.0.0/+8"]
    {
        let spec = allowing(&format!("{{ cidr: '{bad}' }}"));
        refused(&spec, "spec.services.web.allowFrom[0].cidr", "is not a network", "10.1.2.3/32");
    }
    let spec = allowing("{ cidr: 10.1.2.3/8 }");
    refused(&spec, "spec.services.web.allowFrom[0].cidr", "first address", "write `10.0.0.0/8`");
    let spec = allowing("{ cidr: 'fd00::1/8' }");
    refused(&spec, "spec.services.web.allowFrom[0].cidr", "first address", "write `fd00::/8`");
    for good in ["0.0.0.0/0", "::/0", "10.1.2.3/32", "fd00::/8"] {
        check(&stack(&allowing(&format!("{{ cidr: '{good}' }}"))), &Facts::default()).unwrap();
    }
}

#[test]
fn what_is_left_out_lies_in_the_network() {
    let path = "spec.services.web.allowFrom[0].except[0]";
    for outside in ["11.0.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "fd00::/16"] {
        refused(
            &allowing(&format!("{{ cidr: 10.0.0.0/8, except: ['{outside}'] }}")),
            path,
            "no part of `10.0.0.0/8`",
            "remove it",
        );
    }
    check(&stack(&allowing("{ cidr: 10.0.0.0/8, except: [10.1.0.0/16] }")), &Facts::default()).unwrap();
}

#[test]
fn a_namespace_is_a_label_and_labels_are_labels() {
    let path = "spec.services.web.allowFrom[0]";
    refused(&allowing("{ namespace: a.b }"), &format!("{path}.namespace"), "name of a namespace", "lower-case");
    refused(&allowing("{ labels: { a: 'b c' } }"), &format!("{path}.labels.a"), "cannot be a label", "letters");
    refused(&allowing("{ labels: { a/b/c: d } }"), &format!("{path}.labels.a/b/c"), "cannot be a label", "DNS name");
    refused(&allowing("{ labels: { 'a/': d } }"), &format!("{path}.labels.a/"), "cannot be a label", "DNS name");
    check(&stack(&allowing("{ labels: { app.kubernetes.io/name: x, Y_z: '' } }")), &Facts::default()).unwrap();
}

#[test]
fn a_door_is_for_ports_of_the_service() {
    let path = "spec.services.web.allowFrom[0]";
    refused(&allowing("{ namespace: a, ports: [htp] }"), &format!("{path}.ports[0]"), "not a port", "did you mean `http`?");
    let worker = "services: { web: { image: a/b, allowFrom: [{ namespace: a }] } }";
    refused(worker, path, "no port", "add the `port`");
}

#[test]
fn a_port_to_call_is_a_number_with_a_transport() {
    for bad in ["'80:81'", "http", "0", "70000", "80/grpc", "''"] {
        let spec = format!("{{ egress: [{{ cidr: 10.0.0.0/8, ports: [{bad}] }}] }}");
        refused(&spec, "spec.egress[0].ports[0]", "is not a port to call", "`443`");
    }
}

#[test]
fn entries_of_every_place_are_judged() {
    for (spec, path) in [
        ("{ routing: { from: [{}] } }", "spec.routing.from[0]"),
        ("{ egress: [{}] }", "spec.egress[0]"),
        ("{ services: { web: { image: a/b, egress: [{}] } } }", "spec.services.web.egress[0]"),
        ("{ databases: { db: { engine: redis, ephemeral: true, allowFrom: [{}] } } }", "spec.databases.db.allowFrom[0]"),
    ] {
        refused(spec, path, "says nothing of who", "give one");
    }
    let external = "{ databases: { db: { engine: external, credentials: { secret: s }, allowFrom: [{ namespace: a }] } } }";
    refused(external, "spec.databases.db.allowFrom", "not run here", "remove");
}
