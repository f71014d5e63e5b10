//! The `CustomResourceDefinition` as a file.
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{CustomResourceExt, Resource};
use serde_json::{Value, json};

use super::MicroserviceStack;

/// The `CustomResourceDefinition` in YAML, as it is committed under `crds/` and installed by the chart.
///
/// # Errors
/// When the definition cannot be written as YAML.
pub fn crd_yaml() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&crd())
}

/// The schema of a stack, as the API server judges it: that of the definition, and under `metadata` that of all objects.
pub fn schema() -> Value {
    let mut crd = crd();
    let mut schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take();
    let inline = schemars::generate::SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let mut metadata = inline.into_generator().into_root_schema_for::<ObjectMeta>().to_value();
    unbreak(&mut metadata);
    if let Some(fields) = metadata.as_object_mut() {
        fields.retain(|key, _| key != "$schema" && key != "title");
    }
    schema["properties"]["metadata"] = metadata;
    schema["properties"]["apiVersion"] = json!({ "type": "string", "enum": [MicroserviceStack::api_version(&())] });
    schema["properties"]["kind"] = json!({ "type": "string", "enum": [MicroserviceStack::kind(&())] });
    schema
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
