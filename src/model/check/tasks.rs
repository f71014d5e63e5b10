//! Migrations, tests and jobs.
use std::collections::BTreeMap;

use serde::Serialize;

use super::super::task::{Task, TaskKind};
use super::super::{Revision, Service, Violations, names};
use super::{Parts, Scope, duration, environment, resources, security, service, uses};
use crate::api;
use crate::codes::Code;

const TIMEOUT_SECONDS: i32 = 300;

/// All tasks: migrations in the order of the services' names, then tests, then jobs.
pub fn check_all(
    scope: Scope,
    known: &Parts,
    services: &BTreeMap<String, Service>,
    revision: &Revision,
    found: &mut Violations,
) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (name, written) in &scope.spec.services {
        if let (Some(migrate), Some(service)) = (&written.migrate, services.get(name)) {
            tasks.push(migration(scope, service, migrate, found));
        }
    }
    for (name, test) in &scope.spec.tests {
        let path = format!("spec.tests.{name}");
        let timeout = test.timeout.as_deref().map(|text| duration::seconds(&format!("{path}.timeout"), text, found));
        let kind = TaskKind::Test { gate: test.gate.unwrap_or_default(), timeout: timeout.unwrap_or(TIMEOUT_SECONDS) };
        tasks.push(task(scope, known, &path, (kind, name), &test.task, &revision.name, found));
    }
    for (name, job) in &scope.spec.jobs {
        tasks.push(task(scope, known, &format!("spec.jobs.{name}"), (TaskKind::Job, name), job, &canonical(job), found));
    }
    tasks
}

/// The Job of a migration is named by all that decides what it does: image, command and environment.
fn migration(scope: Scope, service: &Service, written: &api::Migrate, found: &mut Violations) -> Task {
    let path = format!("spec.services.{}.migrate", service.name);
    let image = written.image.as_ref().unwrap_or(&service.image);
    let args = written.args.clone().unwrap_or_default();
    if written.image.is_some() {
        service::judge_image(&format!("{path}.image"), image, found);
    }
    if written.command.is_empty() {
        let fix = "write the command, such as `[/app, migrate]`";
        found.add(Code::MigrateCommand, format!("{path}.command"), "a migration without a command would start the service", fix);
    }
    let mut targets: Vec<_> = service.uses.iter().map(|edge| (&edge.target, &edge.env)).collect();
    targets.sort();
    let secrets: Vec<&String> = service.secrets.iter().map(|secret| &secret.name).collect();
    let decides = (image, &written.command, &args, &scope.spec.config, &service.config, targets, secrets);
    Task {
        kind: TaskKind::Migrate,
        name: service.name.clone(),
        job: job(scope, TaskKind::Migrate, &service.name, &decides),
        policy: policy(scope, TaskKind::Migrate, &service.name),
        image: image.clone(),
        command: written.command.clone(),
        args,
        uses: service.uses.clone(),
        config: service.config.clone(),
        resources: service.resources.clone(),
        security: service.security.clone(),
        outward: service.doors.outward.clone(),
    }
}

fn task(
    scope: Scope,
    known: &Parts,
    path: &str,
    (kind, name): (TaskKind, &str),
    written: &api::Task,
    decides: &str,
    found: &mut Violations,
) -> Task {
    service::judge_image(&format!("{path}.image"), &written.image, found);
    Task {
        kind,
        name: name.to_owned(),
        job: job(scope, kind, name, &decides),
        policy: policy(scope, kind, name),
        image: written.image.clone(),
        command: written.command.clone().unwrap_or_default(),
        args: written.args.clone().unwrap_or_default(),
        uses: uses::of_task(path, written.uses.as_deref().unwrap_or_default(), known, found),
        config: environment::config(&format!("{path}.config"), &written.config, found),
        resources: resources::check(&format!("{path}.resources"), written.resources.as_ref(), found),
        security: security::of_service(scope, &format!("{path}.security"), written.security.as_ref(), found),
        outward: known.egress.cloned(),
    }
}

fn policy(scope: Scope, kind: TaskKind, name: &str) -> String {
    names::task_policy(scope.names, scope.stack, &format!("{}-{name}", kind.word()))
}

fn job(scope: Scope, kind: TaskKind, name: &str, decides: &impl Serialize) -> String {
    let decides = serde_json::to_string(&(scope.stack, name, decides)).unwrap_or_default();
    names::job(scope.names, scope.stack, &format!("{}-{name}", kind.word()), &decides)
}

/// The order of `uses` means nothing.
fn canonical(job: &api::Task) -> String {
    let mut job = job.clone();
    if let Some(uses) = &mut job.uses {
        uses.sort();
    }
    serde_json::to_string(&job).unwrap_or_default()
}
