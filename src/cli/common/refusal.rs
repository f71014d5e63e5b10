//! What a cluster refuses, in the user's words: what, why, and what next.
use std::time::Duration;

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// Verb of RBAC, such as `list`.
    pub verb: &'static str,
    /// Resource with its group, such as `pods` or `deployments.apps`.
    pub resource: String,
    everywhere: bool,
}

impl Right {
    /// A right in the namespace that is asked for.
    pub fn new(verb: &'static str, resource: &str) -> Self {
        Self { verb, resource: resource.to_owned(), everywhere: false }
    }

    /// A right in the whole cluster.
    pub fn everywhere(verb: &'static str, resource: &str) -> Self {
        Self { everywhere: true, ..Self::new(verb, resource) }
    }
}

/// Why a cluster did not give what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The right is missing.
    #[error("you may not {verb} {resource}{place}; ask for that right, or choose another --context")]
    Forbidden {
        /// Verb.
        verb: &'static str,
        /// Resource.
        resource: String,
        /// Where.
        place: String,
    },
    /// The login is not taken.
    #[error("the cluster does not take your login ({0}); log in again, or choose another --context")]
    Unknown(String),
    /// There is no such object.
    #[error("it is not there")]
    Absent,
    /// The cluster does not have this kind of objects.
    #[error("this cluster does not have {0}")]
    NoSuchKind(String),
    /// It was changed meanwhile.
    #[error("somebody else changed it at the same time; try again")]
    Conflict,
    /// The API server refuses the object.
    #[error("{0}")]
    Invalid(String),
    /// No answer in time.
    #[error("no answer from {host} within {} s; is the context right? --request-timeout waits longer", longest.as_secs())]
    Late {
        /// The cluster.
        host: String,
        /// How long was waited.
        longest: Duration,
    },
    /// The cluster cannot be reached or fails.
    #[error("{0}")]
    Other(String),
}

impl Refusal {
    /// The words for an error of a call.
    pub fn new(error: kube::Error, right: &Right, namespace: &str, host: &str) -> Self {
        let status = match error {
            kube::Error::Api(status) => status,
            error => {
                return Self::Other(format!("the cluster at {host} is not reached: {}; is the context right?", root(&error)));
            }
        };
        let named = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        match status.code {
            401 => Self::Unknown(status.message.clone()),
            403 if is_forbidden(&status.message) => Self::Forbidden {
                verb: right.verb,
                resource: right.resource.clone(),
                place: if right.everywhere { " in all namespaces".to_owned() } else { format!(" in the namespace {namespace}") },
            },
            404 if named => Self::Absent,
            404 => Self::NoSuchKind(right.resource.clone()),
            409 => Self::Conflict,
            400 | 403 | 422 => Self::Invalid(status.message.clone()),
            code => Self::Other(format!("the API server answers {code}: {}", status.message)),
        }
    }

    /// In a few words, for a section that is left out.
    pub fn short(&self) -> String {
        match self {
            Self::Forbidden { verb, resource, place } => format!("you may not {verb} {resource}{place}"),
            other => other.to_string(),
        }
    }
}

/// A missing right, and not a quota or a policy, which are refused with the same number.
fn is_forbidden(message: &str) -> bool {
    message.contains(" cannot ") && message.contains("in API group") || message.contains("cannot impersonate")
}

/// The innermost words of an error: the outer ones only say that something failed.
fn root(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::core::response::StatusDetails;

    use super::*;

    fn told(code: u16, message: &str, name: &str) -> String {
        let details: StatusDetails = serde_json::from_value(serde_json::json!({ "name": name })).unwrap();
        let status = Status { code, message: message.to_owned(), details: Some(details), ..Status::default() };
        Refusal::new(kube::Error::Api(Box::new(status)), &Right::new("list", "pods"), "shop", "https://host").to_string()
    }

    #[test]
    fn a_missing_right_is_named_by_verb_resource_and_namespace() {
        let message = r#"pods is forbidden: User "a" cannot list resource "pods" in API group "" in the namespace "shop""#;
        assert_eq!(
            told(403, message, ""),
            "you may not list pods in the namespace shop; ask for that right, or choose another --context"
        );
    }

    #[test]
    fn a_quota_is_told_in_its_own_words_though_its_number_is_that_of_a_missing_right() {
        let message = r#"pods "a" is forbidden: exceeded quota: small"#;
        assert_eq!(told(403, message, "a"), message);
    }

    #[test]
    fn an_absent_object_is_not_an_absent_kind() {
        assert_eq!(told(404, "not found", "shop"), "it is not there");
        assert_eq!(told(404, "the server could not find the requested resource", ""), "this cluster does not have pods");
    }
}
