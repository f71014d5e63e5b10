//! The pod template: one shape for services and databases, put together from its fragments.
mod discovery;
mod engine;
mod env;
mod guard;
mod probes;
mod secrets;
mod security;
mod volumes;

pub use guard::NAME as VOLUME_GUARD;
pub use secrets::SECRETS;
pub use volumes::DATA;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, Lifecycle, LifecycleHandler, PodSpec, PodTemplateSpec, ResourceRequirements, SleepAction,
    TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{filled, meta, service::CLIENT};
use crate::model::{Database, Port, Resources, Security, Service, Stack};

/// Time in which the addresses of an instance that goes away disappear everywhere, before it is told to end (rule 3).
const DRAIN_SECONDS: i64 = 5;
/// Time from the wish that an instance of a service ends to its killing, the drain included.
const GRACE_SECONDS: i64 = 45;
/// The same for a database, which writes out its state.
const DATABASE_GRACE_SECONDS: i64 = 120;

/// The template of a service's pods.
pub fn of_service(stack: &Stack, service: &Service) -> PodTemplateSpec {
    let container = Container {
        name: service.name.clone(),
        image: Some(service.image.clone()),
        command: filled(service.command.clone()),
        args: filled(service.args.clone()),
        ports: filled(container_ports(&service.ports)),
        env: Some(env::of_service(stack, service)),
        env_from: filled(secrets::env_from(service)),
        volume_mounts: filled(volumes::of_service_mounts(service)),
        resources: resources(&service.resources),
        readiness_probe: probes::ready(service),
        liveness_probe: probes::live(service),
        startup_probe: probes::startup(service),
        // A worker has no address that could linger.
        lifecycle: filled(service.ports.clone()).map(|_| drain()),
        security_context: Some(security::of_container(&service.security, false)),
        ..Container::default()
    };
    let spec = PodSpec {
        service_account_name: Some(service.objects.base.clone()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        volumes: filled(volumes::of_service(service)),
        ..spec(stack, &service.name, &service.security, container)
    };
    template(stack, &service.name, secrets::annotation(stack, service), spec)
}

/// The template of a database's pods.
pub fn of_database(stack: &Stack, database: &Database) -> PodTemplateSpec {
    let container = Container {
        name: database.name.clone(),
        image: Some(database.image.clone()),
        command: filled(database.command.clone()),
        args: filled(database.args.clone()),
        ports: Some(vec![container_port(CLIENT, database.recipe.port, "TCP")]),
        env: Some(engine::env(stack, database)),
        volume_mounts: filled(volumes::of_database_mounts(database)),
        resources: resources(&database.resources),
        readiness_probe: Some(probes::of_engine(&database.recipe)),
        security_context: Some(security::of_container(&database.security, volumes::writable_folders_are_known(database))),
        ..Container::default()
    };
    let spec = PodSpec {
        init_containers: guard::build(database).map(|guard| vec![guard]),
        termination_grace_period_seconds: Some(DATABASE_GRACE_SECONDS),
        volumes: filled(volumes::of_database(database)),
        ..spec(stack, &database.name, &database.security, container)
    };
    template(stack, &database.name, None, spec)
}

fn template(stack: &Stack, component: &str, annotations: Option<BTreeMap<String, String>>, spec: PodSpec) -> PodTemplateSpec {
    let labels = Some(meta::labels(stack, component));
    PodTemplateSpec { metadata: Some(ObjectMeta { labels, annotations, ..ObjectMeta::default() }), spec: Some(spec) }
}

/// What all pods have in common.
fn spec(stack: &Stack, component: &str, security: &Security, container: Container) -> PodSpec {
    PodSpec {
        containers: vec![container],
        automount_service_account_token: Some(false),
        // Discovery is by `uses`; the variables of every Service in the namespace would depend on what was there first.
        enable_service_links: Some(false),
        security_context: Some(security::of_pod(security)),
        topology_spread_constraints: Some(vec![spread(stack, component)]),
        ..PodSpec::default()
    }
}

/// Over the nodes as far as they go. A second constraint by zone would cancel this one on nodes without zones.
fn spread(stack: &Stack, component: &str) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector { match_labels: Some(meta::selector(stack, component)), ..LabelSelector::default() }),
        ..TopologySpreadConstraint::default()
    }
}

/// The sleep is the kubelet's: the image needs no shell.
fn drain() -> Lifecycle {
    let sleep = LifecycleHandler { sleep: Some(SleepAction { seconds: DRAIN_SECONDS }), ..LifecycleHandler::default() };
    Lifecycle { pre_stop: Some(sleep), ..Lifecycle::default() }
}

fn container_ports(ports: &[Port]) -> Vec<ContainerPort> {
    ports.iter().map(|port| container_port(&port.name, port.container, port.protocol)).collect()
}

fn container_port(name: &str, number: u16, protocol: &str) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number.into(),
        protocol: Some(protocol.to_owned()),
        ..ContainerPort::default()
    }
}

fn resources(resources: &Resources) -> Option<ResourceRequirements> {
    let quantities = |amounts: &BTreeMap<String, String>| {
        filled(amounts.iter().map(|(name, amount)| (name.clone(), Quantity(amount.clone()))).collect::<BTreeMap<_, _>>())
    };
    filled(ResourceRequirements {
        requests: quantities(&resources.requests),
        limits: quantities(&resources.limits),
        ..ResourceRequirements::default()
    })
}
