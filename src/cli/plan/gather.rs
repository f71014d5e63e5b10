//! What has to be known before the operator's decisions can be foreseen: each kind of children is listed once, as the user.
use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::Api;
use serde_json::Value;

use super::super::common::access::{Access, name_of};
use super::super::common::refusal::{Refusal, Right};
use super::wanted::Wanted;
use crate::api::OnDelete;
use crate::cluster::store::Root;
use crate::cluster::{data, references, slim};
use crate::desired::meta;
use crate::foresight::{Act, Foreseen, Given};
use crate::kinds::{KINDS, Kind, Row};
use crate::model::guard::{self, Verdict};
use crate::model::{self, DatabaseNames, Facts, SecretFacts};
use crate::observed::{self, Observed, State, Wire, decode};
use crate::readiness;

/// What was gathered.
pub struct Gathered<'a> {
    /// For the decisions.
    pub given: Given<'a>,
    /// The children as they are, by kind and name.
    pub live: BTreeMap<(&'static str, String), Value>,
    /// How many of them are the stack's.
    pub owned: usize,
    /// Whether a change of a Secret that is referred to cannot be seen.
    pub secrets_unknown: bool,
    /// What could not be told, and why.
    pub notes: Vec<String>,
}

/// Identity of data that is yet to be made; nobody else has it.
const FRESH: &str = "new";

/// Lists the children, and reads the Secrets that are referred to.
///
/// # Errors
/// When a kind that the operator makes cannot be listed.
pub async fn gather<'a>(access: &Access, wanted: &'a Wanted) -> Result<Gathered<'a>, String> {
    let name = wanted.object.metadata.name.clone().unwrap_or_default();
    let mut notes = Vec::new();
    let (live, absent) = children(access, &name, &mut notes).await?;
    let mut observed = Observed::default();
    for ((_, name), (row, value)) in &live {
        let wire: Wire = serde_json::from_str(&value.to_string()).map_err(|error| format!("{} {name}: {error}", row.name))?;
        observed.insert(decode(row.kind, &wire));
    }
    let (secrets, secrets_unknown) = secrets(access, wanted, &mut notes).await?;
    let uid = wanted.object.metadata.uid.as_deref();
    let mut gathered = Gathered {
        owned: observed.all().filter(|child| child.kind.row().managed && uid.is_some() && child.owner.as_deref() == uid).count(),
        given: Given {
            object: &wanted.object,
            facts: Facts {
                gateway_api: !absent.contains(&Kind::HttpRoute),
                grpc_routes: !absent.contains(&Kind::GrpcRoute),
                secrets,
                ..Facts::default()
            },
            observed,
            held: BTreeMap::new(),
            absent: BTreeMap::new(),
            refused: BTreeMap::new(),
            registered: registered(wanted),
            secrets: BTreeMap::new(),
        },
        live: live.into_iter().map(|(id, (_, value))| (id, value)).collect(),
        secrets_unknown,
        notes,
    };
    prepare(access, &mut gathered).await?;
    own_secrets(access, &name, &mut gathered).await;
    Ok(gathered)
}

type Children = BTreeMap<(&'static str, String), (&'static Row, Value)>;

/// The children, and the kinds that the cluster does not have.
async fn children(access: &Access, stack: &str, notes: &mut Vec<String>) -> Result<(Children, Vec<Kind>), String> {
    let selector = format!("{}={stack}", meta::STACK);
    let lists = join_all(KINDS.iter().map(|row| {
        let selector = &selector;
        async move { (row, access.list(&slim::resource(row), false, Some(selector)).await) }
    }));
    let (mut children, mut missing, mut absent) = (Children::new(), Vec::new(), Vec::new());
    for (row, list) in lists.await {
        match list {
            Ok(items) => {
                children.extend(items.into_iter().map(|item| ((row.name, name_of(&item).to_owned()), (row, typed(row, item)))));
            }
            Err(Refusal::NoSuchKind(_)) if row.optional => absent.push(row.kind),
            Err(refusal @ Refusal::Forbidden { .. }) if !row.managed => {
                notes.push(format!("not all is looked at: {}", refusal.short()));
            }
            Err(Refusal::Forbidden { resource, .. }) => missing.push(resource),
            Err(refusal) => return Err(refusal.to_string()),
        }
    }
    if missing.is_empty() {
        return Ok((children, absent));
    }
    Err(format!(
        "what is there has to be known: you may not list {} in the namespace {}; ask for these rights",
        missing.join(", "),
        access.namespace
    ))
}

/// Items of a list do not say what they are.
fn typed(row: &Row, mut item: Value) -> Value {
    item["apiVersion"] = row.api_version().into();
    item["kind"] = row.name.into();
    item
}

async fn secrets(
    access: &Access,
    wanted: &Wanted,
    notes: &mut Vec<String>,
) -> Result<(BTreeMap<String, Option<SecretFacts>>, bool), String> {
    let (mut secrets, mut unknown) = (BTreeMap::new(), false);
    for name in model::referenced_secrets(&wanted.object.spec) {
        match access.ask(&Right::new("get", "secrets"), access.api::<Secret>().get_opt(&name)).await {
            Ok(secret) => drop(secrets.insert(name, secret.as_ref().map(references::facts))),
            Err(refusal @ Refusal::Forbidden { .. }) => {
                unknown = true;
                notes.push(format!("whether the Secret {name} has changed is not known: {}", refusal.short()));
                secrets.insert(name, Some(SecretFacts::default()));
            }
            Err(refusal) => return Err(refusal.to_string()),
        }
    }
    Ok((secrets, unknown))
}

fn registered(wanted: &Wanted) -> BTreeSet<String> {
    let wire = wanted.live.as_ref().and_then(|live| serde_json::from_str::<Wire>(&live.to_string()).ok());
    wire.and_then(|wire| Root::new(&wire).registered).unwrap_or_default()
}

/// Judges the data of databases that have no StatefulSet, as the operator does before it makes one.
async fn prepare(access: &Access, gathered: &mut Gathered<'_>) -> Result<(), String> {
    let given = &mut gathered.given;
    let volumes = observed::volumes(given.object.spec.databases.keys(), &given.observed, |_| None);
    let facts = Facts { volumes, ..given.facts.clone() };
    let Ok(stack) = model::check(given.object, &facts) else { return Ok(()) }; // It is told when it is foreseen.
    if stack.paused || stack.hibernates {
        return Ok(());
    }
    for database in stack.databases.values() {
        if readiness::workload(&given.observed, Kind::StatefulSet, &database.objects.base).is_some() {
            continue;
        }
        let found = data::find(&access.client, &stack, database, &given.observed).await;
        let found = found.map_err(|error| format!("the data of {} cannot be looked at: {}", database.name, error.words()))?;
        match guard::judge(&stack, database, &found, FRESH) {
            Verdict::Held(reason, violation) => drop(given.held.insert(database.name.clone(), (reason.to_owned(), violation))),
            Verdict::Go { make_secret, identity } => drop(given.absent.insert(database.name.clone(), (identity, make_secret))),
        }
    }
    Ok(())
}

/// Looks at the Secrets of databases whose data goes with them, or is to; nothing lists our own Secrets.
async fn own_secrets(access: &Access, stack: &str, gathered: &mut Gathered<'_>) {
    let given = &mut gathered.given;
    let spec = &given.object.spec;
    let declared = spec.databases.iter().filter(|(_, database)| database.on_delete == Some(OnDelete::Delete));
    let stamped = given.observed.all().filter(|child| child.erasable).map(|child| child.component.clone());
    let concerned: BTreeSet<String> =
        declared.map(|(name, _)| name.clone()).chain(stamped).chain(given.registered.iter().cloned()).collect();
    for name in concerned {
        let base = DatabaseNames::new(spec.names.unwrap_or_default(), stack, &name).base;
        match access.ask(&Right::new("get", "secrets"), access.api::<Secret>().get_metadata_opt(&base)).await {
            Ok(Some(secret))
                if secret.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(meta::DATA_IDENTITY)) =>
            {
                let stamp = secret.metadata.annotations.as_ref().and_then(|all| all.get(meta::ON_DELETE));
                given.secrets.insert(name, stamp.is_some_and(|stamp| stamp == meta::ERASED));
            }
            Ok(_) => {}
            Err(refusal) => gathered.notes.push(format!("the Secret {base} is not looked at: {}", refusal.short())),
        }
    }
}

/// The volumes that are foreseen to grow and cannot, by database.
pub async fn refused(access: &Access, gathered: &Gathered<'_>, foreseen: &Foreseen) -> BTreeMap<String, String> {
    let mut refused = BTreeMap::new();
    for step in foreseen.steps.iter().filter(|step| matches!(step.act, Act::Grow(_))) {
        let claim = gathered.given.observed.get(Kind::PersistentVolumeClaim, &step.name).map(|claim| &claim.state);
        let class = match claim {
            Some(State::Claim(claim)) => claim.class.clone(),
            _ => continue,
        };
        let Some(class) = class else {
            refused.insert(step.component.clone(), "it has no StorageClass, and only volumes of a class grow".to_owned());
            continue;
        };
        let api = Api::<StorageClass>::all(access.client.clone());
        let right = Right::everywhere("get", "storageclasses.storage.k8s.io");
        // Where it may not be read, the API server judges it at the write.
        if let Ok(found) = access.ask(&right, api.get_opt(&class)).await
            && !found.is_some_and(|class| class.allow_volume_expansion.unwrap_or_default())
        {
            refused
                .insert(step.component.clone(), format!("its StorageClass `{class}` does not have `allowVolumeExpansion: true`"));
        }
    }
    refused
}

impl Gathered<'_> {
    /// A child as it is.
    pub fn live(&self, kind: &'static str, name: &str) -> Option<&Value> {
        self.live.get(&(kind, name.to_owned()))
    }
}

/// Whether a database keeps its data nowhere, from its StatefulSet.
pub fn is_ephemeral(set: &Value) -> bool {
    set["spec"]["volumeClaimTemplates"].as_array().is_none_or(Vec::is_empty)
}
