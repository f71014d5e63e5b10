//! What is already there of the data of databases, in the form in which the model takes it.
use std::collections::BTreeMap;

use super::{Child, ClaimState, Observed, State};
use crate::kinds::Kind;
use crate::model::VolumeFacts;
use crate::model::quantity::Quantity;

/// What existing StatefulSets, volumes and records say of each database; `refused` tells why one cannot grow.
pub fn volumes<'a>(
    databases: impl Iterator<Item = &'a String>,
    observed: &Observed,
    refused: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, VolumeFacts> {
    let facts = |name: &String| {
        let workload = observed.of(Kind::StatefulSet, name).find_map(|child| match &child.state {
            State::Workload(workload) => Some(workload.clone()),
            _ => None,
        });
        let claim = observed.of(Kind::PersistentVolumeClaim, name).next();
        let record = observed.of(Kind::ConfigMap, name).find(|record| record.identity.is_some());
        let workload = workload.unwrap_or_default();
        let identity = workload
            .volume_identity
            .or_else(|| claim.and_then(|claim| claim.identity.clone()))
            .or_else(|| record.and_then(|record| record.identity.clone()));
        let claim_state = claim.and_then(claim_state);
        // Pods without a StatefulSet wait for the one that takes them over: they are not to be restarted.
        let orphaned =
            claim_state.filter(|_| observed.of(Kind::Pod, name).next().is_some()).and_then(|claim| claim.guard_image.clone());
        VolumeFacts {
            template_size: workload.volume_size,
            template_class: workload.volume_class,
            volume_size: largest(observed, name),
            volume_class: claim_state.and_then(|claim| claim.class.clone()),
            refused: refused(name),
            identity,
            version: record.and_then(|record| record.data_version.clone()),
            members: record.map(|record| record.members.unwrap_or(1)),
            guard_image: workload.guard_image.or(orphaned),
        }
    };
    databases.map(|name| (name.clone(), facts(name))).filter(|(_, facts)| *facts != VolumeFacts::default()).collect()
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
