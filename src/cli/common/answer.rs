//! The forms of an answer, as kubectl calls them.
use clap::ValueEnum;
use serde_json::{Value, json};

/// What a command that reads prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// For people.
    Text,
    /// For people, with all of it.
    Wide,
    /// For programs.
    Json,
    /// For programs, as YAML.
    Yaml,
    /// Names alone, as TYPE/NAME.
    Name,
}

impl Answer {
    /// Whether it is for people.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Wide)
    }

    /// A value for programs.
    ///
    /// # Errors
    /// When it cannot be written as YAML.
    pub fn of_value(self, value: &Value) -> Result<String, String> {
        match self {
            Self::Yaml => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
            _ => Ok(format!("{value:#}\n")),
        }
    }

    /// Objects for programs, without who has set which field: one by itself, or where they are `listed`, as a list.
    ///
    /// # Errors
    /// When they cannot be written as YAML.
    pub fn of_objects(self, mut objects: Vec<Value>, listed: bool) -> Result<String, String> {
        if self == Self::Name {
            return Ok(objects.iter().map(|object| reference(object) + "\n").collect());
        }
        for metadata in objects.iter_mut().filter_map(|object| object["metadata"].as_object_mut()) {
            metadata.remove("managedFields");
        }
        match &objects[..] {
            [one] if !listed => self.of_value(one),
            _ => self.of_value(&json!({ "apiVersion": "v1", "kind": "List", "items": objects })),
        }
    }
}

/// An object in the words of `kubectl get -o name`.
fn reference(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&object["kind"]).to_lowercase();
    let group = text(&object["apiVersion"]).split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    format!("{kind}{group}/{}", text(&object["metadata"]["name"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(version: &str, kind: &str) -> Value {
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": "shop", "managedFields": []}})
    }

    #[test]
    fn names_are_those_of_kubectl() {
        let objects = vec![object("microservicestack.dev/v1alpha1", "MicroserviceStack"), object("v1", "Event")];
        let names = Answer::Name.of_objects(objects, true);
        assert_eq!(names, Ok("microservicestack.microservicestack.dev/shop\nevent/shop\n".to_owned()));
    }

    #[test]
    fn one_object_stands_by_itself_unless_a_list_was_asked_for() {
        let told = |listed| Answer::Yaml.of_objects(vec![object("v1", "Event")], listed).unwrap();
        assert_eq!(told(false), "apiVersion: v1\nkind: Event\nmetadata:\n  name: shop\n");
        assert!(told(true).contains("kind: List"), "{}", told(true));
    }
}
