//! What has to be known of the cluster before a stack can be checked. Data, gathered by the cluster room.
use std::collections::{BTreeMap, BTreeSet};

/// What has to be known of the cluster before a stack can be checked. Data, gathered by the cluster room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether the cluster has Gateway API `HTTPRoute`.
    pub gateway_api: bool,
    /// Whether the cluster has Gateway API `GRPCRoute`.
    pub grpc_routes: bool,
    /// The Secrets of the stack's namespace that the spec refers to; `None` while there is no such Secret.
    pub secrets: BTreeMap<String, Option<SecretFacts>>,
    /// By database: what its existing volumes and StatefulSet say. Absent for a database that has neither.
    pub volumes: BTreeMap<String, VolumeFacts>,
    /// Image of this operator, whose `volume-guard` command runs before a database opens its volume.
    pub guard_image: Option<String>,
}

/// What is known of a Secret that the spec refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFacts {
    /// Keyed digest of its data.
    pub digest: String,
    /// Its keys.
    pub keys: BTreeSet<String>,
}

/// What is already there of a database's storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VolumeFacts {
    /// Size in the StatefulSet's volume template, which cannot change in place.
    pub template_size: Option<String>,
    /// StorageClass in the StatefulSet's volume template.
    pub template_class: Option<String>,
    /// Largest size that a volume has been asked for.
    pub volume_size: Option<String>,
    /// StorageClass of the volumes.
    pub volume_class: Option<String>,
    /// Why the volumes cannot grow, as far as that has been found out.
    pub refused: Option<String>,
    /// Identity of the data.
    pub identity: Option<String>,
    /// Version that is recorded for the data.
    pub version: Option<String>,
    /// How many members the data is of, where it is a cluster's: recorded once all of them have served. One, where there is
    /// another record.
    pub members: Option<i32>,
    /// Form of the engine's recipe that the pods are of, where there are any: a new operator restarts no database for another
    /// form of its recipe.
    pub form: Option<i32>,
    /// Image of the volume guard in the StatefulSet: a new operator restarts no database for its own image's sake.
    pub guard_image: Option<String>,
}
