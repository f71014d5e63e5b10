//! The `CustomResourceDefinition` as a file.
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use super::MicroserviceStack;

/// The `CustomResourceDefinition` in YAML, as it is committed under `crds/` and installed by the chart.
///
/// # Errors
/// When the definition cannot be written as YAML.
pub fn crd_yaml() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&crd())
}

/// The definition; its descriptions are paragraphs, for `kubectl explain` breaks lines by itself.
fn crd() -> Value {
    let mut crd = serde_json::to_value::<CustomResourceDefinition>(MicroserviceStack::crd()).unwrap_or_default();
    unbreak(&mut crd);
    crd
}

fn unbreak(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
            }
            fields.values_mut().for_each(unbreak);
        }
        Value::Array(items) => items.iter_mut().for_each(unbreak),
        _ => {}
    }
}
