//! The name of what the services run: the same for the same templates, whatever the counts and databases.
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Object, SECRETS};
use crate::kinds::Kind;
use crate::model::names;

const DIGITS: usize = 5;

/// `<stack>-<5 hexadecimal digits>` of the Deployments' pod templates, which name the hashed ConfigMaps too. The digest
/// of referenced Secrets stays out: a rotated Secret rolls pods, but no rollback brings the old one back.
pub fn of(stack: &str, objects: &[Object]) -> String {
    let templates: BTreeMap<&str, Value> = objects
        .iter()
        .filter(|object| object.kind == Kind::Deployment)
        .map(|object| (object.component.as_str(), without_secrets(&object.body["spec"]["template"])))
        .collect();
    let text = serde_json::to_string(&templates).unwrap_or_default();
    format!("{stack}-{}", &names::hex(&text)[..DIGITS])
}

fn without_secrets(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(annotations) = template["metadata"]["annotations"].as_object_mut() {
        annotations.remove(SECRETS);
    }
    template
}
