//! ControllerRevision: what is remembered of a revision once its outcome is known.
use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;

use super::{Object, filled, meta};
use crate::api::RETRY;
use crate::kinds::Kind;
use crate::model::revision::Outcome;
use crate::model::{Record, Stack};

/// The record of a stack's revision. Its data never changes; the annotations tell what came of it.
pub fn record(stack: &Stack, record: &Record) -> Object {
    let data = serde_json::to_value(&stack.revision.part).unwrap_or_default();
    let mut metadata = meta::owned_by_stack(stack, &stack.revision.name);
    metadata.annotations = Some(annotations(record));
    let revision = ControllerRevision { metadata, data: Some(RawExtension(data)), revision: record.number };
    Object::new(Kind::ControllerRevision, "", &revision)
}

fn annotations(record: &Record) -> BTreeMap<String, String> {
    let outcome = match record.outcome {
        Outcome::Good => "Good",
        Outcome::Failed => "Failed",
    };
    let services: Vec<String> = record.services.iter().map(|(name, hash)| format!("{name}={hash}")).collect();
    let migrations: Vec<&str> = record.migrations.iter().map(String::as_str).collect();
    let told = [
        (meta::OUTCOME, filled(outcome.to_owned())),
        (meta::NUMBER, Some(record.number.to_string())),
        (meta::REASON, filled(record.reason.clone())),
        (RETRY, filled(record.retry.clone())),
        (meta::SERVICES, filled(services.join(","))),
        (meta::MIGRATIONS, filled(migrations.join(","))),
    ];
    told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
