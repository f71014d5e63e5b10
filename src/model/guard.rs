//! Whether the data of a database may be opened: identities and pairs are judged, never guessed (rules 9 and 10). Pure.
use super::{Credentials, Database, Stack, Storage, Violation};
use crate::codes::Code;

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
    let verdict = foreign(stack, database, found).map_or_else(|| pair(database, found, fresh), Err);
    verdict.unwrap_or_else(|(reason, what, fix)| {
        let path = format!("spec.databases.{}", database.name);
        Verdict::Held(reason, Violation { path, reason: what, fix, code: Code::DataHeld })
    })
}

/// Whether a Secret is this database's, and of the data that its volumes hold.
pub fn opens(stack: &Stack, database: &Database, secret: &Kept) -> bool {
    let is_ours = secret.stack.as_ref() == Some(&stack.name) && secret.component.as_ref() == Some(&database.name);
    let fits = match &database.storage {
        Storage::Volume { identity: Some(identity), .. } => secret.identity.as_ref() == Some(identity),
        _ => true,
    };
    is_ours && fits
}

/// Reason word, what is wrong, and what to do.
type Refusal = (&'static str, String, String);

/// A Secret or a volume of the right name that is somebody else's. The StatefulSet controller would mount the volume.
fn foreign(stack: &Stack, database: &Database, found: &Found) -> Option<Refusal> {
    let is_foreign = |kept: &Kept| kept.stack.as_ref() != Some(&stack.name) || kept.component.as_ref() != Some(&database.name);
    let secret = found.secret.as_ref().filter(|secret| is_foreign(secret)).map(|_| format!("Secret {}", database.objects.base));
    let volume = found.volumes.iter().zip(0..).find(|(claim, _)| claim.as_ref().is_some_and(is_foreign));
    let taken = secret.or_else(|| volume.map(|(_, ordinal)| format!("volume claim {}", database.objects.claim(ordinal))))?;
    Some((
        "NameConflict",
        format!("the {taken} already exists and is not this database's"),
        "delete or rename it, or rename the database".to_owned(),
    ))
}

/// Whether volume, credentials and record belong together; half a pair is refused.
fn pair(database: &Database, found: &Found, fresh: &str) -> Result<Verdict, Refusal> {
    let make_secret = matches!(database.credentials, Credentials::Generated { .. }) && found.secret.is_none();
    if matches!(database.storage, Storage::Ephemeral) {
        return Ok(Verdict::Go { make_secret, identity: None });
    }
    let (base, record, claim) = (&database.objects.base, &database.objects.identity, database.objects.claim(0));
    let first = found.volumes.first().and_then(Option::as_ref);
    if first.is_some() && make_secret {
        return Err((
            "CredentialsMissing",
            format!(
                "the volume {claim} holds data, but the Secret {base} with its password is gone; a new password would not fit"
            ),
            format!("restore the Secret {base} from a backup, or delete the volume claim {claim} if the data may go"),
        ));
    }
    let copies = found.volumes.iter().skip(1).flatten().count();
    if first.is_none() && (found.record.is_some() || copies > 0) {
        let others = if copies > 0 { " and the volume claims of the other instances" } else { "" };
        return Err((
            "DataLost",
            format!(
                "the data was initialised before, but the volume {claim} is gone; an empty one is not initialised in its place"
            ),
            format!("restore the volume claim {claim}, or delete the ConfigMap {record}{others} to start with empty data"),
        ));
    }
    let of = |kept: Option<&Kept>| kept.and_then(|kept| kept.identity.clone());
    let volumes = found.volumes.iter().map(Option::as_ref).filter_map(of);
    let mut known: Vec<String> = found.record.clone().into_iter().chain(volumes).chain(of(found.secret.as_ref())).collect();
    known.sort();
    known.dedup();
    if known.len() > 1 {
        let volumes = match found.volumes.len() {
            0 | 1 => format!("volume {claim}"),
            count => format!("{count} volumes from {claim} on"),
        };
        return Err((
            "DataMismatch",
            format!("the {volumes}, the Secret {base} and the record {record} belong to different data"),
            "bring back the ones that belong together, or delete all of them to start with empty data".to_owned(),
        ));
    }
    Ok(Verdict::Go { make_secret, identity: Some(known.pop().unwrap_or_else(|| fresh.to_owned())) })
}

impl Stack {
    /// Records which data the volumes of a database hold or, at its creation, are going to hold.
    pub fn set_identity(&mut self, database: &str, data: &str) {
        if let Some(Database { storage: Storage::Volume { identity, .. }, .. }) = self.databases.get_mut(database) {
            *identity = Some(data.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::MicroserviceStack;
    use crate::model::{Facts, check};

    fn stack(database: &str) -> Stack {
        let yaml = format!(
            "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: shop, namespace: ns}}\nspec: {{databases: {{orders: {database}}}}}"
        );
        check(&serde_saphyr::from_str::<MicroserviceStack>(&yaml).unwrap(), &Facts::default()).unwrap()
    }

    fn verdict(database: &str, found: &Found) -> Verdict {
        let stack = stack(database);
        judge(&stack, &stack.databases["orders"], found, "fresh")
    }

    fn reason(found: &Found) -> &'static str {
        match verdict(POSTGRES, found) {
            Verdict::Held(reason, _) => reason,
            Verdict::Go { .. } => "Go",
        }
    }

    const POSTGRES: &str = "{engine: postgres, storage: {size: 1Gi}}";

    fn ours(identity: &str) -> Kept {
        Kept { stack: Some("shop".to_owned()), component: Some("orders".to_owned()), identity: Some(identity.to_owned()) }
    }

    fn foreign() -> Kept {
        Kept { stack: Some("other".to_owned()), component: Some("orders".to_owned()), identity: None }
    }

    #[test]
    fn rule_9_where_nothing_is_there_a_secret_is_made_with_a_fresh_identity() {
        let found = Found { volumes: vec![None], ..Found::default() };
        assert_eq!(verdict(POSTGRES, &found), Verdict::Go { make_secret: true, identity: Some("fresh".to_owned()) });
    }

    #[test]
    fn rule_9_a_secret_and_a_volume_that_belong_together_are_used_again() {
        let found =
            Found { secret: Some(ours("data-1")), volumes: vec![Some(ours("data-1"))], record: Some("data-1".to_owned()) };
        assert_eq!(verdict(POSTGRES, &found), Verdict::Go { make_secret: false, identity: Some("data-1".to_owned()) });
    }

    #[test]
    fn rule_9_a_secret_that_was_made_before_a_crash_is_used() {
        let found = Found { secret: Some(ours("data-1")), volumes: vec![None], record: None };
        assert_eq!(verdict(POSTGRES, &found), Verdict::Go { make_secret: false, identity: Some("data-1".to_owned()) });
    }

    #[test]
    fn rule_9_a_missing_secret_while_a_volume_exists_is_credentials_missing_not_a_new_password() {
        assert_eq!(reason(&Found { volumes: vec![Some(ours("data-1"))], ..Found::default() }), "CredentialsMissing");
    }

    #[test]
    fn rule_9_a_foreign_volume_or_secret_is_a_name_conflict() {
        assert_eq!(reason(&Found { volumes: vec![Some(foreign())], ..Found::default() }), "NameConflict");
        assert_eq!(reason(&Found { secret: Some(foreign()), volumes: vec![None], record: None }), "NameConflict");
    }

    #[test]
    fn rule_10_with_a_recorded_identity_a_lost_volume_is_data_lost() {
        assert_eq!(
            reason(&Found { secret: Some(ours("data-1")), volumes: vec![None], record: Some("data-1".to_owned()) }),
            "DataLost"
        );
    }

    #[test]
    fn rule_10_an_empty_first_instance_does_not_start_beside_surviving_copies_also_when_the_record_is_lost() {
        let copy = vec![None, Some(ours("data-1"))];
        assert_eq!(reason(&Found { secret: Some(ours("data-1")), volumes: copy, record: None }), "DataLost");
    }

    #[test]
    fn rule_10_a_copy_of_other_data_is_not_put_behind_a_primary() {
        let volumes = vec![Some(ours("data-1")), Some(ours("data-2"))];
        assert_eq!(reason(&Found { secret: Some(ours("data-1")), volumes, record: None }), "DataMismatch");
        let volumes = vec![Some(ours("data-1")), Some(foreign())];
        assert_eq!(reason(&Found { secret: Some(ours("data-1")), volumes, record: None }), "NameConflict");
        let volumes = vec![Some(ours("data-1")), None];
        assert_eq!(reason(&Found { secret: Some(ours("data-1")), volumes, record: Some("data-1".to_owned()) }), "Go");
    }

    #[test]
    fn rule_10_a_volume_and_a_secret_of_different_data_are_refused() {
        assert_eq!(
            reason(&Found { secret: Some(ours("data-1")), volumes: vec![Some(ours("data-2"))], record: None }),
            "DataMismatch"
        );
    }

    #[test]
    fn a_cache_without_volume_has_no_identity() {
        let verdict = verdict("{engine: redis, ephemeral: true}", &Found::default());
        assert_eq!(verdict, Verdict::Go { make_secret: true, identity: None });
    }

    #[test]
    fn rule_10_a_secret_of_somebody_else_or_of_other_data_does_not_open_the_volume() {
        let mut stack = stack(POSTGRES);
        stack.set_identity("orders", "data-1");
        let opens = |secret: &Kept| opens(&stack, &stack.databases["orders"], secret);
        assert_eq!([ours("data-1"), ours("data-2"), foreign()].map(|secret| opens(&secret)), [true, false, false]);
    }
}
