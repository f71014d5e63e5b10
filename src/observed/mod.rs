//! What is seen of the cluster, as compact data: one [`Child`] for each object with our label. Pure: no client, no clock.
pub mod child;
mod decode;
pub mod fields;
mod guard_image;
mod pod;
mod revision;
mod state;
mod volumes;

use std::sync::Arc;

pub use child::{
    Child, ClaimState, CountOwners, Endpoints, Foreign, Managed, PodState, Progress, State, TaskEnd, TaskState, Trouble, Workload,
};
pub use decode::{COUNT_MANAGER, MANAGER, Wire, WireMeta, decode};
pub use revision::record as record_of;
pub use volumes::volumes;

use crate::kinds::Kind;

/// All children that carry a stack's label. A copy shares them: thousands of stacks are looked at all the time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// By kind and name.
    children: Vec<Arc<Child>>,
}

impl Observed {
    /// One child.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Child> {
        self.place(kind, name).ok().map(|at| &*self.children[at])
    }

    /// All children, by kind and name.
    pub fn all(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().map(|child| &**child)
    }

    /// All children of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Child> {
        let from = self.children.partition_point(|child| child.kind < kind);
        self.children[from..].iter().map(|child| &**child).take_while(move |child| child.kind == kind)
    }

    /// All children of a kind that belong to a component.
    pub fn of(&self, kind: Kind, component: &str) -> impl Iterator<Item = &Child> {
        self.of_kind(kind).filter(move |child| child.component == component)
    }

    /// Ready addresses in the EndpointSlices of a Service.
    pub fn serving(&self, service: &str) -> i32 {
        self.of_kind(Kind::EndpointSlice)
            .filter_map(|child| match &child.state {
                State::Endpoints(endpoints) if endpoints.service == service => Some(endpoints.ready),
                _ => None,
            })
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Adds a child, or takes another one's place.
    pub fn insert(&mut self, child: Child) {
        match self.place(child.kind, &child.name) {
            Ok(at) => self.children[at] = Arc::new(child),
            Err(at) => self.children.insert(at, Arc::new(child)),
        }
    }

    /// Takes a child out.
    pub fn remove(&mut self, kind: Kind, name: &str) {
        if let Ok(at) = self.place(kind, name) {
            self.children.remove(at);
        }
    }

    /// Keeps those of which this is true; returns whether any went.
    pub fn retain(&mut self, stays: impl Fn(&Child) -> bool) -> bool {
        let before = self.children.len();
        self.children.retain(|child| stays(child));
        self.children.len() < before
    }

    /// A child to be changed in place; who looks at a copy goes on to see the former one.
    pub fn edit(&mut self, kind: Kind, name: &str) -> Option<&mut Child> {
        self.place(kind, name).ok().map(|at| Arc::make_mut(&mut self.children[at]))
    }

    fn place(&self, kind: Kind, name: &str) -> Result<usize, usize> {
        self.children.binary_search_by(|child| (child.kind, child.name.as_str()).cmp(&(kind, name)))
    }
}

impl FromIterator<Child> for Observed {
    fn from_iter<T: IntoIterator<Item = Child>>(children: T) -> Self {
        let mut observed = Self::default();
        children.into_iter().for_each(|child| observed.insert(child));
        observed
    }
}
