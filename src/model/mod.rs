//! What is true of a stack once it is checked: no `Option` where a value is needed, every name derived, every
//! reference resolved. Only [`check`] makes a [`Stack`]. Pure: no client, no clock, no randomness.
mod check;
pub mod discovery;
pub mod engine;
pub mod graph;
pub mod guard;
pub mod names;
pub mod quantity;
pub mod violation;

use std::collections::BTreeMap;

pub use check::{check, is_newer};
pub use engine::Recipe;
pub use names::{DatabaseNames, ServiceNames};
pub use violation::{Violation, Violations};

/// What has to be known of the cluster before a stack can be checked. Data, gathered by the cluster room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether the cluster has Gateway API `HTTPRoute`.
    pub gateway_api: bool,
    /// The Secrets of the stack's namespace that the spec refers to: a keyed digest of their data, or `None` while
    /// there is no such Secret.
    pub secrets: BTreeMap<String, Option<String>>,
    /// By database: what its existing volumes and StatefulSet say. Absent for a database that has neither.
    pub volumes: BTreeMap<String, VolumeFacts>,
    /// Image of this operator, whose `volume-guard` command runs before a database opens its volume.
    pub guard_image: Option<String>,
}

/// What is already there of a database's storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VolumeFacts {
    /// Size in the StatefulSet's volume template, which cannot change in place.
    pub template_size: Option<String>,
    /// StorageClass in the StatefulSet's volume template.
    pub template_class: Option<String>,
    /// Identity of the data.
    pub identity: Option<String>,
    /// Version that is recorded for the data.
    pub version: Option<String>,
    /// Image of the volume guard in the StatefulSet: a new operator restarts no database for its own image's sake.
    pub guard_image: Option<String>,
}

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
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// Databases by name.
    pub databases: BTreeMap<String, Database>,
    /// Start order: waves of component names; each uses only earlier waves.
    pub waves: Vec<Vec<String>>,
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
    /// The count that a new workload starts with, and the least that has to serve.
    pub fn floor(&self) -> i32 {
        match self {
            Self::Fixed(count) => *count,
            Self::Scaled { min, .. } => *min,
        }
    }
}

/// A host and path from outside, and the port that it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Host; none: every host of the Gateway or Ingress.
    pub host: Option<String>,
    /// Path prefix.
    pub path: String,
    /// Port of the Service.
    pub port: u16,
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
}

/// The checks of one instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probes {
    /// Whether it gets traffic.
    pub ready: Option<Probe>,
    /// Whether it is restarted.
    pub live: Option<Probe>,
    /// How long the start may take, in seconds; the check is `ready`'s.
    pub startup_seconds: Option<i32>,
}

/// One check.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// How to check.
    pub check: Check,
    /// Seconds between checks.
    pub period: i32,
    /// Seconds that one check may take.
    pub timeout: i32,
    /// Failures in a row that count.
    pub failures: i32,
}

/// How to check one instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// GET of a path at a container port.
    Http {
        /// Path.
        path: String,
        /// Container port.
        port: u16,
    },
    /// A connection to a container port.
    Tcp(u16),
    /// The gRPC health protocol.
    Grpc {
        /// Service name; may be empty.
        service: String,
        /// Container port.
        port: u16,
    },
    /// A command in the container.
    Exec(Vec<String>),
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

impl Stack {
    /// Records which data the volumes of a database hold or, at its creation, are going to hold.
    pub fn set_identity(&mut self, database: &str, data: &str) {
        if let Some(Database { storage: Storage::Volume { identity, .. }, .. }) = self.databases.get_mut(database) {
            *identity = Some(data.to_owned());
        }
    }
}
