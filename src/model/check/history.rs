//! What the spec asks of a database, judged against what its volumes already hold (rule 10).
use std::cmp::Ordering;

use super::super::image::Reference;
use super::super::quantity::compare;
use super::super::{Recipe, Storage, Violation, Violations, VolumeFacts};
use super::{Scope, resources, spelling};
use crate::api;
use crate::codes::Code;

/// The version that is asked for, as far as it is known: from `version`, else from the tag of `image`.
pub fn version(path: &str, written: &api::Database, recipe: &Recipe, found: &mut Violations) -> Option<String> {
    let tagged = written.image.as_deref().and_then(tag_version);
    let Some(version) = written.version.as_ref().map(|version| version.0.clone()) else {
        return if written.image.is_some() { tagged } else { Some(recipe.version.clone()).filter(|version| !version.is_empty()) };
    };
    let path = format!("{path}.version");
    let allowed = recipe.versions.iter().any(|allowed| follows(&version, allowed));
    if !is_version(&version) {
        found.add(
            Code::NotAVersion,
            path,
            format!("`{version}` is not a version"),
            "write it like `17` or `17.4`; for another flavour of the image, set `image`",
        );
    } else if !recipe.versions.is_empty() && !allowed {
        let known = recipe.versions.join(", ");
        found.add(
            Code::EngineVersion,
            path,
            format!("{version} is not a version of this engine that is known here"),
            format!("choose one of {known}"),
        );
    } else if tagged.as_ref().is_some_and(|tagged| order(&version, tagged) != Ordering::Equal) {
        let reason = format!("`version` says {version}, and the image's tag says {}", tagged.unwrap_or_default());
        found.add(Code::VersionAndTag, path, reason, "make them agree, or remove `version`");
    }
    Some(version)
}

/// Why the database has to stay as it is: another major version, or a lower one, than its volume holds.
pub fn judge_version(
    path: &str,
    field: &str,
    wanted: Option<&str>,
    recipe: &Recipe,
    volume: Option<&VolumeFacts>,
) -> Option<Violation> {
    let (wanted, held) = (wanted?, volume?.version.as_deref()?);
    if recipe.versions.is_empty() || !is_version(wanted) || !is_version(held) {
        return None;
    }
    let reason = match (numbers(wanted).next() == numbers(held).next(), order(wanted, held)) {
        (true, Ordering::Less) => "an older version cannot be trusted with the data of a newer one",
        (false, _) => "a change of the major version needs its data to be moved, not only another image",
        (true, _) => return None,
    };
    Some(Violation {
        path: format!("{path}.{field}"),
        reason: format!("{wanted} is asked for, and the volume holds data of {held}: {reason}; the database stays as it is"),
        fix: format!("go back to {held}, or add a second database with {wanted} and move the data"),
        code: Code::VersionRefused,
    })
}

/// Where the data is: what exists is kept, and what the spec asks instead becomes a notice.
pub fn storage(scope: Scope, name: &str, written: &api::Database, found: &mut Violations, notices: &mut Violations) -> Storage {
    let path = format!("spec.databases.{name}");
    let ephemeral = written.ephemeral.unwrap_or_default();
    if written.storage.is_some() == ephemeral {
        let reason = "a database keeps its data on a volume, or has none and may lose it at any restart";
        found.add(Code::StorageOrEphemeral, &path, reason, "give exactly one of `storage: { size: ... }` and `ephemeral: true`");
    }
    let volume = scope.facts.volumes.get(name);
    let template = volume.and_then(|volume| volume.template_size.as_deref());
    let Some(storage) = &written.storage else {
        return template.map_or(Storage::Ephemeral, |size| kept_volume(&path, size, volume, notices));
    };
    let requested = storage.size.0.as_str();
    resources::judge_amount(&format!("{path}.storage.size"), requested, "`20Gi`", found);
    if let Some(class) = &storage.class
        && !spelling::is_dns_name(class)
    {
        let fix = "use lower-case letters, digits, `-` and `.`";
        found.add(
            Code::ObjectName,
            format!("{path}.storage.class"),
            format!("`{class}` cannot be the name of a StorageClass"),
            fix,
        );
    }
    let size = size(&path, requested, volume, notices);
    Storage::Volume {
        requested: requested.to_owned(),
        template: template.map_or_else(|| size.clone(), str::to_owned),
        size,
        class: class(&path, storage.class.as_deref(), volume, notices),
        identity: volume.and_then(|volume| volume.identity.clone()),
    }
}

fn kept_volume(path: &str, size: &str, volume: Option<&VolumeFacts>, notices: &mut Violations) -> Storage {
    notices.add(
        Code::KeptVolume,
        format!("{path}.ephemeral"),
        format!("the database has a volume of {size}, and data is not thrown away by an edit; it keeps the volume"),
        format!("write `storage: {{ size: {size} }}`, or add a second database that is ephemeral"),
    );
    Storage::Volume {
        requested: size.to_owned(),
        size: size.to_owned(),
        template: size.to_owned(),
        class: volume.and_then(|volume| volume.template_class.clone()),
        identity: volume.and_then(|volume| volume.identity.clone()),
    }
}

/// The size that the volumes are to have: they grow where their class can, and never shrink.
fn size(path: &str, requested: &str, volume: Option<&VolumeFacts>, notices: &mut Violations) -> String {
    let path = format!("{path}.storage.size");
    let known = volume.into_iter().flat_map(|volume| [volume.template_size.as_deref(), volume.volume_size.as_deref()]).flatten();
    let Some(existing) = known.reduce(larger) else { return requested.to_owned() };
    let refused = volume.and_then(|volume| volume.refused.as_deref());
    match (compare(requested, existing), refused) {
        (Some(Ordering::Less), _) => notices.add(
            Code::Shrink,
            path,
            format!("{requested} is asked for, and the volume has {existing}: a volume never shrinks; it stays at {existing}"),
            format!("write `size: {existing}`, or add a second database and move the data"),
        ),
        (Some(Ordering::Greater), Some(why)) => notices.add(
            Code::Grow,
            path,
            format!("{requested} is asked for, and the volume has {existing}: it cannot grow, for {why}; it stays at {existing}"),
            format!("let the class grow volumes (seen within 15 minutes), write `size: {existing}`, or add a second database of {requested} and move the data"),
        ),
        (Some(Ordering::Equal), _) => {}
        (Some(Ordering::Greater), None) | (None, _) => return requested.to_owned(),
    }
    existing.to_owned()
}

fn larger<'a>(one: &'a str, other: &'a str) -> &'a str {
    if compare(one, other) == Some(Ordering::Less) { other } else { one }
}

/// The class of the volume template; without a template, that of the volumes that are there.
fn class(path: &str, wanted: Option<&str>, volume: Option<&VolumeFacts>, notices: &mut Violations) -> Option<String> {
    let template = volume.is_some_and(|volume| volume.template_size.is_some());
    let existing =
        volume.and_then(|volume| if template { volume.template_class.as_deref() } else { volume.volume_class.as_deref() });
    if !template && (wanted.is_none() || existing.is_none()) {
        return wanted.map(str::to_owned);
    }
    if let Some(wanted) = wanted.filter(|wanted| Some(*wanted) != existing) {
        let existing = existing.map_or_else(|| "the cluster's default class".to_owned(), |class| format!("`{class}`"));
        notices.add(
            Code::StorageClass,
            format!("{path}.storage.class"),
            format!("`{wanted}` is asked for, and the volume was made by {existing}: the class of a volume cannot change"),
            "put the class back, or add a second database and move the data",
        );
    }
    existing.map(str::to_owned)
}

/// The leading numbers of an image's tag: `15.3` of `postgres:15.3-alpine`.
fn tag_version(image: &str) -> Option<String> {
    let tag = Reference::parse(image).tag?;
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
    let version = tag[..end].trim_end_matches('.');
    is_version(version).then(|| version.to_owned())
}

fn is_version(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit()))
}

fn numbers(version: &str) -> impl Iterator<Item = u64> {
    version.split('.').map_while(|part| part.parse().ok())
}

/// Compares versions as far as both are told: `17` equals `17.4`.
fn order(one: &str, other: &str) -> Ordering {
    numbers(one).zip(numbers(other)).map(|(one, other)| one.cmp(&other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Whether a version is above another one, or tells more of the same: `17.4` is newer than `17.3` and than `17`.
pub fn is_newer(version: &str, than: &str) -> bool {
    match order(version, than) {
        Ordering::Greater => true,
        Ordering::Equal => numbers(version).count() > numbers(than).count(),
        Ordering::Less => false,
    }
}

fn follows(version: &str, allowed: &str) -> bool {
    version.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
