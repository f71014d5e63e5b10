//! What is seen of the cluster, as compact data: one [`Child`] for each object with our label. Pure: no client, no clock.
pub mod child;
mod decode;
pub mod fields;
mod guard_image;
mod pod;
mod state;

use std::collections::BTreeMap;

pub use child::{Child, CountOwners, Endpoints, Foreign, Managed, PodState, Progress, State, Trouble, Workload};
pub use decode::{COUNT_MANAGER, MANAGER, Wire, WireMeta, decode};

use crate::kinds::Kind;

/// All children that carry a stack's label, by kind and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The children.
    pub children: BTreeMap<(Kind, String), Child>,
}

impl Observed {
    /// One child.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Child> {
        self.children.get(&(kind, name.to_owned()))
    }

    /// All children of a kind that belong to a component.
    pub fn of(&self, kind: Kind, component: &str) -> impl Iterator<Item = &Child> {
        self.children
            .range((kind, String::new())..)
            .take_while(move |((k, _), _)| *k == kind)
            .map(|(_, child)| child)
            .filter(move |child| child.component == component)
    }

    /// Ready addresses in the EndpointSlices of a Service.
    pub fn serving(&self, service: &str) -> i32 {
        self.children
            .range((Kind::EndpointSlice, String::new())..)
            .take_while(|((kind, _), _)| *kind == Kind::EndpointSlice)
            .filter_map(|(_, child)| match &child.state {
                State::Endpoints(endpoints) if endpoints.service == service => Some(endpoints.ready),
                _ => None,
            })
            .sum()
    }
}
