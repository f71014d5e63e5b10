//! Things that run to their end: migrations of services, tests and jobs.
use std::collections::BTreeMap;

use super::{Door, Resources, Security, Use};

/// Something that runs to its end, in a Job whose name says what it is: another command is another Job.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What it is.
    pub kind: TaskKind,
    /// Name in the spec; of a migration the service's.
    pub name: String,
    /// Name of its Job.
    pub job: String,
    /// Name of its NetworkPolicy.
    pub policy: String,
    /// Container image.
    pub image: String,
    /// Entry point; empty: the image's own.
    pub command: Vec<String>,
    /// Arguments; empty: the image's own.
    pub args: Vec<String>,
    /// What it uses; of a migration what the service uses.
    pub uses: Vec<Use>,
    /// Own environment; wins over the stack's.
    pub config: BTreeMap<String, String>,
    /// Resources as written.
    pub resources: Resources,
    /// Hardening.
    pub security: Security,
    /// Where it may go outside of the stack; none: anywhere. A migration may go where its service may.
    pub outward: Option<Vec<Door>>,
}

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// Brings the databases of a service up to date.
    Migrate,
    /// Tests a revision.
    Test {
        /// Whether the revision is good only when it passes.
        gate: bool,
        /// Seconds that it may take.
        timeout: i32,
    },
    /// Runs once.
    Job,
}

impl TaskKind {
    /// The word for it in names and labels.
    pub fn word(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Test { .. } => "test",
            Self::Job => "job",
        }
    }
}

impl Task {
    /// `<kind>-<name>`, as its pods are labelled.
    pub fn id(&self) -> String {
        format!("{}-{}", self.kind.word(), self.name)
    }

    /// What it belongs to, apart from all components: a `/` is in no component's name.
    pub fn component(&self) -> String {
        of_label(&self.id())
    }

    /// The databases that it uses, and the service of a migration: migrations that share one run one after the other.
    pub fn locks(&self) -> Vec<&str> {
        let databases = self.uses.iter().filter(|edge| edge.kind == super::Component::Database);
        databases.map(|edge| edge.target.as_str()).collect()
    }
}

/// What children with this label for tasks belong to.
pub fn of_label(label: &str) -> String {
    format!("task/{label}")
}
