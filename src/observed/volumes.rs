//! What is already there of the data of databases, in the form in which the model takes it.
use std::collections::BTreeMap;

use super::{Child, ClaimState, Observed, State, Workload};
use crate::kinds::Kind;
use crate::model::VolumeFacts;
use crate::model::engine::FIRST_FORM;
use crate::model::quantity::Quantity;

/// What existing StatefulSets, volumes and records say of each database; `refused` tells why one cannot grow.
pub fn volumes<'a>(
    databases: impl Iterator<Item = &'a String>,
    observed: &Observed,
    refused: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, VolumeFacts> {
    let facts = |name: &String| {
        let set = observed.of(Kind::StatefulSet, name).next();
        let claim = observed.of(Kind::PersistentVolumeClaim, name).next();
        let record = observed.of(Kind::ConfigMap, name).find(|record| record.identity.is_some());
        let workload = set.and_then(workload).cloned().unwrap_or_default();
        let identity = workload
            .volume_identity
            .or_else(|| claim.and_then(|claim| claim.identity.clone()))
            .or_else(|| record.and_then(|record| record.identity.clone()));
        // Pods without a StatefulSet wait for the one that takes them over: they are not to be restarted.
        let orphaned = claim.filter(|_| observed.of(Kind::Pod, name).next().is_some());
        VolumeFacts {
            template_size: workload.volume_size,
            template_class: workload.volume_class,
            volume_size: largest(observed, name),
            volume_class: claim.and_then(claim_state).and_then(|claim| claim.class.clone()),
            refused: refused(name),
            identity,
            version: record.and_then(|record| record.data_version.clone()),
            members: record.map(|record| record.members.unwrap_or(1)),
            form: set.map(|set| set.form.unwrap_or(FIRST_FORM)).or_else(|| orphaned?.form),
            guard_image: workload.guard_image.or_else(|| orphaned.and_then(claim_state)?.guard_image.clone()),
        }
    };
    databases.map(|name| (name.clone(), facts(name))).filter(|(_, facts)| *facts != VolumeFacts::default()).collect()
}

fn workload(set: &Child) -> Option<&Workload> {
    match &set.state {
        State::Workload(workload) => Some(workload),
        _ => None,
    }
}

fn claim_state(claim: &Child) -> Option<&ClaimState> {
    match &claim.state {
        State::Claim(claim) => Some(claim),
        _ => None,
    }
}

/// The largest size that a volume of a database has been asked for. Foreign ones of its label do not count.
fn largest(observed: &Observed, name: &str) -> Option<String> {
    let volumes = observed.of(Kind::PersistentVolumeClaim, name).filter(|claim| claim.identity.is_some());
    let sizes = volumes.filter_map(claim_state).filter_map(|claim| Some((Quantity::parse(&claim.requested)?, &claim.requested)));
    sizes.max_by_key(|(size, _)| *size).map(|(_, text)| text.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::decode::decode;
    use super::*;
    use crate::desired::meta;

    fn form(children: &[(Kind, Value)]) -> Option<i32> {
        let mut observed = Observed::default();
        for (kind, annotations) in children {
            let labels = json!({meta::COMPONENT: "jobs"});
            let wire = json!({"metadata": {"name": "jobs", "labels": labels, "annotations": annotations}});
            observed.insert(decode(*kind, &serde_json::from_value(wire).unwrap()));
        }
        volumes([&"jobs".to_owned()].into_iter(), &observed, |_| None).get("jobs")?.form
    }

    #[test]
    fn rule_13_the_form_of_running_pods_is_known_also_while_their_volumes_grow() {
        let second = json!({meta::FORM: "2"});
        let (pod, claim) = ((Kind::Pod, json!({})), (Kind::PersistentVolumeClaim, second.clone()));
        assert_eq!(form(&[]), None);
        assert_eq!(form(&[(Kind::StatefulSet, json!({})), claim.clone()]), Some(FIRST_FORM));
        assert_eq!(form(&[(Kind::StatefulSet, second)]), Some(2));
        assert_eq!(form(&[pod, claim.clone()]), Some(2), "pods that wait for a StatefulSet");
        assert_eq!(form(&[claim]), None, "nothing runs");
    }
}
