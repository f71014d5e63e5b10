//! What is true of a stack once it is checked: no `Option` where a value is needed, every name derived, every
//! reference resolved. Only [`check`] makes a [`Stack`]. Pure: no client, no clock, no randomness.
mod check;
pub mod discovery;
pub mod engine;
mod facts;
pub mod graph;
pub mod guard;
pub mod image;
mod isolation;
pub mod names;
mod probes;
pub mod quantity;
pub mod revision;
mod route;
pub mod task;
pub mod violation;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Engine;
pub use crate::api::Names;
pub use check::{MOST_INSTANCES, active, check, did_you_mean, grpc_method, is_newer, referenced_secrets};
pub use engine::{Recipe, Replication, Setting};
pub use facts::{Facts, SecretFacts, VolumeFacts};
pub use isolation::{Door, Doors, Peer, PodPort};
pub use names::{DatabaseNames, ServiceNames};
pub use probes::{Check, Probe, Probes};
pub use revision::{Record, Revision, Rollout};
pub use route::{Host, Route, RouteKind, Tls};
pub use task::{Task, TaskKind};
pub use violation::{Violation, Violations};

/// Annotation of a stack, and of the pod templates that it restarts: a JSON map of components to times in RFC 3339; on a
/// template its own time.
pub const RESTARTED_AT: &str = "microservicestack.dev/restarted-at";

/// A checked stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Name of the object.
    pub name: String,
    /// Namespace of the object and of all its children.
    pub namespace: String,
    /// UID of the object, for owner references.
    pub uid: String,
    /// Generation of the spec.
    pub generation: i64,
    /// Environment of every service, as written.
    pub config: BTreeMap<String, String>,
    /// What serves the routes.
    pub routing: Routing,
    /// Who may reach exposed ports; empty: anybody.
    pub routes_from: Vec<Peer>,
    /// Whether only what is declared may reach its pods.
    pub isolated: bool,
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// Databases by name.
    pub databases: BTreeMap<String, Database>,
    /// Migrations, tests and jobs.
    pub tasks: Vec<Task>,
    /// Start order: waves of component names; each uses only earlier waves.
    pub waves: Vec<Vec<String>>,
    /// When components were last asked to restart, in RFC 3339.
    pub restarts: BTreeMap<String, String>,
    /// How children are called.
    pub names: Names,
    /// What its services are made from.
    pub revision: Revision,
    /// Name of the revision that the spec asks for: another one while the services are put back (rule 7).
    pub asked: String,
    /// Why the services could not be put back.
    pub stays: Option<String>,
    /// How a revision is rolled out.
    pub rollout: Rollout,
    /// Every database of the spec, also one whose profile is off, and whether its data goes when it is removed.
    pub declared: BTreeMap<String, bool>,
    /// Whether nothing may be changed.
    pub paused: bool,
    /// Whether nothing is to run.
    pub hibernates: bool,
    /// What cannot be done but holds nothing back, such as a volume that would shrink.
    pub notices: Vec<Violation>,
    /// Keeps the constructor inside this room.
    checked: Checked,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Checked;

/// What serves the routes of a stack.
#[derive(Clone, Debug, PartialEq)]
pub enum Routing {
    /// `HTTPRoute`s attached to this Gateway.
    Gateway {
        /// Name of the Gateway.
        name: String,
        /// Namespace of the Gateway.
        namespace: String,
        /// Listener, or all.
        section: Option<String>,
    },
    /// An Ingress of this class, or of the default class.
    Ingress {
        /// Class name.
        class: Option<String>,
    },
}

/// A checked service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Name in the spec.
    pub name: String,
    /// Names of its objects.
    pub objects: ServiceNames,
    /// Container image.
    pub image: String,
    /// Entry point; empty: the image's own.
    pub command: Vec<String>,
    /// Arguments; empty: the image's own.
    pub args: Vec<String>,
    /// Ports, the main one first. Empty: a worker.
    pub ports: Vec<Port>,
    /// Who chooses the count.
    pub count: Count,
    /// Hosts and paths from outside, in the order of the spec.
    pub routes: Vec<Route>,
    /// What is open besides the edges.
    pub doors: Doors,
    /// What it uses, in the order of the spec, hard edges first. Optional ones that do not exist are left out.
    pub uses: Vec<Use>,
    /// Own environment, as written; wins over the stack's.
    pub config: BTreeMap<String, String>,
    /// Files by absolute path.
    pub files: BTreeMap<String, String>,
    /// Writable empty folders.
    pub scratch: Vec<String>,
    /// Secrets that become environment.
    pub secrets: Vec<SecretRef>,
    /// Checks.
    pub probes: Probes,
    /// Resources as written, valid quantities.
    pub resources: Resources,
    /// Hardening.
    pub security: Security,
}

/// A checked database.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Name in the spec.
    pub name: String,
    /// Names of its objects.
    pub objects: DatabaseNames,
    /// How this engine is run; for `custom` filled from the spec.
    pub recipe: Recipe,
    /// Image that runs.
    pub image: String,
    /// Version as far as it is known: from `version`, else from the tag of `image`.
    pub version: Option<String>,
    /// How many instances.
    pub instances: i32,
    /// What members of a cluster are told of each.
    pub peers: Vec<String>,
    /// Where the data is.
    pub storage: Storage,
    /// How clients prove who they are.
    pub credentials: Credentials,
    /// Name of the database, for engines that have several inside.
    pub database: String,
    /// Init scripts by file name.
    pub init: BTreeMap<String, String>,
    /// Further environment of the engine.
    pub env: BTreeMap<String, String>,
    /// Entry point; empty: the image's own.
    pub command: Vec<String>,
    /// Arguments, complete: the recipe's own, those for or without credentials, then the spec's.
    pub args: Vec<String>,
    /// Resources as written, valid quantities.
    pub resources: Resources,
    /// Hardening.
    pub security: Security,
    /// Image with the `volume-guard` command; none where the operator does not know its own image.
    pub guard_image: Option<String>,
    /// Whether its data goes when it is removed.
    pub erasable: bool,
    /// Most connections that it is to admit, where the spec says so.
    pub max_connections: Option<i32>,
    /// Most connections that consumers can have at once, where that is a number to reckon with.
    pub connections: Option<i32>,
    /// Whether more than one consumer is meant.
    pub shared: bool,
    /// What is open besides the edges.
    pub doors: Doors,
    /// Why its StatefulSet stays as it is: the version on the volume cannot be taken to the wanted one (rule 10).
    pub held: Option<Violation>,
}

/// One port of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Name, such as `http`.
    pub name: String,
    /// Port of the Service.
    pub service: u16,
    /// Port of the container.
    pub container: u16,
    /// Transport protocol: `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// `appProtocol` of the Service port, such as `kubernetes.io/h2c`.
    pub app_protocol: Option<String>,
}

/// Who chooses a count.
#[derive(Clone, Debug, PartialEq)]
pub enum Count {
    /// The spec.
    Fixed(i32),
    /// A HorizontalPodAutoscaler.
    Scaled {
        /// Fewest instances.
        min: i32,
        /// Most instances.
        max: i32,
        /// Target of processor use in percent of the request.
        cpu: Option<i32>,
        /// Target of memory use in percent of the request.
        memory: Option<i32>,
    },
}

impl Count {
    /// The most instances that there are once nothing is being replaced.
    pub fn most(&self) -> i32 {
        match self {
            Self::Fixed(count) => *count,
            Self::Scaled { max, .. } => *max,
        }
    }

    /// The count that a new workload starts with, and the least that has to serve.
    pub fn floor(&self) -> i32 {
        match self {
            Self::Fixed(count) => *count,
            Self::Scaled { min, .. } => *min,
        }
    }
}

/// An edge of the graph, with the names of its variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// Component that is used.
    pub target: String,
    /// What it is.
    pub kind: Component,
    /// Whether it is without order.
    pub optional: bool,
    /// Further variables: name to key (`uri`, `host`, ...).
    pub env: BTreeMap<String, String>,
    /// Most connections that one instance holds to it, where that is told.
    pub pool: Option<i32>,
}

/// What a name in a stack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// A stateless service.
    Service,
    /// A database, queue or cache.
    Database,
}

/// A Secret whose keys become environment.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: String,
    /// Keyed digest of its data; none while it does not exist.
    pub digest: Option<String>,
    /// Its keys; none while it does not exist.
    pub keys: BTreeSet<String>,
}

/// Resources of one instance; each a valid quantity, in the user's spelling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Requests by resource name (`cpu`, `memory`).
    pub requests: BTreeMap<String, String>,
    /// Limits by resource name.
    pub limits: BTreeMap<String, String>,
}

/// Hardening of one component's pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    /// Whether pods pass the Pod Security Standard `restricted`.
    pub restricted: bool,
    /// User id; none: the image's own.
    pub user: Option<i64>,
    /// Group id; none: the image's own.
    pub group: Option<i64>,
    /// Group that owns the volumes.
    pub fs_group: Option<i64>,
}

/// Where a database's data is.
#[derive(Clone, Debug, PartialEq)]
pub enum Storage {
    /// On a volume for each instance.
    Volume {
        /// Size that the spec asks for.
        requested: String,
        /// Size that the volumes are to have: the one that is asked for, or a larger one that they have.
        size: String,
        /// Size in the volume template: the existing one where there is one.
        template: String,
        /// StorageClass; none: the cluster's default.
        class: Option<String>,
        /// Identity of the data; none until it is known (a first creation fills it in).
        identity: Option<String>,
    },
    /// Nowhere: lost at each restart.
    Ephemeral,
}

/// How clients of a database prove who they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Credentials {
    /// A Secret that mstack makes once, in servicebinding.io form.
    Generated {
        /// Name of the Secret.
        secret: String,
    },
    /// The user's own Secret with `username` and `password`.
    Given {
        /// The Secret and its digest.
        secret: SecretRef,
    },
    /// Not at all.
    None,
}

impl Database {
    /// The Secret that tells all of a database outside the stack (`engine: external`); none of any other.
    pub fn external(&self) -> Option<&SecretRef> {
        match &self.credentials {
            Credentials::Given { secret } if self.recipe.engine == Engine::External => Some(secret),
            _ => None,
        }
    }

    /// Whether the first instance takes the writes and the others follow it.
    pub fn has_primary(&self) -> bool {
        self.recipe.replication == Replication::Followers
    }

    /// Whether the instances are equal members of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.instances > 1 && matches!(self.recipe.replication, Replication::Members(_))
    }

    /// The Service that selects all instances: on it they are counted (rule 1).
    pub fn counted_on(&self) -> &str {
        if self.has_primary() { &self.objects.read_only } else { &self.objects.base }
    }
}
