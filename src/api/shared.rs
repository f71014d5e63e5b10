//! Values that services and databases share: scalars, resources, security.
use std::borrow::Cow;
use std::fmt;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

/// A scalar that may be written as a number or as a string: `17` and `"17"`, `8080` and `"8080"`, `1Gi`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text(pub String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number (put it in quotes)")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true, "maxLength": 8192 })
    }
}

/// Spelling of a quantity; numbers need none.
pub const QUANTITY: &str = r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)(|[KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)$";

/// Processor and memory of one instance: what it is promised, and under `limits` what it may not exceed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// Processor share that is reserved for one instance, such as `250m` or `2`. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = QUANTITY))]
    pub cpu: Option<Text>,
    /// Memory that is reserved for one instance, such as `256Mi`. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = QUANTITY))]
    pub memory: Option<Text>,
    /// Upper bounds; an instance over its memory limit is ended by the node. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceLimits>,
}

/// Upper bounds of one instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLimits {
    /// Processor limit, such as `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = QUANTITY))]
    pub cpu: Option<Text>,
    /// Memory limit, such as `512Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = QUANTITY))]
    pub memory: Option<Text>,
}

/// How far pods are hardened: `Baseline` (default) breaks no image; `Restricted` passes the Pod Security Standard
/// `restricted` (runs as a non-root user, without capabilities).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SecurityProfile {
    /// Hardening that breaks no image; passes the Pod Security Standard `baseline`.
    #[default]
    Baseline,
    /// Passes the Pod Security Standard `restricted`: not root, no capabilities.
    Restricted,
}

/// Security of pods, for the whole stack or over it for one component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// How far pods are hardened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<SecurityProfile>,
    /// User id that the container runs as. By default the image's own user; for databases the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647_i64))]
    pub run_as_user: Option<i64>,
    /// Group id that the container runs as. By default the image's own group; for databases the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647_i64))]
    pub run_as_group: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_a_text_or_a_whole_number_and_anything_else_is_to_be_quoted() {
        let read = |yaml: &str| serde_saphyr::from_str::<Text>(yaml).map(|text| text.0);
        assert_eq!(read("17").unwrap(), "17");
        assert_eq!(read("'17.4'").unwrap(), "17.4");
        assert_eq!(read("1Gi").unwrap(), "1Gi");
        for yaml in ["17.4", "true"] {
            let error = serde_json::from_str::<Text>(yaml).unwrap_err().to_string();
            assert!(error.contains("put it in quotes"), "{error}");
        }
    }
}
