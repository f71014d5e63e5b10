//! Whether the data of a database may be opened: identities and pairs are judged, never guessed (rules 9 and 10). Pure.
use super::{Credentials, Database, Stack, Storage, Violation};

/// The labels of a Secret or a volume claim that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Stack that it belongs to.
    pub stack: Option<String>,
    /// Component that it belongs to.
    pub component: Option<String>,
    /// Identity of the data.
    pub identity: Option<String>,
}

/// What was found of a database before its StatefulSet exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The credentials Secret, where one is generated.
    pub secret: Option<Kept>,
    /// The volume claim of each instance.
    pub volumes: Vec<Option<Kept>>,
    /// The recorded identity: the data was initialised once.
    pub record: Option<String>,
}

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The StatefulSet may be created with this identity, after the Secret where it is missing.
    Go {
        /// Whether the Secret is to be made first.
        make_secret: bool,
        /// Identity of the data; none for a database without volumes.
        identity: Option<String>,
    },
    /// Nothing may be created: the reason word, and what is wrong.
    Held(&'static str, Violation),
}

/// Judges what was found; `fresh` is the identity of data that is yet to be made.
pub fn judge(stack: &Stack, database: &Database, found: &Found, fresh: &str) -> Verdict {
    let path = format!("spec.databases.{}", database.name);
    let held = |reason, what: String, fix: String| Verdict::Held(reason, Violation { path: path.clone(), reason: what, fix });
    let base = &database.objects.base;
    let first_claim = database.objects.claim(0);
    let is_foreign = |kept: &Kept| kept.stack.as_ref() != Some(&stack.name) || kept.component.as_ref() != Some(&database.name);
    if found.secret.as_ref().is_some_and(is_foreign) {
        return held(
            "NameConflict",
            format!("the Secret {base} already exists and is not this database's"),
            "delete or rename it, or rename the database".to_owned(),
        );
    }
    if let Some(ordinal) = found.volumes.iter().position(|claim| claim.as_ref().is_some_and(is_foreign)) {
        let claim = database.objects.claim(i32::try_from(ordinal).unwrap_or_default());
        return held(
            "NameConflict",
            format!("the volume claim {claim} already exists and is not this database's; the StatefulSet would mount it"),
            "delete or rename it, or rename the database".to_owned(),
        );
    }
    let generated = matches!(database.credentials, Credentials::Generated { .. });
    if matches!(database.storage, Storage::Ephemeral) {
        return Verdict::Go { make_secret: generated && found.secret.is_none(), identity: None };
    }
    let first = found.volumes.first().and_then(Option::as_ref);
    if generated && first.is_some() && found.secret.is_none() {
        return held(
            "CredentialsMissing",
            format!(
                "the volume {first_claim} holds data, but the Secret {base} with its password is gone; a new password would not fit the data"
            ),
            format!("restore the Secret {base} from a backup, or delete the volume claim {first_claim} if the data may go"),
        );
    }
    if found.record.is_some() && first.is_none() {
        return held(
            "DataLost",
            format!(
                "the data was initialised before, but the volume {first_claim} of the first instance is gone; an empty one is not initialised in its place"
            ),
            format!(
                "restore the volume claim {first_claim}, or delete the ConfigMap {} to start with empty data",
                database.objects.identity
            ),
        );
    }
    let secret_identity = found.secret.as_ref().and_then(|secret| secret.identity.as_ref());
    let mut known: Vec<&String> =
        found.record.iter().chain(first.and_then(|first| first.identity.as_ref())).chain(secret_identity).collect();
    known.dedup();
    if known.len() > 1 {
        return held(
            "DataMismatch",
            format!(
                "the volume {first_claim}, the Secret {base} and the record {} belong to different data",
                database.objects.identity
            ),
            "bring back the ones that belong together, or delete all of them to start with empty data".to_owned(),
        );
    }
    let identity = known.first().map_or(fresh, |known| known.as_str()).to_owned();
    Verdict::Go { make_secret: generated && found.secret.is_none(), identity: Some(identity) }
}
