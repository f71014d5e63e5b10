//! The way back for a person: a spec that asks for a revision again, written as its owner has written it.
use std::collections::BTreeMap;

use super::Part;
use crate::api::{Security, Service, StackSpec};
use crate::model::active;

impl Part {
    /// This spec with the services of this revision. Whatever else there is stays as it is written: counts, databases, profiles,
    /// and services whose profiles are off. `live` is the count of a service whose autoscaler does not fit what it was.
    pub fn written_back(&self, current: &StackSpec, live: impl Fn(&str) -> Option<i32>) -> StackSpec {
        let mut spec = self.restored(current, live);
        for (name, service) in &mut spec.services {
            if let Some(now) = current.services.get(name) {
                service.profiles.clone_from(&now.profiles);
                keep_order(&mut service.uses, now.uses.as_ref());
                keep_order(&mut service.uses_optional, now.uses_optional.as_ref());
            }
        }
        spec.services.extend(others(self, current));
        if profile(spec.security.as_ref()) == profile(current.security.as_ref()) {
            spec.databases.clone_from(&current.databases); // They need no profile of their own to stay as they are.
        }
        spec
    }
}

/// Services that are off, and of which the revision says nothing.
fn others(part: &Part, current: &StackSpec) -> BTreeMap<String, Service> {
    let on = active(current).services;
    let all = current.services.iter().filter(|(name, _)| !on.contains_key(*name) && !part.services.contains_key(*name));
    all.map(|(name, service)| (name.clone(), service.clone())).collect()
}

/// The same names stay in the order in which they are written.
fn keep_order(names: &mut Option<Vec<String>>, written: Option<&Vec<String>>) {
    let sorted = written.cloned().map(|mut written| {
        written.sort();
        written
    });
    if *names == sorted {
        *names = written.cloned();
    }
}

fn profile(security: Option<&Security>) -> crate::api::SecurityProfile {
    security.and_then(|security| security.profile).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> StackSpec {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn rule_7_a_spec_that_is_written_back_asks_for_the_revision_with_the_counts_and_databases_of_now() {
        let good = spec(
            "
config: {REGION: eu}
services:
  web: {image: 'web:1', replicas: 2, uses: [orders, api]}
  api: {image: 'api:1'}
  old: {image: 'old:1', replicas: 3}
databases: {orders: {engine: postgres, version: 16, ephemeral: true}}
",
        );
        let now = spec(
            "
paused: true
config: {REGION: us}
services:
  web: {image: 'web:2', replicas: 5, uses: [orders, api]}
  api: {image: 'api:1', profiles: [full]}
  extra: {image: 'extra:1'}
  tools: {image: 'tools:1', profiles: [debug]}
databases: {orders: {engine: postgres, version: 17, ephemeral: true}}
profiles: [full]
jobs: {seed: {image: 'seed:1', uses: [orders]}, more: {image: 'more:1', uses: [extra]}}
",
        );
        let back = spec(
            "
paused: true
config: {REGION: eu}
services:
  web: {image: 'web:1', replicas: 5, uses: [orders, api]}
  api: {image: 'api:1', profiles: [full]}
  old: {image: 'old:1', replicas: 3}
  tools: {image: 'tools:1', profiles: [debug]}
databases: {orders: {engine: postgres, version: 17, ephemeral: true}}
profiles: [full]
jobs: {seed: {image: 'seed:1', uses: [orders]}}
",
        );
        let part = Part::of(&active(&good));
        assert_eq!(part.written_back(&now, |_| None), back);
        assert_eq!(Part::of(&active(&back)).revision("shop").name, part.revision("shop").name);
    }

    #[test]
    fn rule_10_databases_keep_their_hardening_when_the_stack_had_another_one() {
        let good = spec("services: {web: {image: 'web:1'}}");
        let now = spec(
            "{security: {profile: Restricted}, services: {web: {image: 'web:1'}}, databases: {orders: {engine: redis, ephemeral: true}}}",
        );
        let back = Part::of(&good).written_back(&now, |_| None);
        assert_eq!(
            back,
            spec(
                "{services: {web: {image: 'web:1'}}, databases: {orders: {engine: redis, ephemeral: true, security: {profile: Restricted}}}}"
            )
        );
    }
}
