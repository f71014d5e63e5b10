//! The compact record of one object.
use std::sync::Arc;

use crate::kinds::Kind;
use crate::model::Record;

/// One object with our label.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Kind.
    pub kind: Kind,
    /// Name.
    pub name: String,
    /// UID, for preconditions.
    pub uid: String,
    /// Resource version; comparable since Kubernetes 1.35, and numeric long before.
    pub version: u64,
    /// Generation of the spec.
    pub generation: i64,
    /// Generation at which what we send last changed: counts raise the generation too, and roll nothing.
    pub sent_generation: i64,
    /// UID of the controlling owner.
    pub owner: Option<String>,
    /// Whether that owner is a stack: one of the same name that was deleted, when the UID is not the present one's.
    pub owned_by_stack: bool,
    /// Component that it belongs to, from its label.
    pub component: String,
    /// Identity of the data, from its label.
    pub identity: Option<String>,
    /// Version of the engine that wrote the data, from its label.
    pub data_version: Option<String>,
    /// How many members a recorded cluster has.
    pub members: Option<i32>,
    /// Form of the engine's recipe, of a StatefulSet and of its volumes that were asked to grow, from its annotation.
    pub form: Option<i32>,
    /// Count that it had before its stack hibernated, from its annotation.
    pub hibernated_from: Option<i32>,
    /// Whether it is stamped to go with its database; on a StatefulSet: whether its Secret is.
    pub erasable: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Hash of what was last sent, from its annotation.
    pub desired: Option<String>,
    /// What the managed fields say.
    pub managed: Managed,
    /// What is read of its spec and status.
    pub state: State,
    /// The list of its watch that has named it last; what a later one does not name is gone.
    pub seen: u32,
}

/// What the managed fields say of drift.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed {
    /// Hash of our Apply entry; 0: there is none.
    pub ours: u64,
    /// Our Apply entry, until it has been verified against what is sent.
    pub text: Option<Arc<str>>,
    /// Who else has an entry in the strict part of the object (rule 12).
    pub foreign: Option<Foreign>,
    /// The other manager that was the last to write the object.
    pub editor: Option<Box<str>>,
    /// Who owns `spec.replicas`.
    pub count: CountOwners,
}

/// The entries of other managers.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// The name of the last one, such as `kubectl-edit`.
    pub manager: Box<str>,
    /// Hash of all their entries.
    pub hash: u64,
}

/// Who owns `spec.replicas` of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountOwners {
    /// The manager of the templates does.
    pub template: bool,
    /// The manager of the counts does.
    pub count: bool,
    /// Another manager that does.
    pub other: Option<Box<str>>,
}

/// What is read of an object's spec and status.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// Nothing: its metadata is enough.
    #[default]
    Nothing,
    /// A Deployment or StatefulSet.
    Workload(Box<Workload>),
    /// A HorizontalPodAutoscaler: the count that it wants, and why it cannot work, if it cannot.
    Autoscaler {
        /// Count that it wants; 0 before its first step.
        desired: i32,
        /// Why it cannot work.
        trouble: Option<Trouble>,
    },
    /// A Pod.
    Pod(PodState),
    /// An EndpointSlice.
    Endpoints(Endpoints),
    /// A PersistentVolumeClaim.
    Claim(Box<ClaimState>),
    /// What is remembered of a revision.
    Revision(Box<Record>),
    /// A Job.
    Task(Box<TaskState>),
    /// A route: whether its parent has accepted it at its present generation, and what the parent says.
    Route {
        /// Accepted, with its references resolved.
        accepted: bool,
        /// What the parent says when it is not.
        message: String,
    },
}

/// A Deployment or StatefulSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Count in its spec.
    pub replicas: i32,
    /// Generation that its controller has seen.
    pub observed_generation: i64,
    /// Pods of the present template.
    pub updated: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// All its pods that are not going away.
    pub current: i32,
    /// How its rollout goes (a Deployment's `Progressing` condition).
    pub progress: Progress,
    /// What stops its controller, such as a quota.
    pub trouble: Option<Trouble>,
    /// Identity of the data in the volume template of a StatefulSet.
    pub volume_identity: Option<String>,
    /// Size in the volume template of a StatefulSet.
    pub volume_size: Option<String>,
    /// StorageClass in the volume template of a StatefulSet.
    pub volume_class: Option<String>,
    /// Image of the volume guard in the pod template of a StatefulSet, as long as it is the one that was sent.
    pub guard_image: Option<String>,
}

/// How a Deployment's rollout goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Not known, or under way.
    #[default]
    Underway,
    /// Some template has rolled out completely.
    Complete,
    /// No progress within its deadline.
    Stuck,
}

/// A reason word and a message of Kubernetes' own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Reason word, such as `ImagePullBackOff`.
    pub reason: String,
    /// Message.
    pub message: String,
}

impl Trouble {
    /// Whether the data of a database is not what it should be: only a person can go on.
    pub fn is_of_data(&self) -> bool {
        matches!(self.reason.as_str(), "DataLost" | "DataMismatch" | "VolumeUnreadable")
    }
}

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodState {
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has ended for good, as an evicted one has; another takes its place.
    pub ended: bool,
    /// What keeps it from being ready, the worst first.
    pub trouble: Option<Trouble>,
    /// Whether any of its containers has begun.
    pub begun: bool,
    /// Exit code of its container, where it has ended for good.
    pub exit: Option<i32>,
}

/// A Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskState {
    /// How it has ended, if it has.
    pub end: Option<TaskEnd>,
    /// What the stack's annotation for retries said when it was made.
    pub retry: String,
    /// Databases of which another migration waits for it.
    pub locks: Vec<String>,
}

/// How a Job has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// Well.
    Complete,
    /// Not well, in Kubernetes' own words.
    Failed(Trouble),
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimState {
    /// Capacity of the bound volume, else the requested size.
    pub size: String,
    /// Requested size.
    pub requested: String,
    /// StorageClass.
    pub class: Option<String>,
    /// Whether it is bound.
    pub bound: bool,
    /// Image of the volume guard in the pods that mount it, noted when it was last asked to grow.
    pub guard_image: Option<String>,
}

/// An EndpointSlice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints {
    /// The Service that it belongs to.
    pub service: String,
    /// Ready addresses.
    pub ready: i32,
}
