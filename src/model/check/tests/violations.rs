//! One test for each violation: where, why, what to do.
use super::{Facts, check, stack};

/// The one violation of a spec has this path, and these words in its reason and its fix.
pub fn refused(spec: &str, path: &str, reason: &str, fix: &str) {
    let violations = check(&stack(spec), &Facts::default()).unwrap_err().0;
    let [only] = violations.as_slice() else { panic!("{violations:#?}") };
    assert_eq!(only.path, path);
    assert!(only.reason.contains(reason), "{only}");
    assert!(only.fix.contains(fix), "{only}");
}

#[test]
fn a_service_is_named_like_a_dns_label() {
    refused("services: { Web: { image: a/b } }", "spec.services.Web", "not a DNS label", "lower-case");
}

#[test]
fn a_database_is_named_like_a_dns_label() {
    refused("databases: { a.b: { engine: redis, ephemeral: true } }", "spec.databases.a.b", "not a DNS label", "lower-case");
}

#[test]
fn a_service_and_a_database_cannot_share_a_name() {
    refused(
        "services: { db: { image: a/b } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.databases.db",
        "tell them apart",
        "rename",
    );
}

#[test]
fn rule_15_two_components_whose_objects_would_share_a_name_are_told_with_both_paths() {
    refused(
        "services: { db-headless: { image: a/b } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.services.db-headless",
        "called `db-headless`, which is taken by spec.databases.db",
        "rename",
    );
}

#[test]
fn the_name_of_the_read_only_service_is_kept_free() {
    refused(
        "services: { db-ro: { image: a/b } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.services.db-ro",
        "taken by spec.databases.db",
        "rename",
    );
}

#[test]
fn rule_15_an_unknown_name_in_uses_is_answered_with_the_nearest_one() {
    refused(
        "services: { web: { image: a/b, uses: [oders] }, orders: { image: a/b } }",
        "spec.services.web.uses[0]",
        "`oders` is not a component",
        "did you mean `orders`?",
    );
}

#[test]
fn an_unknown_name_that_is_like_none_is_to_be_added() {
    refused(
        "services: { web: { image: a/b, uses: [payments] } }",
        "spec.services.web.uses[0]",
        "not a component",
        "add the component",
    );
}

#[test]
fn a_service_cannot_use_itself() {
    refused("services: { web: { image: a/b, uses: [web] } }", "spec.services.web.uses[0]", "uses itself", "remove");
}

#[test]
fn a_component_is_used_once() {
    refused(
        "services: { web: { image: a/b, uses: [db], usesOptional: [db] } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.services.web.usesOptional[0]",
        "used in spec.services.web.uses[0] already",
        "remove",
    );
}

#[test]
fn rule_5_a_cycle_of_uses_is_refused_with_its_path() {
    refused(
        "services: { web: { image: a/b, uses: [api] }, api: { image: a/b, uses: [web] } }",
        "spec.services.api.uses",
        "api → web → api",
        "usesOptional",
    );
}

#[test]
fn a_binding_for_a_component_that_is_not_used_is_refused() {
    refused(
        "services: { web: { image: a/b, uses: [db], bindings: { bd: { env: { U: uri } } } } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.services.web.bindings.bd",
        "does not use `bd`",
        "did you mean `db`?",
    );
}

#[test]
fn a_binding_names_keys_that_the_component_gives() {
    refused(
        "services: { web: { image: a/b, uses: [db], bindings: { db: { env: { U: url } } } } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.services.web.bindings.db.env.U",
        "`url` is not something that `db` gives",
        "did you mean `uri`?",
    );
}

#[test]
fn an_open_cache_gives_no_password() {
    refused(
        "services: { web: { image: a/b, uses: [db], bindings: { db: { env: { P: password } } } } }\ndatabases: { db: { engine: redis, ephemeral: true, auth: None } }",
        "spec.services.web.bindings.db.env.P",
        "`password` is not something",
        "`host`, `port`, `addr`, `uri`",
    );
}

#[test]
fn a_worker_has_no_address_to_bind() {
    refused(
        "services: { web: { image: a/b, uses: [job], bindings: { job: { env: { H: host } } } }, job: { image: a/b } }",
        "spec.services.web.bindings.job.env.H",
        "no port",
        "remove the binding",
    );
}

#[test]
fn a_bound_variable_has_a_valid_name() {
    refused(
        "services: { web: { image: a/b, uses: [db], bindings: { db: { env: { 1A: uri } } } } }\ndatabases: { db: { engine: redis, ephemeral: true } }",
        "spec.services.web.bindings.db.env.1A",
        "name of an environment variable",
        "digit",
    );
}

#[test]
fn two_components_that_give_the_same_variable_are_refused() {
    refused(
        "services: { web: { image: a/b, uses: [a, a-b] }, a: { image: a/b, ports: { http: 80, b: 81 } }, a-b: { image: a/b, port: 80 } }",
        "spec.services.web.uses",
        "both give `A_B_PORT`, `A_B_URL`",
        "rename",
    );
}

#[test]
fn two_bindings_that_give_the_same_variable_are_refused() {
    refused(
        "services: { web: { image: a/b, uses: [db, dc], bindings: { db: { env: { U: uri } }, dc: { env: { U: uri } } } } }\ndatabases: { db: { engine: redis, ephemeral: true }, dc: { engine: redis, ephemeral: true } }",
        "spec.services.web.uses",
        "both give `U`",
        "rename",
    );
}

#[test]
fn replicas_and_scale_exclude_each_other() {
    refused(
        "services: { web: { image: a/b, replicas: 1, scale: { max: 2, cpu: 70 }, resources: { cpu: 1 } } }",
        "spec.services.web.replicas",
        "exclude each other",
        "remove one",
    );
}

#[test]
fn a_count_is_not_negative() {
    refused("services: { web: { image: a/b, replicas: -1 } }", "spec.services.web.replicas", "-1 is not a count", "0 to 10000");
}

#[test]
fn the_range_of_an_autoscaler_is_not_empty() {
    refused(
        "services: { web: { image: a/b, scale: { min: 3, max: 2, cpu: 70 }, resources: { cpu: 1 } } }",
        "spec.services.web.scale",
        "from 3 to 2",
        "at least `min`",
    );
}

#[test]
fn an_autoscaler_needs_a_target() {
    refused("services: { web: { image: a/b, scale: { max: 2 } } }", "spec.services.web.scale", "needs a target", "set `cpu`");
}

#[test]
fn a_processor_target_needs_a_processor_request() {
    refused(
        "services: { web: { image: a/b, scale: { max: 2, cpu: 70 } } }",
        "spec.services.web.scale.cpu",
        "could not compute",
        "set `resources.cpu`",
    );
}

#[test]
fn a_memory_target_needs_a_memory_request() {
    refused(
        "services: { web: { image: a/b, scale: { max: 2, memory: 70 }, resources: { cpu: 1 } } }",
        "spec.services.web.scale.memory",
        "could not compute",
        "set `resources.memory`",
    );
}

#[test]
fn a_target_is_a_percentage() {
    refused(
        "services: { web: { image: a/b, scale: { max: 2, cpu: 0 }, resources: { cpu: 1 } } }",
        "spec.services.web.scale.cpu",
        "0 is not a target",
        "1 to 1000",
    );
}

#[test]
fn an_image_is_a_reference() {
    refused("services: { web: { image: 'a b' } }", "spec.services.web.image", "`a b` is not a reference", "ghcr.io");
}

#[test]
fn port_and_ports_exclude_each_other() {
    refused(
        "services: { web: { image: a/b, port: 80, ports: { grpc: 90 } } }",
        "spec.services.web.port",
        "short form",
        "keep one",
    );
}

#[test]
fn a_port_is_a_number() {
    refused(
        "services: { web: { image: a/b, port: http } }",
        "spec.services.web.port",
        "`http` is not a port",
        "[SERVICE:]CONTAINER[/PROTOCOL]",
    );
}

#[test]
fn a_port_is_at_most_65535() {
    refused(
        "services: { web: { image: a/b, ports: { http: '80:65536' } } }",
        "spec.services.web.ports.http",
        "`80:65536` is not a port",
        "65535",
    );
}

#[test]
fn a_protocol_is_known() {
    refused(
        "services: { web: { image: a/b, port: 80/grcp } }",
        "spec.services.web.port",
        "`grcp` is not a protocol",
        "did you mean `grpc`?",
    );
}

#[test]
fn a_port_is_named_by_the_iana_rule() {
    refused(
        "services: { web: { image: a/b, ports: { much-too-long-name: 80 } } }",
        "spec.services.web.ports.much-too-long-name",
        "not a name for a port",
        "15 lower-case",
    );
}

#[test]
fn two_ports_of_the_service_are_not_the_same() {
    refused(
        "services: { web: { image: a/b, ports: { http: '80:8080', web: '80:8081' } } }",
        "spec.services.web.ports.web",
        "port 80 of the Service is taken by `http`",
        "another number",
    );
}

#[test]
fn two_ports_of_the_container_are_not_the_same() {
    refused(
        "services: { web: { image: a/b, ports: { http: '80:8080', web: '81:8080' } } }",
        "spec.services.web.ports.web",
        "port 8080 of the container is taken by `http`",
        "another number",
    );
}

#[test]
fn an_exposed_service_has_a_port() {
    refused(
        "services: { web: { image: a/b, expose: [{ host: a.example.com }] } }",
        "spec.services.web.expose[0]",
        "has no port",
        "add the `port`",
    );
}

#[test]
fn a_route_names_a_port_that_exists() {
    refused(
        "services: { web: { image: a/b, ports: { http: 80, admin: 81 }, expose: [{ port: amdin }] } }",
        "spec.services.web.expose[0].port",
        "`amdin` is not a port",
        "did you mean `admin`?",
    );
}

#[test]
fn a_route_says_which_of_several_ports_it_means() {
    refused(
        "services: { web: { image: a/b, ports: { a: 80, b: 81 }, expose: [{}] } }",
        "spec.services.web.expose[0].port",
        "none is called `http`",
        "choose one of `a`, `b`",
    );
}

#[test]
fn a_route_leads_to_a_tcp_port() {
    refused(
        "services: { web: { image: a/b, port: 80/UDP, expose: [{}] } }",
        "spec.services.web.expose[0].port",
        "UDP",
        "TCP port",
    );
}

#[test]
fn a_host_is_a_host_name() {
    refused(
        "services: { web: { image: a/b, port: 80, expose: [{ host: 'https://a.example.com' }] } }",
        "spec.services.web.expose[0].host",
        "not a host name",
        "without scheme",
    );
}

#[test]
fn an_address_is_no_host_name() {
    refused(
        "services: { web: { image: a/b, port: 80, expose: [{ host: 10.0.0.1 }] } }",
        "spec.services.web.expose[0].host",
        "not a host name",
        "shop.example.com",
    );
}

#[test]
fn a_path_prefix_is_absolute_and_plain() {
    refused(
        "services: { web: { image: a/b, port: 80, expose: [{ path: /a/../b }] } }",
        "spec.services.web.expose[0].path",
        "not a path prefix",
        "`..`",
    );
}

#[test]
fn one_host_and_path_lead_to_one_service() {
    refused(
        "services: { a: { image: a/b, port: 80, expose: [{}] }, b: { image: a/b, port: 80, expose: [{}] } }",
        "spec.services.b.expose[0]",
        "those of spec.services.a.expose[0]",
        "change the `host`",
    );
}

#[test]
fn a_gateway_has_a_valid_name() {
    refused("routing: { gateway: { name: Public } }", "spec.routing.gateway.name", "no name for a Gateway", "lower-case");
}

#[test]
fn a_listener_has_a_valid_name() {
    refused(
        "routing: { gateway: { name: public, sectionName: A_B } }",
        "spec.routing.gateway.sectionName",
        "no name for a listener",
        "lower-case",
    );
}

#[test]
fn a_gateway_is_in_a_valid_namespace() {
    refused(
        "routing: { gateway: { name: public, namespace: a.b } }",
        "spec.routing.gateway.namespace",
        "name of a namespace",
        "lower-case",
    );
}

#[test]
fn an_ingress_class_has_a_valid_name() {
    refused("routing: { ingressClassName: Nginx }", "spec.routing.ingressClassName", "no name for an IngressClass", "lower-case");
}

#[test]
fn health_and_ready_exclude_each_other() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { http: / }, ready: { http: / } } }",
        "spec.services.web.health",
        "short form",
        "keep one",
    );
}

#[test]
fn a_check_says_how() {
    refused("services: { web: { image: a/b, port: 80, live: {} } }", "spec.services.web.live", "does not say how", "give one of");
}

#[test]
fn a_check_is_of_one_kind() {
    refused(
        "services: { web: { image: a/b, port: 80, ready: { http: /, exec: [a] } } }",
        "spec.services.web.ready",
        "several ways",
        "keep one",
    );
}

#[test]
fn a_check_of_a_worker_is_a_command() {
    refused(
        "services: { web: { image: a/b, health: { http: / } } }",
        "spec.services.web.health",
        "has no port",
        "add the `port`",
    );
}

#[test]
fn a_check_names_a_port_that_exists() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { http: /, port: admin } } }",
        "spec.services.web.health.port",
        "not a port of this service",
        "choose one of `http`",
    );
}

#[test]
fn a_checked_path_is_absolute() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { http: healthz } } }",
        "spec.services.web.health.http",
        "absolute path",
        "start it with `/`",
    );
}

#[test]
fn a_checking_command_is_not_empty() {
    refused("services: { web: { image: a/b, health: { exec: [] } } }", "spec.services.web.health.exec", "empty", "list");
}

#[test]
fn a_checking_command_has_no_port() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { exec: [a], port: http } } }",
        "spec.services.web.health.port",
        "needs no port",
        "remove `port`",
    );
}

#[test]
fn a_time_is_a_duration() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { http: /, startup: soon } } }",
        "spec.services.web.health.startup",
        "`soon` is not a duration",
        "1m30s",
    );
}

#[test]
fn a_time_is_at_least_a_second() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { http: /, period: 0s } } }",
        "spec.services.web.health.period",
        "no time at all",
        "60s",
    );
}

#[test]
fn failures_are_counted_from_one() {
    refused(
        "services: { web: { image: a/b, port: 80, health: { http: /, failures: 0 } } }",
        "spec.services.web.health.failures",
        "0 is not a count",
        "1 to 1000",
    );
}

#[test]
fn a_variable_of_the_stack_has_a_valid_name() {
    refused("config: { A=B: 1 }", "spec.config.A=B", "name of an environment variable", "letters");
}

#[test]
fn a_variable_of_a_service_has_a_valid_name() {
    refused(
        "services: { web: { image: a/b, config: { 1A: 1 } } }",
        "spec.services.web.config.1A",
        "name of an environment variable",
        "digit",
    );
}

#[test]
fn a_file_lies_at_an_absolute_path() {
    refused(
        "services: { web: { image: a/b, files: { etc/app: x } } }",
        "spec.services.web.files[etc/app]",
        "not an absolute path",
        "/etc/app/app.toml",
    );
}

#[test]
fn a_file_does_not_climb() {
    refused(
        "services: { web: { image: a/b, files: { /etc/../app: x } } }",
        "spec.services.web.files[/etc/../app]",
        "not an absolute path",
        "`..`",
    );
}

#[test]
fn a_file_lies_outside_the_scratch_folders() {
    refused(
        "services: { web: { image: a/b, scratch: [/tmp], files: { /tmp/app: x } } }",
        "spec.services.web.files[/tmp/app]",
        "empty at each start",
        "move the file",
    );
}

#[test]
fn a_file_does_not_lie_inside_a_file() {
    refused(
        "services: { web: { image: a/b, files: { /etc/a: first, /etc/a/b: second } } }",
        "spec.services.web.files[/etc/a/b]",
        "`/etc/a` is a file",
        "move one",
    );
}

#[test]
fn a_scratch_folder_is_absolute() {
    refused("services: { web: { image: a/b, scratch: [tmp] } }", "spec.services.web.scratch[0]", "not an absolute path", "`..`");
}

#[test]
fn a_scratch_folder_is_given_once() {
    refused("services: { web: { image: a/b, scratch: [/tmp, /tmp] } }", "spec.services.web.scratch[1]", "given twice", "remove");
}

#[test]
fn a_secret_has_a_valid_name() {
    refused(
        "services: { web: { image: a/b, secrets: [Stripe_Key] } }",
        "spec.services.web.secrets[0]",
        "name of a Secret",
        "lower-case",
    );
}

#[test]
fn a_secret_is_given_once() {
    refused("services: { web: { image: a/b, secrets: [a, a] } }", "spec.services.web.secrets[1]", "given twice", "remove");
}

#[test]
fn an_amount_of_memory_is_a_quantity() {
    refused(
        "services: { web: { image: a/b, resources: { memory: 1GB } } }",
        "spec.services.web.resources.memory",
        "`1GB` is not a quantity",
        "`256Mi`",
    );
}

#[test]
fn an_amount_is_more_than_nothing() {
    refused(
        "services: { web: { image: a/b, resources: { limits: { cpu: 0 } } } }",
        "spec.services.web.resources.limits.cpu",
        "is nothing",
        "`250m`",
    );
}

#[test]
fn a_request_is_not_over_its_limit() {
    refused(
        "services: { web: { image: a/b, resources: { memory: 1Gi, limits: { memory: 512Mi } } } }",
        "spec.services.web.resources.memory",
        "no instance could start",
        "raise `limits.memory`",
    );
}

#[test]
fn restricted_does_not_run_as_root() {
    refused(
        "services: { web: { image: a/b, security: { profile: Restricted, runAsUser: 0 } } }",
        "spec.services.web.security.runAsUser",
        "does not admit the user 0",
        "10001",
    );
}

#[test]
fn root_of_the_stack_under_restricted_is_told_once_where_it_is_written() {
    refused(
        "security: { profile: Restricted, runAsUser: 0 }\nservices: { a: { image: a/b }, b: { image: a/b } }",
        "spec.security.runAsUser",
        "does not admit the user 0",
        "10001",
    );
}

#[test]
fn a_user_is_an_id() {
    refused(
        "services: { web: { image: a/b, security: { runAsUser: -5 } } }",
        "spec.services.web.security.runAsUser",
        "-5 is not an id",
        "2147483647",
    );
}

#[test]
fn a_database_says_where_its_data_is() {
    refused("databases: { db: { engine: postgres } }", "spec.databases.db", "keeps its data on a volume", "exactly one");
}

#[test]
fn storage_and_ephemeral_exclude_each_other() {
    refused(
        "databases: { db: { engine: redis, ephemeral: true, storage: { size: 1Gi } } }",
        "spec.databases.db",
        "keeps its data on a volume",
        "exactly one",
    );
}

#[test]
fn a_size_is_a_quantity() {
    refused(
        "databases: { db: { engine: redis, storage: { size: big } } }",
        "spec.databases.db.storage.size",
        "`big` is not a quantity",
        "`20Gi`",
    );
}

#[test]
fn a_storage_class_has_a_valid_name() {
    refused(
        "databases: { db: { engine: redis, storage: { size: 1Gi, class: Fast_One } } }",
        "spec.databases.db.storage.class",
        "name of a StorageClass",
        "lower-case",
    );
}

#[test]
fn rule_10_more_instances_than_the_recipe_replicates_are_refused() {
    refused(
        "databases: { db: { engine: mariadb, storage: { size: 1Gi }, instances: 2 } }",
        "spec.databases.db.instances",
        "2 separate databases behind one name is data loss",
        "set `instances: 1`",
    );
}

#[test]
fn rule_10_copies_of_a_database_that_comes_back_empty_are_refused() {
    refused(
        "databases: { db: { engine: valkey, ephemeral: true, instances: 2 } }",
        "spec.databases.db.instances",
        "would come back empty from any restart",
        "give it `storage`",
    );
}

#[test]
fn rule_10_members_of_a_cluster_are_as_many_as_can_agree_and_keep_what_they_agreed_to() {
    let cluster = |database: &str, path: &str, reason: &str, fix: &str| {
        for engine in ["nats", "rabbitmq"] {
            let spec = format!("databases: {{ db: {{ engine: {engine}, {database} }} }}");
            refused(&spec, &format!("spec.databases.db.{path}"), reason, fix);
        }
    };
    for count in [2, 4, 7] {
        let database = format!("storage: {{ size: 1Gi }}, instances: {count}");
        cluster(&database, "instances", "more than half of them have to run", "choose 1, 3 or 5");
    }
    cluster("ephemeral: true, instances: 3", "instances", "has forgotten what it agreed to", "give it `storage`");
    cluster(
        "storage: { size: 1Gi }, instances: 3, credentials: { secret: mine }",
        "credentials",
        "only a generated Secret has",
        "remove `credentials`",
    );
}

#[test]
fn a_database_has_an_instance() {
    refused(
        "databases: { db: { engine: redis, ephemeral: true, instances: 0 } }",
        "spec.databases.db.instances",
        "0 is not a count",
        "1 to 9",
    );
}

#[test]
fn a_version_is_one_of_the_table() {
    refused(
        "databases: { db: { engine: postgres, version: 9, storage: { size: 1Gi } } }",
        "spec.databases.db.version",
        "9 is not a version of this engine that is known",
        "14, 15, 16, 17",
    );
}

#[test]
fn a_version_is_made_of_numbers() {
    refused(
        "databases: { db: { engine: postgres, version: 17-alpine, storage: { size: 1Gi } } }",
        "spec.databases.db.version",
        "`17-alpine` is not a version",
        "set `image`",
    );
}

#[test]
fn version_and_tag_agree() {
    refused(
        "databases: { db: { engine: postgres, version: 17, image: 'mirror/postgres:16.2', storage: { size: 1Gi } } }",
        "spec.databases.db.version",
        "the image's tag says 16.2",
        "make them agree",
    );
}

#[test]
fn credentials_and_open_access_exclude_each_other() {
    refused(
        "databases: { db: { engine: redis, ephemeral: true, auth: None, credentials: { secret: a } } }",
        "spec.databases.db.auth",
        "exclude each other",
        "remove one",
    );
}

#[test]
fn an_engine_that_cannot_is_not_open() {
    refused(
        "databases: { db: { engine: postgres, storage: { size: 1Gi }, auth: None } }",
        "spec.databases.db.auth",
        "does not run without authentication",
        "remove `auth`",
    );
}

#[test]
fn given_credentials_have_a_valid_name() {
    refused(
        "databases: { db: { engine: redis, ephemeral: true, credentials: { secret: A_B } } }",
        "spec.databases.db.credentials.secret",
        "name of a Secret",
        "lower-case",
    );
}

#[test]
fn an_engine_without_init_runs_no_files() {
    refused(
        "databases: { db: { engine: redis, ephemeral: true, init: { a.sql: x } } }",
        "spec.databases.db.init",
        "runs no files",
        "remove `init`",
    );
}

#[test]
fn an_init_file_has_a_plain_name() {
    refused(
        "databases: { db: { engine: postgres, storage: { size: 1Gi }, init: { a/b.sql: x } } }",
        "spec.databases.db.init[a/b.sql]",
        "name of an init file",
        "01-schema.sql",
    );
}

#[test]
fn the_recipe_s_own_variables_stay() {
    refused(
        "databases: { db: { engine: postgres, storage: { size: 1Gi }, env: { PGDATA: /x } } }",
        "spec.databases.db.env.PGDATA",
        "the data depends on it",
        "remove it",
    );
}

#[test]
fn fields_of_a_custom_engine_are_for_custom_engines() {
    refused(
        "databases: { db: { engine: redis, ephemeral: true, port: 1 } }",
        "spec.databases.db.port",
        "known for this engine",
        "engine: custom",
    );
}

#[test]
fn a_custom_engine_needs_an_image() {
    refused(
        "databases: { db: { engine: custom, ephemeral: true, port: 1 } }",
        "spec.databases.db.image",
        "needs `image`",
        "add it",
    );
}

#[test]
fn a_custom_engine_needs_a_port() {
    refused(
        "databases: { db: { engine: custom, ephemeral: true, image: a/b } }",
        "spec.databases.db.port",
        "needs `port`",
        "add it",
    );
}

#[test]
fn a_custom_engine_with_a_volume_needs_its_folder() {
    refused(
        "databases: { db: { engine: custom, image: a/b, port: 1, storage: { size: 1Gi } } }",
        "spec.databases.db.dataPath",
        "mounted at",
        "`/data`",
    );
}

#[test]
fn rule_15_all_violations_are_reported_together() {
    let spec = "services: { web: { image: '', uses: [api], port: x }, Api: { image: a/b, scale: { max: 0 } } }\ndatabases: { db: { engine: postgres } }";
    let violations = check(&stack(spec), &Facts::default()).unwrap_err();
    let paths: Vec<&str> = violations.0.iter().map(|violation| violation.path.as_str()).collect();
    let expected = [
        "spec.databases.db",
        "spec.services.Api",
        "spec.services.Api.scale",
        "spec.services.Api.scale",
        "spec.services.web.image",
        "spec.services.web.port",
        "spec.services.web.uses[0]",
    ];
    assert_eq!(paths, expected);
    assert_eq!(violations.to_string().lines().count(), expected.len());
}

#[test]
fn a_stack_is_named_like_a_dns_label() {
    let mut object = stack("config: {}");
    object.metadata.name = Some("a.b".to_owned());
    let violations = check(&object, &Facts::default()).unwrap_err();
    assert_eq!(violations.0[0].path, "metadata.name");
}

#[test]
fn more_than_a_config_map_holds_is_refused() {
    let mut object = stack("services: { web: { image: a/b } }");
    let service = object.spec.services.get_mut("web").unwrap();
    service.files.insert("/etc/large".to_owned(), "x".repeat(1_000_000));
    let violations = check(&object, &Facts::default()).unwrap_err();
    assert_eq!(violations.0[0].path, "spec.services.web.files");
}

#[test]
fn a_use_of_a_component_whose_profile_is_off_is_told_with_the_profile() {
    refused(
        "services: { web: { image: a/b, uses: [extra] }, extra: { image: a/b, profiles: [full, demo] } }",
        "spec.services.web.uses[0]",
        "exists only with the profile `full` or `demo`, which is off",
        "add `full` to spec.profiles",
    );
}

#[test]
fn a_component_exists_only_when_one_of_its_profiles_is_on_and_what_does_not_exist_is_not_judged() {
    let spec = "profiles: [dmo, demo]\nservices: { web: { image: a/b, usesOptional: [extra] }, extra: { image: '!', profiles: [full] }, show: { image: a/b, profiles: [demo] } }";
    let checked = check(&stack(spec), &Facts::default()).unwrap();
    assert_eq!(checked.services.keys().collect::<Vec<_>>(), ["show", "web"]);
    assert_eq!(checked.services["web"].uses, []);
    let [notice] = checked.notices.as_slice() else { panic!("{:#?}", checked.notices) };
    assert_eq!(notice.to_string(), "spec.profiles[0]: no component has the profile `dmo`; did you mean `demo`?");
}

#[test]
fn a_database_outside_the_stack_needs_its_secret() {
    refused("databases: { db: { engine: external } }", "spec.databases.db.credentials", "where it is", "credentials");
}

#[test]
fn a_database_outside_the_stack_has_no_fields_of_one_that_is_run() {
    for field in [
        "version: 17",
        "image: a/b",
        "instances: 1",
        "storage: { size: 1Gi }",
        "ephemeral: true",
        "onDelete: Delete",
        "env: { A: b }",
    ] {
        let path = format!("spec.databases.db.{}", field.split(':').next().unwrap());
        let spec = format!("databases: {{ db: {{ engine: external, credentials: {{ secret: db }}, {field} }} }}");
        refused(&spec, &path, "not run here", "remove it");
    }
}

#[test]
fn memcached_has_neither_storage_nor_users() {
    refused(
        "databases: { c: { engine: memcached, storage: { size: 1Gi } } }",
        "spec.databases.c.storage",
        "keeps everything in memory",
        "`ephemeral: true`",
    );
    refused(
        "databases: { c: { engine: memcached, ephemeral: true, credentials: { secret: s } } }",
        "spec.databases.c.credentials",
        "knows no users",
        "remove",
    );
}

#[test]
fn only_what_holds_data_of_its_consumers_is_shared() {
    refused(
        "databases: { c: { engine: valkey, ephemeral: true, shared: true } }",
        "spec.databases.c.shared",
        "to be used by many",
        "remove",
    );
}

#[test]
fn a_count_of_connections_is_a_number_that_the_engine_can_be_given() {
    refused(
        "databases: { q: { engine: rabbitmq, ephemeral: true, maxConnections: 9 } }",
        "spec.databases.q.maxConnections",
        "no fixed number of connections",
        "remove",
    );
    refused(
        "databases: { q: { engine: redis, ephemeral: true, maxConnections: 0 } }",
        "spec.databases.q.maxConnections",
        "0 is not a count",
        "1 to 1000000",
    );
}

#[test]
fn a_pool_is_of_connections_to_a_database() {
    refused(
        "services: { a: { image: a/b, port: 80 }, b: { image: a/b, uses: [a], bindings: { a: { pool: 5 } } } }",
        "spec.services.b.bindings.a.pool",
        "this is a service",
        "remove",
    );
    refused(
        "services: { b: { image: a/b, uses: [a], bindings: { a: { pool: 0 } } } }\ndatabases: { a: { engine: redis, ephemeral: true } }",
        "spec.services.b.bindings.a.pool",
        "0 is not a count",
        "1 to 10000",
    );
}

/// The notices of a spec without violations.
fn notices(spec: &str) -> Vec<String> {
    check(&stack(spec), &Facts::default()).unwrap().notices.iter().map(ToString::to_string).collect()
}

#[test]
fn a_second_consumer_of_a_database_is_a_warning_unless_it_is_shared() {
    let spec = |orders: &str| {
        format!(
            "services: {{ a: {{ image: a/b, uses: [orders] }}, b: {{ image: a/b, usesOptional: [orders] }} }}\ndatabases: {{ orders: {{ ephemeral: true, {orders} }} }}"
        )
    };
    let told = notices(&spec("engine: mysql"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("spec.databases.orders.shared: `a` and `b` use it"), "{told:?}");
    assert_eq!(notices(&spec("engine: mysql, shared: true")), [""; 0]);
    assert_eq!(notices(&spec("engine: valkey")), [""; 0]);
}

#[test]
fn the_most_instances_times_the_pools_are_reckoned_against_the_connections_and_told_with_the_figures() {
    let spec = |orders: &str| {
        format!(
            "services:
  api: {{ image: a/b, scale: {{ min: 1, max: 9, cpu: 70 }}, resources: {{ cpu: 1 }}, uses: [orders], bindings: {{ orders: {{ pool: 10 }} }} }}
  job: {{ image: a/b, replicas: 2, uses: [orders], bindings: {{ orders: {{ pool: 4 }} }} }}
  cron: {{ image: a/b, uses: [orders] }}
databases: {{ orders: {{ engine: postgres, ephemeral: true, shared: true, {orders} }} }}"
        )
    };
    let told = notices(&spec(""));
    assert_eq!(told.len(), 1, "{told:?}");
    let figures = "its consumers open up to 98 connections (`api` 9 × 10, `job` 2 × 4), and it admits 97 (besides 3 that the engine keeps for itself)";
    assert!(told[0].contains(figures), "{told:?}");
    assert_eq!(notices(&spec("maxConnections: 101")), [""; 0]);
}
