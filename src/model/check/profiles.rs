//! Profiles, as in Compose: a component with profiles exists only when one of them is on.
use std::collections::{BTreeMap, BTreeSet};

use super::super::Violations;
use super::spelling;
use crate::api::StackSpec;
use crate::codes::Code;

/// The spec without the components whose profiles are all off. What does not exist is not judged.
pub fn active(spec: &StackSpec) -> StackSpec {
    let mut active = spec.clone();
    active.services.retain(|_, service| is_on(spec, service.profiles.as_deref()));
    active.databases.retain(|_, database| is_on(spec, database.profiles.as_deref()));
    active
}

/// The components that do not exist, with the profiles that would bring them.
pub fn absent(spec: &StackSpec) -> BTreeMap<&str, &[String]> {
    of_components(spec).filter(|(_, own)| !is_on(spec, Some(own))).collect()
}

/// A profile that no component has is told, and holds nothing back: an overlay may know more profiles than its base.
pub fn judge(spec: &StackSpec, notices: &mut Violations) {
    let known: BTreeSet<&str> = of_components(spec).flat_map(|(_, own)| own).map(String::as_str).collect();
    let on = spec.profiles.iter().flatten().enumerate();
    for (n, profile) in on.filter(|(_, profile)| !known.contains(profile.as_str())) {
        let fix = spelling::did_you_mean(profile, known.iter().copied(), "remove it, or give it to a component");
        notices.add(
            Code::UnknownProfile,
            format!("spec.profiles[{n}]"),
            format!("no component has the profile `{profile}`"),
            fix,
        );
    }
}

fn of_components(spec: &StackSpec) -> impl Iterator<Item = (&str, &[String])> {
    let services = spec.services.iter().map(|(name, service)| (name, &service.profiles));
    let databases = spec.databases.iter().map(|(name, database)| (name, &database.profiles));
    services.chain(databases).map(|(name, own)| (name.as_str(), own.as_deref().unwrap_or_default()))
}

fn is_on(spec: &StackSpec, own: Option<&[String]>) -> bool {
    let own = own.unwrap_or_default();
    own.is_empty() || spec.profiles.iter().flatten().any(|on| own.contains(on))
}
