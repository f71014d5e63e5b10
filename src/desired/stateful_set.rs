//! StatefulSet: runs a database. Its volumes outlive it.
use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{Object, meta, pod};
use crate::kinds::Kind;
use crate::model::{Database, Stack, Storage};

const HISTORY: i32 = 3;

pub fn build(stack: &Stack, database: &Database) -> Object {
    let retain = || Some("Retain".to_owned());
    let set = StatefulSet {
        metadata: ObjectMeta {
            annotations: meta::of_set(database),
            ..meta::owned(stack, &database.name, &database.objects.base)
        },
        spec: Some(StatefulSetSpec {
            replicas: Some(database.instances),
            service_name: Some(database.objects.headless.clone()),
            selector: LabelSelector { match_labels: Some(meta::selector(stack, &database.name)), ..LabelSelector::default() },
            // In order, one bad instance would keep a mended template from the others.
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            revision_history_limit: Some(HISTORY),
            template: pod::of_database(stack, database),
            volume_claim_templates: claim(stack, database).map(|claim| vec![claim]),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: retain(),
                when_scaled: retain(),
            }),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    };
    Object::new(Kind::StatefulSet, &database.name, &set)
}

fn claim(stack: &Stack, database: &Database) -> Option<PersistentVolumeClaim> {
    let Storage::Volume { template, class, identity, .. } = &database.storage else { return None };
    let mut labels = meta::labels(stack, &database.name);
    labels.extend(identity.iter().map(|identity| (meta::DATA_IDENTITY.to_owned(), identity.clone())));
    Some(PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(pod::DATA.to_owned()), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(template.clone()))])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}
