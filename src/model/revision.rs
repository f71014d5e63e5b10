//! A revision: the part of a spec that makes the services' templates, as it is written (rule 7). Neither counts, databases
//! nor routes of the stack are in it, so an edit of those, and an upgrade of the operator, is no new revision.
mod written;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Stack, names};
use crate::api::{Scale, Security, Service, StackSpec, Test, Text};

const DIGITS: usize = 5;

/// What a revision consists of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Environment of every service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Text>,
    /// Security of every pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// The services that exist, with the counts of the time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Service>,
    /// The tests that decide on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tests: BTreeMap<String, Test>,
}

/// A revision by name, and each of its services by the hash of all that makes its template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// `<stack>-<5 hexadecimal digits>`.
    pub name: String,
    /// Hash by service.
    pub services: BTreeMap<String, String>,
    /// What it consists of.
    pub part: Part,
}

/// How a revision is rolled out.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Whether services go back to the last good revision when one fails.
    pub back: bool,
    /// Seconds without progress after which a service has failed.
    pub deadline: i32,
    /// How many revisions are remembered.
    pub history: usize,
    /// What the stack's annotation for retries says.
    pub retry: String,
}

/// What came of a revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// All that it changed serves, and its tests have passed.
    Good,
    /// It could not be rolled out.
    #[default]
    Failed,
}

/// What is remembered of a revision whose outcome is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What came of it.
    pub outcome: Outcome,
    /// Its place in the order of records; the last good one has the highest among the good.
    pub number: i64,
    /// Why it failed.
    pub reason: String,
    /// What the stack's annotation for retries said at the time.
    pub retry: String,
    /// Its services by hash.
    pub services: BTreeMap<String, String>,
    /// Migrations that were complete.
    pub migrations: BTreeSet<String>,
}

impl Part {
    /// The part of a spec whose components all exist. What means nothing there, such as the order of `uses`, is left out.
    pub fn of(active: &StackSpec) -> Self {
        let written = |service: &Service| {
            let mut service = Service { profiles: None, ..service.clone() };
            for uses in [&mut service.uses, &mut service.uses_optional].into_iter().flatten() {
                uses.sort();
            }
            service
        };
        Self {
            config: active.config.clone(),
            security: active.security.clone(),
            services: active.services.iter().map(|(name, service)| (name.clone(), written(service))).collect(),
            tests: active.tests.clone(),
        }
    }

    /// A spec whose services are as in this part (rule 7). Counts go on following the spec; those of services that it does
    /// not have any more are the live ones.
    pub fn restored(&self, current: &StackSpec, live: impl Fn(&str) -> Option<i32>) -> StackSpec {
        let services = self.services.iter().map(|(name, was)| {
            let now = current.services.get(name).filter(|now| now.scale.as_ref().is_none_or(|scale| is_possible(scale, was)));
            let counted = match now {
                Some(now) => Service { replicas: now.replicas, scale: now.scale.clone(), ..was.clone() },
                None if was.scale.is_none() => Service { replicas: live(name).or(was.replicas), ..was.clone() },
                None => was.clone(),
            };
            (name.clone(), counted)
        });
        let mut spec = StackSpec {
            config: self.config.clone(),
            security: self.security.clone(),
            services: services.collect(),
            tests: self.tests.clone(),
            ..current.clone()
        };
        // A job of a service that goes away goes with it.
        let exists = |name: &String| spec.services.contains_key(name) || spec.databases.contains_key(name);
        let jobs = current.jobs.iter().filter(|(_, job)| job.uses.iter().flatten().all(exists));
        spec.jobs = jobs.map(|(name, job)| (name.clone(), job.clone())).collect();
        let profile = current.security.as_ref().and_then(|security| security.profile).unwrap_or_default();
        for database in spec.databases.values_mut() {
            database.security.get_or_insert_default().profile.get_or_insert(profile);
        }
        spec
    }

    /// The revision that a stack of this name has with it.
    pub fn revision(self, stack: &str) -> Revision {
        let template = |service: &Service| Service { replicas: None, scale: None, ..service.clone() };
        let templates: BTreeMap<&String, Service> = self.services.iter().map(|(name, one)| (name, template(one))).collect();
        let hash = |value: Value| names::hex(&value.to_string());
        let shared = (&self.config, &self.security);
        let services = templates
            .iter()
            .map(|(name, template)| ((*name).clone(), hash(json(&(template, shared)))[..names::HASH].to_owned()))
            .collect();
        let whole = hash(json(&(&templates, shared, &self.tests)));
        Revision { name: format!("{stack}-{}", &whole[..DIGITS]), services, part: self }
    }
}

/// Whether an autoscaler's targets are in percent of something that the service requests.
fn is_possible(scale: &Scale, service: &Service) -> bool {
    let resources = service.resources.clone().unwrap_or_default();
    let limits = resources.limits.unwrap_or_default();
    let has = |own: &Option<Text>, limit: &Option<Text>| own.is_some() || limit.is_some();
    (scale.cpu.is_none() || has(&resources.cpu, &limits.cpu))
        && (scale.memory.is_none() || has(&resources.memory, &limits.memory))
}

/// Serialized by way of a value, whose keys are in order.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

impl Revision {
    /// The services that differ from a record's: changed or new ones. All of them where nothing is recorded.
    pub fn changed(&self, since: Option<&Record>) -> BTreeSet<&str> {
        let same = |name: &String, hash: &String| since.is_some_and(|record| record.services.get(name) == Some(hash));
        self.services.iter().filter(|(name, hash)| !same(name, hash)).map(|(name, _)| name.as_str()).collect()
    }
}

impl Stack {
    /// Whether there is a component of this name.
    pub fn has(&self, component: &str) -> bool {
        self.services.contains_key(component) || self.databases.contains_key(component)
    }

    /// The stack that is to be instead of this one, whose revision has failed: the one with the former services. Where there
    /// is none, or they do not fit the present databases, all stays as it is, for this reason.
    #[must_use]
    pub fn put_back(self, former: Result<Self, String>) -> Self {
        match former {
            Ok(former) => Self { asked: self.asked, ..former },
            Err(reason) => Self { stays: Some(reason), ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "
config: {REGION: eu}
services:
  web: {image: 'web:1', replicas: 2, uses: [api, orders], config: {A: 1}}
  api: {image: 'api:1', scale: {min: 1, max: 3, cpu: 70}, resources: {cpu: 1}}
databases: {orders: {engine: redis, ephemeral: true}}
";

    fn revision(spec: &str) -> Revision {
        Part::of(&serde_saphyr::from_str::<StackSpec>(spec).unwrap()).revision("shop")
    }

    #[test]
    fn rule_7_a_revision_is_the_services_templates_and_config_not_counts_not_databases() {
        let shop = revision(SHOP);
        assert!(shop.name.starts_with("shop-") && shop.name.len() == "shop-".len() + DIGITS, "{}", shop.name);
        let same = [
            ("replicas: 2", "replicas: 5"),
            ("max: 3", "max: 4"),
            ("engine: redis", "engine: valkey"),
            ("[api, orders]", "[orders, api]"),
            ("A: 1", "A: '1'"),
        ];
        for (from, to) in same {
            assert_eq!(revision(&SHOP.replace(from, to)).name, shop.name, "{to}");
        }
    }

    #[test]
    fn rule_7_changed_is_what_differs_from_the_record_and_a_shared_setting_changes_all() {
        let shop = revision(SHOP);
        let record = Record { services: shop.services.clone(), ..Record::default() };
        let changed = |from, to| {
            let other = revision(&SHOP.replace(from, to));
            assert_ne!(other.name, shop.name, "{to}");
            other.changed(Some(&record)).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(changed("web:1", "web:2"), ["web"]);
        assert_eq!(changed("A: 1", "A: 2"), ["web"]);
        assert_eq!(changed("REGION: eu", "REGION: us"), ["api", "web"]);
        assert_eq!(changed("  web: {image: 'web:1'", "  shop: {image: 'web:1'"), ["shop"]);
        assert_eq!(shop.changed(None), BTreeSet::from(["api", "web"]), "without a record all is new");
        assert_eq!(shop.changed(Some(&record)), BTreeSet::new());
    }
}
