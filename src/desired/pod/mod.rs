//! The pod template: one shape for services and databases, put together from its fragments.
mod discovery;
mod engine;
mod env;
mod guard;
mod prepare;
mod probes;
mod secrets;
mod security;
mod volumes;

pub use guard::NAME as VOLUME_GUARD;
pub use prepare::NAME as PREPARE;
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
use crate::model::{Database, Port, RESTARTED_AT, Resources, Security, Service, Stack, Task, TaskKind};

/// Time in which the addresses of an instance that goes away disappear everywhere, before it is told to end (rule 3).
const DRAIN_SECONDS: i64 = 5;
/// Time from the wish that an instance of a service ends to its killing, the drain included.
const GRACE_SECONDS: i64 = 45;
/// The same for a database, which writes out its state.
const DATABASE_GRACE_SECONDS: i64 = 120;

const LAST_WORDS: &str = "FallbackToLogsOnError";

/// The template of a service's pods.
pub fn of_service(stack: &Stack, service: &Service) -> PodTemplateSpec {
    let container = Container {
        name: service.name.clone(),
        image: Some(service.image.clone()),
        command: filled(service.command.clone()),
        args: filled(service.args.clone()),
        ports: filled(container_ports(&service.ports)),
        env: Some(env::of_user(stack, &service.uses, &service.config)),
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
    let mut template = template(stack, &service.name, secrets::annotation(stack, service).unwrap_or_default(), spec);
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.extend(meta::edges(stack, &service.uses));
    template
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
        readiness_probe: Some(probes::of_engine(database)),
        security_context: Some(security::of_container(&database.security, volumes::writable_folders_are_known(database))),
        ..Container::default()
    };
    let spec = PodSpec {
        init_containers: filled(guard::build(database).into_iter().chain(prepare::build(stack, database)).collect()),
        termination_grace_period_seconds: Some(DATABASE_GRACE_SECONDS),
        volumes: filled(volumes::of_database(database)),
        ..spec(stack, &database.name, &database.security, container)
    };
    template(stack, &database.name, BTreeMap::new(), spec)
}

/// The template of a task's pod: a migration has all that its service has, but for ports and checks.
pub fn of_task(stack: &Stack, task: &Task) -> PodTemplateSpec {
    let service = stack.services.get(&task.name).filter(|_| task.kind == TaskKind::Migrate);
    let container = Container {
        name: task.kind.word().to_owned(),
        image: Some(task.image.clone()),
        command: filled(task.command.clone()),
        args: filled(task.args.clone()),
        env: Some(env::of_user(stack, &task.uses, &task.config)),
        env_from: service.and_then(|service| filled(secrets::env_from(service))),
        volume_mounts: service.and_then(|service| filled(volumes::of_service_mounts(service))),
        resources: resources(&task.resources),
        security_context: Some(security::of_container(&task.security, false)),
        ..Container::default()
    };
    let spec = PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: service.map(|service| service.objects.base.clone()),
        volumes: service.and_then(|service| filled(volumes::of_service(service))),
        ..bare(&task.security, container)
    };
    let mut labels = meta::edges(stack, &task.uses);
    labels.extend(meta::task_selector(stack, task));
    PodTemplateSpec { metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }), spec: Some(spec) }
}

/// A new time of a restart is a new template, and so it rolls.
fn template(stack: &Stack, component: &str, mut annotations: BTreeMap<String, String>, spec: PodSpec) -> PodTemplateSpec {
    let restarted = stack.restarts.get(component).map(|time| (RESTARTED_AT.to_owned(), time.clone()));
    annotations.extend(restarted);
    let (labels, annotations) = (Some(meta::labels(stack, component)), filled(annotations));
    PodTemplateSpec { metadata: Some(ObjectMeta { labels, annotations, ..ObjectMeta::default() }), spec: Some(spec) }
}

/// What all pods of components have in common.
fn spec(stack: &Stack, component: &str, security: &Security, container: Container) -> PodSpec {
    PodSpec { topology_spread_constraints: Some(vec![spread(stack, component)]), ..bare(security, container) }
}

/// What all pods have in common. The last lines of the log of a container that fails are its last words.
fn bare(security: &Security, container: Container) -> PodSpec {
    let container = Container { termination_message_policy: Some(LAST_WORDS.to_owned()), ..container };
    PodSpec {
        containers: vec![container],
        automount_service_account_token: Some(false),
        // Discovery is by `uses`; the variables of every Service in the namespace would depend on what was there first.
        enable_service_links: Some(false),
        security_context: Some(security::of_pod(security)),
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
