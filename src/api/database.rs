//! What users write of one database, queue or cache.
use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared::QUANTITY;
use super::{Resources, Security, Text};

/// One database, queue or cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.storage) != (has(self.ephemeral) && self.ephemeral)").message("a database keeps its data in `storage: { size: ... }`, or has `ephemeral: true` for a cache that may be lost at any restart; give exactly one"),
    validation = Rule::new("self.engine != 'custom' || (has(self.image) && has(self.port))").message("an engine `custom` needs `image` and `port`"),
    validation = Rule::new("self.engine == 'custom' || (!has(self.port) && !has(self.dataPath) && !has(self.uri))").message("`port`, `dataPath` and `uri` are known for this engine; they are for `engine: custom`"),
    validation = Rule::new("self.engine != 'custom' || !has(self.storage) || has(self.dataPath)").message("an engine `custom` with `storage` needs `dataPath`, the folder that the volume is mounted at"),
    validation = Rule::new("!(has(self.credentials) && has(self.auth))").message("`credentials` and `auth: None` exclude each other; remove one"),
    validation = Rule::new("self.engine == oldSelf.engine").message("the engine of a database cannot change: its data belongs to one engine; add a second database and move the data").field_path(".engine")
)]
pub struct Database {
    /// What runs: `postgres`, `valkey`, `redis`, `rabbitmq`, or `custom` with an `image` of your own. Cannot change later.
    pub engine: Engine,
    /// Version of the engine, such as `"17"`. By default the newest that this operator knows; say it, so that an operator
    /// upgrade changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// Image instead of the engine's own, for a mirror or an own build. It follows the official image's contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// How many instances run. 1 by default; more only where the engine's recipe really replicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub instances: Option<i32>,
    /// The volume of each instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// `true`: no volume, the data is lost at each restart. For caches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<bool>,
    /// An existing Secret with `username` and `password` instead of a generated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsRef>,
    /// Whether clients prove who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Authentication>,
    /// Files that run once, by name, at the first initialisation, such as `01-schema.sql`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub init: BTreeMap<String, String>,
    /// Processor and memory of one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Further environment variables of the engine. Those of `custom` may refer to `$(USERNAME)`, `$(PASSWORD)` and
    /// `$(DATABASE)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub env: BTreeMap<String, Text>,
    /// Replaces the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 8192)))]
    pub command: Option<Vec<String>>,
    /// Arguments of the entry point; for the known engines they come after the recipe's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(max = 8192)))]
    pub args: Option<Vec<String>>,
    /// Port of an engine `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Folder of an engine `custom` that the volume is mounted at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 512), regex(pattern = r"^/"))]
    pub data_path: Option<String>,
    /// Form of the URI that consumers get from an engine `custom`, such as `http://$(HOST):$(PORT)`; `$(HOST)`, `$(PORT)`,
    /// `$(USERNAME)`, `$(PASSWORD)` and `$(DATABASE)` expand. `tcp://$(HOST):$(PORT)` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub uri: Option<String>,
    /// Security of this database's pods, only where an own image differs from the engine's recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
}

/// What a database runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// Valkey.
    Valkey,
    /// Redis.
    Redis,
    /// RabbitMQ.
    Rabbitmq,
    /// An image of the user's own.
    Custom,
}

/// The volume of each instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size, such as `20Gi`. It never shrinks.
    #[schemars(extend("pattern" = QUANTITY))]
    pub size: Text,
    /// StorageClass. By default the cluster's default class. Cannot change later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class: Option<String>,
}

/// An existing Secret of this namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsRef {
    /// Name of the Secret; it has the keys `username` and `password`.
    #[schemars(length(min = 1, max = 253))]
    pub secret: String,
}

/// Whether clients prove who they are; `None` is no user and no password, where the engine can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Authentication {
    /// No user and no password.
    None,
}
