//! One service.
use std::collections::BTreeMap;

use super::super::{Count, Resources, SecretRef, Service, ServiceNames, Violations};
use super::{Parts, Scope, environment, files, isolation, probes, resources, routes, security, spelling, uses};
use crate::api;
use crate::codes::Code;

const MOST_INSTANCES: i32 = 10_000;

/// All services.
pub fn check_all(scope: Scope, known: &Parts, found: &mut Violations) -> BTreeMap<String, Service> {
    let check = |(name, service): (&String, &api::Service)| (name.clone(), check(scope, known, name, service, found));
    scope.spec.services.iter().map(check).collect()
}

fn check(scope: Scope, known: &Parts, name: &str, service: &api::Service, found: &mut Violations) -> Service {
    let path = format!("spec.services.{name}");
    let ports = known.ports.get(name).cloned().unwrap_or_default();
    let resources = resources::check(&format!("{path}.resources"), service.resources.as_ref(), found);
    let scratch = files::scratch(&format!("{path}.scratch"), service.scratch.as_deref().unwrap_or_default(), found);
    judge_image(&format!("{path}.image"), &service.image, found);
    Service {
        name: name.to_owned(),
        objects: ServiceNames::new(scope.names, scope.stack, name),
        image: service.image.clone(),
        command: service.command.clone().unwrap_or_default(),
        args: service.args.clone().unwrap_or_default(),
        count: count(&path, service, &resources, found),
        routes: routes::check(&path, service, &ports, found),
        doors: isolation::of_service(&path, service, &ports, known.egress, found),
        uses: uses::check(name, service, known, found),
        config: environment::config(&format!("{path}.config"), &service.config, found),
        files: files::files(&format!("{path}.files"), &service.files, &scratch, found),
        scratch,
        secrets: secrets(scope, &path, service, found),
        probes: probes::check(&path, service, &ports, found),
        security: security::of_service(scope, &format!("{path}.security"), service.security.as_ref(), found),
        resources,
        ports,
    }
}

/// Judges a reference to an image, as far as no registry has to be asked.
pub fn judge_image(path: &str, image: &str, found: &mut Violations) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    let ends = |c: char| c.is_ascii_alphanumeric();
    if image.is_empty() || !image.chars().all(plain) || !image.starts_with(ends) || !image.ends_with(ends) {
        found.add(
            Code::Image,
            path,
            format!("`{image}` is not a reference to an image"),
            "write it like `ghcr.io/acme/api:2.4.0`",
        );
    }
}

fn count(path: &str, service: &api::Service, resources: &Resources, found: &mut Violations) -> Count {
    let Some(scale) = &service.scale else {
        let replicas = service.replicas.unwrap_or(1);
        if !(0..=MOST_INSTANCES).contains(&replicas) {
            let reason = format!("{replicas} is not a count of instances");
            found.add(Code::Count, format!("{path}.replicas"), reason, format!("choose one from 0 to {MOST_INSTANCES}"));
        }
        return Count::Fixed(replicas);
    };
    if service.replicas.is_some() {
        let reason = "`replicas` and `scale` exclude each other: either a fixed count, or an autoscaler that owns the count";
        found.add(Code::ReplicasAndScale, format!("{path}.replicas"), reason, "remove one of them");
    }
    let path = format!("{path}.scale");
    let min = scale.min.unwrap_or(1);
    if min < 1 || min > scale.max || scale.max > MOST_INSTANCES {
        let reason = format!("from {min} to {} is not a range of instances", scale.max);
        found.add(
            Code::ScaleRange,
            &path,
            reason,
            format!("let `min` be at least 1, and `max` at least `min` and at most {MOST_INSTANCES}"),
        );
    }
    if scale.cpu.is_none() && scale.memory.is_none() {
        let fix = "set `cpu`, `memory` or both, in percent of the requested resources";
        found.add(Code::NoTarget, &path, "an autoscaler needs a target", fix);
    }
    judge_target(&path, "cpu", scale.cpu, resources, found);
    judge_target(&path, "memory", scale.memory, resources, found);
    Count::Scaled { min, max: scale.max, cpu: scale.cpu, memory: scale.memory }
}

fn judge_target(path: &str, name: &str, target: Option<i32>, resources: &Resources, found: &mut Violations) {
    let Some(target) = target else { return };
    let path = format!("{path}.{name}");
    if !(1..=1000).contains(&target) {
        found.add(Code::Target, &path, format!("{target} is not a target"), "choose one from 1 to 1000, in percent");
    }
    // A limit without a request counts as the request.
    if !resources.requests.contains_key(name) && !resources.limits.contains_key(name) {
        let reason = format!("it is in percent of `resources.{name}`, which is not set, so the autoscaler could not compute it");
        let example = if name == "cpu" { "250m" } else { "256Mi" };
        found.add(Code::TargetWithoutRequest, path, reason, format!("set `resources.{name}`, such as `{example}`"));
    }
}

fn secrets(scope: Scope, path: &str, service: &api::Service, found: &mut Violations) -> Vec<SecretRef> {
    let names = service.secrets.as_deref().unwrap_or_default();
    for (n, name) in names.iter().enumerate() {
        let path = format!("{path}.secrets[{n}]");
        judge_secret(&path, name, found);
        if names[..n].contains(name) {
            found.add(Code::SecretTwice, path, format!("`{name}` is given twice"), "remove one of the two");
        }
    }
    names.iter().map(|name| scope.secret(name)).collect()
}

/// Judges the name of a Secret.
pub fn judge_secret(path: &str, name: &str, found: &mut Violations) {
    if !spelling::is_dns_name(name) {
        let reason = format!("`{name}` cannot be the name of a Secret");
        found.add(Code::SecretName, path, reason, "use lower-case letters, digits, `-` and `.`");
    }
}
