//! The one birthplace of derived names. Each fits its kind: a StatefulSet name over 52 characters is accepted by the
//! API server and then never gets pods, so every base name has at most 52.
use sha2::{Digest, Sha256};

use crate::api::Names;

/// Longest base name: a StatefulSet's, whose pods carry `<name>-<10 characters>` in a label of at most 63.
pub const LONGEST_BASE: usize = 52;
/// Digits of a short hash.
pub const HASH: usize = 8;
const HEADLESS: &str = "-headless";
const IDENTITY: &str = "-identity";
const INIT: &str = "-init";
const RECIPE: &str = "-recipe";
const READ_ONLY: &str = "-ro";
const _: () = assert!(
    LONGEST_BASE + HEADLESS.len() <= 63
        && LONGEST_BASE + IDENTITY.len() <= 63
        && INIT.len() <= IDENTITY.len()
        && RECIPE.len() <= IDENTITY.len()
        && READ_ONLY.len() <= HEADLESS.len()
);

/// Names of the objects of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNames {
    /// Deployment, Service, ServiceAccount, PodDisruptionBudget, HorizontalPodAutoscaler, Ingress, first HTTPRoute.
    pub base: String,
}

/// Names of the objects of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseNames {
    /// StatefulSet, client Service, PodDisruptionBudget, generated Secret.
    pub base: String,
    /// Headless Service.
    pub headless: String,
    /// ConfigMap that records the identity of the data.
    pub identity: String,
    /// ConfigMap with the init scripts.
    pub init: String,
    /// ConfigMap with the scripts of the engine's recipe.
    pub recipe: String,
    /// Service that selects all instances, for reading, of an engine whose instances follow the first.
    pub read_only: String,
}

impl ServiceNames {
    /// Derives the names of a service.
    pub fn new(names: Names, stack: &str, component: &str) -> Self {
        Self { base: base(names, stack, component) }
    }

    /// Name of the ConfigMap with the files whose contents have this hash.
    pub fn files(&self, hash: &str) -> String {
        fitted(&format!("{}-files-{hash}", self.base), 253)
    }

    /// Name of the HTTPRoute for a host other than the first.
    pub fn route(&self, host: &str) -> String {
        format!("{}-{}", self.base, short_hash(host))
    }
}

impl DatabaseNames {
    /// Derives the names of a database.
    pub fn new(names: Names, stack: &str, component: &str) -> Self {
        let base = base(names, stack, component);
        Self {
            headless: format!("{base}{HEADLESS}"),
            identity: format!("{base}{IDENTITY}"),
            init: format!("{base}{INIT}"),
            recipe: format!("{base}{RECIPE}"),
            read_only: read_only(&base),
            base,
        }
    }

    /// Host name of the first instance, for the others.
    pub fn primary(&self) -> String {
        self.host(0)
    }

    /// Host name of an instance.
    pub fn host(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}.{}", self.base, self.headless)
    }

    /// Name of the volume claim of one instance; the StatefulSet controller makes it from the template `data`.
    pub fn claim(&self, ordinal: i32) -> String {
        format!("data-{}-{ordinal}", self.base)
    }
}

/// Name of the Service that selects all instances of a database, from its base name.
pub fn read_only(base: &str) -> String {
    format!("{base}{READ_ONLY}")
}

fn base(names: Names, stack: &str, component: &str) -> String {
    match names {
        Names::Plain => fitted(component, LONGEST_BASE),
        Names::Prefixed => fitted(&format!("{stack}-{component}"), LONGEST_BASE),
    }
}

/// Name of the Job of a task `<kind>-<name>`, of which this decides what it does; its pods carry it and six characters more.
pub fn job(names: Names, stack: &str, task: &str, decides: &str) -> String {
    let prefix = match names {
        Names::Plain => String::new(),
        Names::Prefixed => format!("{stack}-"),
    };
    format!("{}-{}", fitted(&format!("{prefix}{task}"), 63 - HASH - 1), short_hash(decides))
}

/// Name of the NetworkPolicy of a task `<kind>-<name>`: the dot keeps it apart from those of components.
pub fn task_policy(names: Names, stack: &str, task: &str) -> String {
    format!("{}.task", base(names, stack, task))
}

/// The name itself, or its beginning and a hash of the whole where it is too long.
fn fitted(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let kept = name[..longest - HASH - 1].trim_end_matches('-');
    format!("{kept}-{}", short_hash(name))
}

/// Eight hexadecimal digits that tell texts apart.
pub fn short_hash(text: &str) -> String {
    hex(text)[..HASH].to_owned()
}

/// SHA-256 of a text in hexadecimal.
pub fn hex(text: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_derived_name_fits_its_kind_however_long_the_parts_are() {
        let (stack, component) = ("s".repeat(53), "c".repeat(40));
        let names = DatabaseNames::new(Names::Prefixed, &stack, &component);
        assert!(names.base.len() <= LONGEST_BASE && names.headless.len() <= 63 && names.identity.len() <= 63);
    }

    #[test]
    fn long_names_that_differ_at_the_end_stay_apart() {
        let stack = "s".repeat(53);
        let name = |component| ServiceNames::new(Names::Prefixed, &stack, component).base;
        assert_ne!(name("alpha"), name("beta"));
    }
}
