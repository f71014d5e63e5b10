//! Edges: what a service uses, under which names it gets its variables, and the start order that follows.
use std::collections::{BTreeMap, BTreeSet};

use super::super::graph::Graph;
use super::super::{Component, Use, Violations, discovery};
use super::{Parts, environment, spelling};
use crate::api;
use crate::api::StackSpec;
use crate::codes::Code;

const LARGEST_POOL: i32 = 10_000;

/// The start order: waves of component names. A cycle is told with its path.
pub fn waves(spec: &StackSpec, found: &mut Violations) -> Vec<Vec<String>> {
    let mut graph = Graph::default();
    for name in spec.databases.keys() {
        graph.node(name);
    }
    for (name, service) in &spec.services {
        graph.node(name);
        // A service that uses itself is told apart, in words of its own.
        for other in service.uses.iter().flatten().filter(|other| *other != name) {
            graph.edge(name, other);
        }
    }
    match graph.waves() {
        Ok(waves) => waves.into_iter().map(|wave| wave.into_iter().map(str::to_owned).collect()).collect(),
        Err(cycle) => {
            found.add(
                Code::Cycle,
                format!("spec.services.{}.uses", cycle[0]),
                format!("{} is a cycle, so none of them could start first", cycle.join(" → ")),
                "move one of these edges to `usesOptional`: the same variables, but no order",
            );
            Vec::new()
        }
    }
}

/// What a service uses, hard edges first.
pub fn check(name: &str, service: &api::Service, parts: &Parts, found: &mut Violations) -> Vec<Use> {
    check_at(&format!("spec.services.{name}"), name, service, parts, found)
}

/// What a test or a job uses.
pub fn of_task(path: &str, uses: &[String], parts: &Parts, found: &mut Violations) -> Vec<Use> {
    let written = api::Service { uses: Some(uses.to_vec()), ..api::Service::default() };
    check_at(path, path.trim_start_matches("spec."), &written, parts, found)
}

fn check_at(path: &str, name: &str, service: &api::Service, parts: &Parts, found: &mut Violations) -> Vec<Use> {
    let hard = service.uses.iter().flatten().enumerate().map(|(n, target)| (format!("{path}.uses[{n}]"), target, false));
    let optional = service.uses_optional.iter().flatten().enumerate();
    let optional = optional.map(|(n, target)| (format!("{path}.usesOptional[{n}]"), target, true));

    let mut uses: Vec<Use> = Vec::new();
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (path, target, optional) in hard.chain(optional) {
        if let Some(other) = seen.get(target.as_str()) {
            found.add(Code::UsedTwice, path, format!("`{target}` is used in {other} already"), "remove one of the two");
            continue;
        }
        seen.insert(target, path.clone());
        if target == name {
            found.add(
                Code::UsesItself,
                path,
                format!("`{name}` uses itself, so it could never start"),
                "remove it; a service may always call itself",
            );
            continue;
        }
        match parts.kind(target) {
            Some(kind) => uses.push(Use { target: target.clone(), kind, optional, env: BTreeMap::new(), pool: None }),
            None if optional => {}
            None if parts.absent.contains_key(target.as_str()) => found.add(
                Code::AbsentComponent,
                path,
                format!("`{target}` exists only with {}, which is off", profile_words(parts.absent[target.as_str()])),
                format!(
                    "add `{}` to spec.profiles, give `{name}` the same profile, or move it to `usesOptional`",
                    parts.absent[target.as_str()][0]
                ),
            ),
            None => {
                let others = parts.names().filter(|other| *other != name);
                let fix = spelling::did_you_mean(target, others, "add the component, or move it to `usesOptional`");
                found.add(Code::UnknownComponent, path, format!("`{target}` is not a component of this stack"), fix);
            }
        }
    }
    bind(path, service, &seen.keys().copied().collect(), parts, &mut uses, found);
    judge_collisions(path, &uses, parts, found);
    uses
}

fn profile_words(profiles: &[String]) -> String {
    let quoted: Vec<String> = profiles.iter().map(|profile| format!("`{profile}`")).collect();
    format!("the profile {}", quoted.join(" or "))
}

fn bind(path: &str, service: &api::Service, names: &BTreeSet<&str>, parts: &Parts, edges: &mut [Use], found: &mut Violations) {
    for (target, binding) in service.bindings.iter().flatten() {
        let path = format!("{path}.bindings.{target}");
        if !names.contains(target.as_str()) {
            let fix = spelling::did_you_mean(
                target,
                names.iter().copied(),
                &format!("add `{target}` to `uses`, or remove the binding"),
            );
            found.add(Code::UnknownBinding, &path, format!("this service does not use `{target}`"), fix);
            continue;
        }
        let Some(edge) = edges.iter_mut().find(|edge| edge.target == *target) else { continue };
        let keys = parts.keys(target);
        for (variable, key) in &binding.env {
            let path = format!("{path}.env.{variable}");
            environment::judge_name(&path, variable, found);
            if !keys.contains(&key.as_str()) {
                let (reason, otherwise) = wrong_key(target, key, &keys);
                found.add(Code::UnknownKey, path, reason, spelling::did_you_mean(key, keys.iter().copied(), &otherwise));
            }
        }
        edge.env.clone_from(&binding.env);
        edge.pool = pool(&path, binding, edge.kind, found);
    }
}

fn pool(path: &str, binding: &api::Binding, kind: Component, found: &mut Violations) -> Option<i32> {
    let pool = binding.pool?;
    let path = format!("{path}.pool");
    if kind == Component::Service {
        found.add(Code::Pool, path, "a pool is of connections to a database, and this is a service", "remove it");
    } else if !(1..=LARGEST_POOL).contains(&pool) {
        let reason = format!("{pool} is not a count of connections");
        found.add(Code::Pool, path, reason, format!("choose one from 1 to {LARGEST_POOL}"));
    }
    Some(pool)
}

fn wrong_key(target: &str, key: &str, keys: &[&str]) -> (String, String) {
    if keys.is_empty() {
        (
            format!("`{target}` has no address to give: it has no port, or several and none called `http`"),
            "remove the binding".to_owned(),
        )
    } else {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        (format!("`{key}` is not something that `{target}` gives"), format!("choose one of {}", keys.join(", ")))
    }
}

/// Two sources for one variable: which of them wins would be chance.
fn judge_collisions(path: &str, uses: &[Use], parts: &Parts, found: &mut Violations) {
    let mut givers: BTreeMap<String, &str> = BTreeMap::new();
    let mut shared: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for edge in uses {
        for variable in parts.variables(&edge.target).into_iter().chain(edge.env.keys().cloned()) {
            match givers.get(&variable) {
                Some(other) => shared.entry((other, &edge.target)).or_default().push(format!("`{variable}`")),
                None => {
                    givers.insert(variable, &edge.target);
                }
            }
        }
    }
    for ((one, other), variables) in shared {
        let reason = format!("`{one}` and `{other}` both give {}", variables.join(", "));
        found.add(
            Code::VariableCollision,
            format!("{path}.uses"),
            reason,
            "rename a component, a port or a variable in `bindings`",
        );
    }
}

impl Parts<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.ports.keys().copied().chain(self.databases.keys().map(String::as_str))
    }

    fn kind(&self, name: &str) -> Option<Component> {
        if self.ports.contains_key(name) {
            Some(Component::Service)
        } else {
            self.databases.contains_key(name).then_some(Component::Database)
        }
    }

    /// Keys that a binding may name.
    fn keys(&self, name: &str) -> Vec<&'static str> {
        match (self.databases.get(name), self.ports.get(name)) {
            (Some(database), _) => database.bindable(),
            (None, Some(ports)) if discovery::main_port(ports).is_some() => discovery::SERVICE_KEYS.to_vec(),
            _ => Vec::new(),
        }
    }

    fn variables(&self, name: &str) -> Vec<String> {
        match (self.databases.get(name), self.ports.get(name)) {
            (Some(database), _) => database.variables(),
            (None, Some(ports)) => discovery::service_variables(name, ports),
            (None, None) => Vec::new(),
        }
    }
}
