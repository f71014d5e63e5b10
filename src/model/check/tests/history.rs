//! What exists is kept: volumes and versions against the spec (rule 10), and what a valid spec becomes.
use super::super::super::*;
use super::stack;
use crate::codes::Code;

const POSTGRES: &str = "databases: { db: { engine: postgres, version: '17.4', storage: { size: 20Gi, class: fast } } }";

fn volume(size: &str, class: &str, version: &str) -> Facts {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let volume = VolumeFacts {
        template_size: text(size),
        template_class: text(class),
        identity: text("i-1"),
        version: text(version),
        ..VolumeFacts::default()
    };
    Facts { volumes: BTreeMap::from([("db".to_owned(), volume)]), ..Facts::default() }
}

fn checked(spec: &str, facts: &Facts) -> Stack {
    check(&stack(spec), facts).unwrap()
}

fn notice<'a>(stack: &'a Stack, path: &str) -> &'a Violation {
    let [only] = stack.notices.as_slice() else { panic!("{:#?}", stack.notices) };
    assert_eq!(only.path, path);
    only
}

#[test]
fn what_agrees_with_the_volume_is_no_notice() {
    let stack = checked(POSTGRES, &volume("20480Mi", "fast", "17.2"));
    assert_eq!((stack.notices.as_slice(), &stack.databases["db"].held), (&[][..], &None));
    let expected = Storage::Volume {
        requested: "20Gi".to_owned(),
        size: "20480Mi".to_owned(),
        template: "20480Mi".to_owned(),
        class: Some("fast".to_owned()),
        identity: Some("i-1".to_owned()),
    };
    assert_eq!(stack.databases["db"].storage, expected);
}

#[test]
fn rule_10_a_volume_never_shrinks_and_the_rest_goes_on() {
    let stack = checked(POSTGRES, &volume("30Gi", "fast", "17"));
    assert!(notice(&stack, "spec.databases.db.storage.size").reason.contains("never shrinks; it stays at 30Gi"));
    assert!(matches!(&stack.databases["db"].storage, Storage::Volume { template, .. } if template == "30Gi"));
    assert_eq!(stack.databases["db"].held, None);
}

#[test]
fn rule_10_storage_grows_in_place_and_where_it_cannot_that_is_told_and_the_rest_goes_on() {
    let sizes = |stack: &Stack| match &stack.databases["db"].storage {
        Storage::Volume { requested, size, template, .. } => [requested.clone(), size.clone(), template.clone()],
        Storage::Ephemeral => panic!("it has a volume"),
    };
    let mut facts = volume("10Gi", "fast", "17");
    let stack = checked(POSTGRES, &facts);
    assert_eq!((stack.notices.as_slice(), sizes(&stack)), (&[][..], ["20Gi", "20Gi", "10Gi"].map(str::to_owned)));
    facts.volumes.get_mut("db").unwrap().refused = Some("its class does not".to_owned());
    let stack = checked(POSTGRES, &facts);
    assert!(
        notice(&stack, "spec.databases.db.storage.size")
            .reason
            .ends_with("it cannot grow, for its class does not; it stays at 10Gi")
    );
    assert_eq!(sizes(&stack), ["20Gi", "10Gi", "10Gi"].map(str::to_owned));
}

#[test]
fn rule_10_the_larger_volume_counts_also_while_the_template_is_behind_or_away() {
    for template in ["10Gi", ""] {
        let mut facts = volume(template, "fast", "17");
        facts.volumes.get_mut("db").unwrap().volume_size = Some("30Gi".to_owned());
        let stack = checked(POSTGRES, &facts);
        assert!(notice(&stack, "spec.databases.db.storage.size").reason.contains("never shrinks; it stays at 30Gi"));
        assert!(matches!(&stack.databases["db"].storage, Storage::Volume { size, .. } if size == "30Gi"));
    }
}

#[test]
fn the_class_of_volumes_that_are_there_is_kept_without_a_template_too() {
    let mut facts = volume("", "", "17");
    facts.volumes.get_mut("db").unwrap().volume_class = Some("slow".to_owned());
    let stack = checked(POSTGRES, &facts);
    assert!(notice(&stack, "spec.databases.db.storage.class").reason.contains("made by `slow`"));
    assert!(matches!(&stack.databases["db"].storage, Storage::Volume { class: Some(class), .. } if class == "slow"));
}

#[test]
fn the_class_of_a_volume_is_kept_and_told() {
    let stack = checked(POSTGRES, &volume("20Gi", "slow", "17"));
    assert!(notice(&stack, "spec.databases.db.storage.class").reason.contains("made by `slow`"));
    assert!(matches!(&stack.databases["db"].storage, Storage::Volume { class: Some(class), .. } if class == "slow"));
}

#[test]
fn rule_9_a_volume_is_not_thrown_away_by_making_its_database_ephemeral() {
    let spec = "databases: { db: { engine: postgres, version: 17, ephemeral: true } }";
    let stack = checked(spec, &volume("20Gi", "fast", "17"));
    assert!(notice(&stack, "spec.databases.db.ephemeral").reason.contains("keeps the volume"));
    assert!(matches!(&stack.databases["db"].storage, Storage::Volume { template, .. } if template == "20Gi"));
}

#[test]
fn rule_10_a_major_change_or_a_downgrade_is_held_also_with_image() {
    let version =
        |version: &str| format!("databases: {{ db: {{ engine: postgres, version: '{version}', storage: {{ size: 20Gi }} }} }}");
    let image = |tag: &str| {
        format!("databases: {{ db: {{ engine: postgres, image: 'mirror/postgres:{tag}', storage: {{ size: 20Gi }} }} }}")
    };
    let table = [
        (version("17"), "16", true),
        (version("16"), "17", true),
        (version("17.2"), "17.4", true),
        (image("17.5-alpine"), "16.1", true),
        (image("16"), "17", true),
        (version("17"), "17.4", false),
        (version("17.4"), "17", false),
        (version("17.4"), "17.2", false),
        (image("latest"), "16", false),
        (image("17"), "", false),
    ];
    for (spec, recorded, held) in table {
        let stack = checked(&spec, &volume("20Gi", "", recorded));
        assert_eq!(stack.databases["db"].held.is_some(), held, "{spec} over {recorded}");
        let field = if spec.contains("image") { "spec.databases.db.image" } else { "spec.databases.db.version" };
        let paths: Vec<&str> = stack.notices.iter().map(|notice| notice.path.as_str()).collect();
        assert_eq!(paths, if held { vec![field] } else { vec![] }, "{spec} over {recorded}");
    }
}

#[test]
fn versions_of_a_custom_engine_are_not_judged() {
    let spec = "databases: { db: { engine: custom, image: 'acme/search:2', port: 1, dataPath: /data, storage: { size: 20Gi } } }";
    let stack = checked(spec, &volume("20Gi", "", "3"));
    assert_eq!((stack.databases["db"].version.as_deref(), &stack.databases["db"].held), (Some("2"), &None));
}

#[test]
fn rule_5_uses_optional_makes_no_order_and_an_absent_component_behind_it_is_no_error() {
    let spec = "services: { web: { image: a/b, uses: [api] }, api: { image: a/b, usesOptional: [web, gone] } }";
    let stack = checked(spec, &Facts::default());
    assert_eq!(stack.waves, [["api"], ["web"]]);
    let optional: Vec<(&str, bool)> =
        stack.services["api"].uses.iter().map(|edge| (edge.target.as_str(), edge.optional)).collect();
    assert_eq!(optional, [("web", true)]);
}

#[test]
fn ports_are_read_in_all_their_forms_the_main_one_first() {
    let spec = "services: { web: { image: a/b, ports: { admin: '80:8081', grpc: 9090/grpc, http: 8080/h2c, trace: 6831/udp } } }";
    let port = |name: &str, service, container, protocol, app: Option<&str>| Port {
        name: name.to_owned(),
        service,
        container,
        protocol,
        app_protocol: app.map(str::to_owned),
    };
    let expected = [
        port("http", 8080, 8080, "TCP", Some("kubernetes.io/h2c")),
        port("admin", 80, 8081, "TCP", None),
        port("grpc", 9090, 9090, "TCP", Some("grpc")),
        port("trace", 6831, 6831, "UDP", None),
    ];
    assert_eq!(checked(spec, &Facts::default()).services["web"].ports, expected);
}

#[test]
fn one_number_serves_tcp_and_udp() {
    let spec = "services: { dns: { image: a/b, ports: { dns: 53/UDP, dns-tcp: 53 } } }";
    assert_eq!(checked(spec, &Facts::default()).services["dns"].ports.len(), 2);
}

#[test]
fn routes_go_to_the_gateway_only_where_there_is_gateway_api() {
    let spec = "routing: { gateway: { name: public }, ingressClassName: nginx }";
    let gateway = Routing::Gateway { name: "public".to_owned(), namespace: "shop".to_owned(), section: None };
    assert_eq!(checked(spec, &Facts { gateway_api: true, ..Facts::default() }).routing, gateway);
    assert_eq!(checked(spec, &Facts::default()).routing, Routing::Ingress { class: Some("nginx".to_owned()) });
}

#[test]
fn an_engine_runs_as_its_own_user_whatever_the_stack_says() {
    let spec = "security: { runAsUser: 10001 }\nservices: { web: { image: a/b } }\ndatabases: { db: { engine: rabbitmq, storage: { size: 1Gi } } }";
    let stack = checked(spec, &Facts::default());
    assert_eq!(stack.services["web"].security.user, Some(10001));
    assert_eq!((stack.databases["db"].security.user, stack.databases["db"].security.fs_group), (Some(999), Some(999)));
}

#[test]
fn checks_have_the_documented_defaults() {
    let spec = "services: { web: { image: a/b, port: 8080, health: { http: /healthz, startup: 1m30s } } }";
    let check = Check::Http { path: "/healthz".to_owned(), port: 8080 };
    let ready = Probe { check, period: 10, timeout: 1, failures: 3 };
    let expected = Probes { ready: Some(ready), live: None, startup_seconds: Some(90) };
    assert_eq!(checked(spec, &Facts::default()).services["web"].probes, expected);
}

#[test]
fn rule_10_a_version_that_is_higher_or_tells_more_is_newer() {
    let newer = [("17.4", "17.3"), ("17.4", "17"), ("17.10", "17.9"), ("18", "17.9"), ("8.1.2", "8.1")];
    let not = [("17.3", "17.4"), ("17", "17.4"), ("17", "17"), ("16.9", "17"), ("latest", "17")];
    assert!(newer.iter().all(|(version, than)| is_newer(version, than)));
    assert!(!not.iter().any(|(version, than)| is_newer(version, than)));
}

#[test]
fn rule_10_a_cluster_keeps_the_members_that_it_began_with_and_the_rest_goes_on() {
    for engine in ["nats, version: '2.11'", "rabbitmq, version: '4.1'"] {
        keeps_its_members(engine);
    }
}

fn keeps_its_members(engine: &str) {
    let held = |wanted: i32, members: Option<i32>| {
        let spec = format!("databases: {{ db: {{ engine: {engine}, instances: {wanted}, storage: {{ size: 1Gi }} }} }}");
        let mut facts = volume("", "", "");
        facts.volumes.get_mut("db").unwrap().members = members;
        let stack = checked(&spec, &facts);
        let held = stack.databases["db"].held.clone();
        assert_eq!(stack.notices, held.iter().cloned().collect::<Vec<_>>(), "it is told");
        held.map(|violation| (violation.code, violation.fix))
    };
    let back =
        |to: i32| Some((Code::MembersFixed, format!("go back to `instances: {to}`, or add a second database and move the data")));
    assert_eq!([held(3, None), held(3, Some(3)), held(1, Some(1))], [None, None, None]);
    assert_eq!([held(1, Some(3)), held(5, Some(3)), held(3, Some(1))], [back(3), back(3), back(1)]);
}

#[test]
fn rule_10_what_is_read_at_the_next_start_stays_that_of_the_members_that_there_are() {
    let of = |wanted: i32, members: i32| {
        let spec = format!("databases: {{ db: {{ engine: rabbitmq, instances: {wanted}, storage: {{ size: 1Gi }} }} }}");
        let mut facts = volume("", "", "");
        facts.volumes.get_mut("db").unwrap().members = Some(members);
        let database = &checked(&spec, &facts).databases["db"];
        (database.recipe.clone(), database.peers.clone())
    };
    assert_eq!((of(1, 3), of(3, 1)), (of(3, 3), of(1, 1)));
    let last = "cluster_formation.classic_config.nodes.3 = rabbit@db-2.db-headless";
    assert_eq!((of(3, 3).1.last().map(String::as_str), of(1, 1).1.len()), (Some(last), 0));
}
