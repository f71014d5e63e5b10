//! What the annotations of a ControllerRevision of ours tell.
use std::collections::BTreeMap;

use crate::api::RETRY;
use crate::desired::meta;
use crate::model::Record;
use crate::model::revision::Outcome;

/// What these annotations tell of a revision.
pub fn record(annotations: &BTreeMap<String, String>) -> Record {
    let text = |key: &str| annotations.get(key).map(String::as_str).unwrap_or_default();
    let list = |key: &str| text(key).split(',').filter(|item| !item.is_empty());
    Record {
        outcome: if text(meta::OUTCOME) == "Good" { Outcome::Good } else { Outcome::Failed },
        number: text(meta::NUMBER).parse().unwrap_or_default(),
        reason: text(meta::REASON).to_owned(),
        retry: text(RETRY).to_owned(),
        services: list(meta::SERVICES)
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
            .collect(),
        migrations: list(meta::MIGRATIONS).map(str::to_owned).collect(),
    }
}
