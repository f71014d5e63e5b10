//! What is installed: the objects that helm would make of the chart. `manifests.yaml` is the chart's own rendering, which a test
//! compares. Pure.
use serde_json::{Value, json};

use crate::api::crd_yaml;

const MANIFESTS: &str = include_str!("manifests.yaml");
/// The namespace and the image in `manifests.yaml`.
const NAMESPACE: &str = "mstack-system";
const IMAGE: &str = concat!("ghcr.io/microservicestack/mstack:", env!("CARGO_PKG_VERSION"));
/// Label and value of all that is installed, and only of that.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "mstack-install");

/// What can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Namespace of the operator.
    pub namespace: String,
    /// Image of the operator; none: that of this version.
    pub image: Option<String>,
    /// Whether the page is served.
    pub ui: bool,
}

/// All objects in the order of applying: the definition first. The namespace is not among them.
///
/// # Errors
/// When this program is broken.
pub fn objects(choice: &Choice) -> Result<Vec<Value>, String> {
    let text = MANIFESTS.replace(NAMESPACE, &choice.namespace);
    let text = choice.image.as_ref().map_or(text.clone(), |image| text.replace(IMAGE, image));
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| error.to_string())?;
    if choice.ui {
        for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
            if let Some(args) = object["spec"]["template"]["spec"]["containers"][0]["args"].as_array_mut() {
                args.push(json!("--ui-address=127.0.0.1:8081"));
            }
        }
    }
    let mut crd: Value = crd_yaml()
        .map_err(|error| error.to_string())
        .and_then(|yaml| serde_saphyr::from_str(&yaml).map_err(|error| error.to_string()))?;
    crd["metadata"]["labels"] = objects.first().map(|object| object["metadata"]["labels"].clone()).unwrap_or_default();
    objects.insert(0, crd);
    Ok(objects)
}

/// Kind and name.
pub fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_in_all_objects_and_nothing_of_the_default_is_left() {
        let choice = Choice { namespace: "team-a".to_owned(), image: Some("registry.example.com/mstack:x".to_owned()), ui: true };
        let text = Value::Array(objects(&choice).unwrap()).to_string();
        assert!(!text.contains(NAMESPACE) && !text.contains(IMAGE), "the defaults stay");
        assert_eq!(text.matches("registry.example.com/mstack:x").count(), 2, "the operator, and the guard of volumes");
        assert_eq!(text.matches("--ui-address").count(), 1);
    }

    #[test]
    fn the_definition_comes_first_and_all_are_told_apart_from_helms() {
        let objects = objects(&Choice { namespace: NAMESPACE.to_owned(), ..Choice::default() }).unwrap();
        assert_eq!(title(&objects[0]), "CustomResourceDefinition microservicestacks.microservicestack.dev");
        let labels = objects.iter().map(|object| &object["metadata"]["labels"][MANAGED_BY.0]);
        assert!(labels.clone().all(|label| label == MANAGED_BY.1), "{:?}", labels.collect::<Vec<_>>());
    }
}
