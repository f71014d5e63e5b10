//! What is watched, and where: the whole cluster, or only some namespaces.
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::kinds::{KINDS, Kind};

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The stacks themselves.
    Stacks,
    /// Children of a kind.
    Kind(Kind),
}

impl Source {
    /// Everything that is watched.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Stacks).chain(KINDS.iter().map(|row| Self::Kind(row.kind)))
    }
}

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Feed {
    /// What it delivers.
    pub source: Source,
    /// From which namespace; none: from all.
    pub namespace: Option<Arc<str>>,
}

impl From<Source> for Feed {
    fn from(source: Source) -> Self {
        Self { source, namespace: None }
    }
}

/// The namespaces that are watched; none named: all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<Arc<str>>);

impl Scope {
    /// These namespaces, each once.
    pub fn of<'a>(namespaces: impl IntoIterator<Item = &'a str>) -> Self {
        let named: BTreeSet<&str> = namespaces.into_iter().map(str::trim).filter(|name| !name.is_empty()).collect();
        Self(named.into_iter().map(Arc::from).collect())
    }

    /// All watches that there are.
    pub fn feeds(&self) -> Vec<Feed> {
        if self.0.is_empty() {
            return Source::all().map(Feed::from).collect();
        }
        let of_namespace = |name: &Arc<str>| {
            let namespace = Some(Arc::clone(name));
            Source::all().map(move |source| Feed { source, namespace: namespace.clone() })
        };
        self.0.iter().flat_map(of_namespace).collect()
    }

    /// The watch that shows objects of this namespace.
    pub fn feed(&self, source: Source, namespace: &str) -> Feed {
        Feed { source, namespace: self.0.iter().find(|name| ***name == *namespace).cloned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_one_watch_shows_all_namespaces() {
        let scope = Scope::of(["", " "]);
        assert_eq!(scope.feeds().len(), KINDS.len() + 1);
        assert_eq!(scope.feed(Source::Stacks, "shop"), Feed::from(Source::Stacks));
    }

    #[test]
    fn each_namespace_has_its_own_watches_however_often_it_is_named() {
        let scope = Scope::of(["shop", "bank", "shop"]);
        let of_stacks: Vec<Feed> = scope.feeds().into_iter().filter(|feed| feed.source == Source::Stacks).collect();
        assert_eq!(of_stacks, [scope.feed(Source::Stacks, "bank"), scope.feed(Source::Stacks, "shop")]);
        assert_eq!(scope.feeds().len(), 2 * (KINDS.len() + 1));
    }
}
