//! What users write of one database, queue or cache.
use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shared::QUANTITY;
use super::{Peer, Resources, Security, Text};

/// One database, queue or cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.engine == 'external' || has(self.storage) != (has(self.ephemeral) && self.ephemeral)").message("a database keeps its data in `storage: { size: ... }`, or has `ephemeral: true` for a cache that may be lost at any restart; give exactly one [MS0701]"),
    validation = Rule::new("self.engine != 'custom' || (has(self.image) && has(self.port))").message("an engine `custom` needs `image` and `port` [MS0703]"),
    validation = Rule::new("self.engine == 'custom' || (!has(self.port) && !has(self.dataPath) && !has(self.uri))").message("`port`, `dataPath` and `uri` are known for this engine; they are for `engine: custom` [MS0702]"),
    validation = Rule::new("self.engine != 'custom' || !has(self.storage) || has(self.dataPath)").message("an engine `custom` with `storage` needs `dataPath`, the folder that the volume is mounted at [MS0704]"),
    validation = Rule::new("self.engine != 'external' || has(self.credentials)").message("an engine `external` needs `credentials: { secret: ... }`, the Secret that tells where it is [MS0741]"),
    validation = Rule::new("self.engine != 'external' || !(has(self.version) || has(self.image) || has(self.instances) || has(self.storage) || has(self.ephemeral) || has(self.resources) || has(self.command) || has(self.args) || has(self.security) || has(self.onDelete) || has(self.env) || has(self.init) || has(self.maxConnections) || has(self.allowFrom))").message("an engine `external` is not run here; besides `credentials` and `profiles` it has no fields [MS0740]"),
    validation = Rule::new("!(has(self.credentials) && has(self.auth))").message("`credentials` and `auth: None` exclude each other; remove one [MS0705]"),
    validation = Rule::new("self.engine == oldSelf.engine").message("the engine of a database cannot change: its data belongs to one engine; add a second database and move the data [MS0718]").field_path(".engine")
)]
pub struct Database {
    /// What runs: `postgres`, `mariadb`, `mysql`, `mongodb`, `valkey`, `redis`, `memcached` (a cache without users and
    /// without storage), `rabbitmq`, `nats` (with JetStream), `custom` with an `image` of your own, or `external` for a database that exists outside the stack: its Secret in `credentials` tells consumers where it is.
    /// Cannot change later.
    pub engine: Engine,
    /// Version of the engine, such as `"17"`. By default the newest that this operator knows; say it, so that an operator
    /// upgrade changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Text>,
    /// Image instead of the engine's own, for a mirror or an own build. It follows the official image's contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// How many instances run. 1 by default. More of `postgres`, `valkey` and `redis`: the first one takes the writes, the others
    /// follow it and can be read at the Service `<database>-ro`; nothing is promoted by itself. Of `nats` and
    /// `rabbitmq` 3 or 5 are members of one cluster, and the number cannot change later. Other engines have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub instances: Option<i32>,
    /// The volume of each instance, such as `{ size: 20Gi }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// `true`: no volume, the data is lost at each restart. For caches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<bool>,
    /// An existing Secret with `username` and `password` instead of a generated one, such as `{ secret: my-db }`. For `external` it has as many of
    /// `host`, `port`, `username`, `password`, `database` and `uri` as consumers need, and at least `host` or `uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsRef>,
    /// Whether clients prove who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Authentication>,
    /// Callers outside of this stack that may reach the database, such as `{ namespace: backup }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub allow_from: Option<Vec<Peer>>,
    /// Files that run once, by name, at the first initialisation, such as `{ 01-schema.sql: "create table a (b int)" }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub init: BTreeMap<String, String>,
    /// Processor and memory of one instance, such as `{ cpu: 250m, memory: 256Mi }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Further environment variables of the engine, such as `{ TZ: UTC }`. Those of `custom` may refer to `$(USERNAME)`, `$(PASSWORD)` and
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
    /// Most connections that the engine admits at once; by default as many as the engine's own default. It is set in the
    /// engine (a change restarts it), and the pools of `bindings` are reckoned against it. Of an engine `custom` it is only
    /// reckoned with; `rabbitmq`, `nats` and `external` have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: Option<i32>,
    /// `true`: more than one service is meant to use this database (`postgres`, `mariadb`, `mysql`, `mongodb`). Without it a
    /// second consumer is a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// What becomes of the data when the database is removed from the spec, or the stack is deleted: `Retain` (default)
    /// keeps volumes and credentials, `Delete` deletes them for good. Dropping the profile of a database keeps its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
    /// Profiles that this component belongs to, as in Compose: it exists only when `spec.profiles` lists one of them.
    /// Without profiles it always exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub profiles: Option<Vec<String>>,
    /// Security of this database's pods, only where an own image differs from the engine's recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
}

/// What a database runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    #[default]
    Postgres,
    /// MariaDB.
    Mariadb,
    /// MySQL.
    Mysql,
    /// MongoDB.
    Mongodb,
    /// Valkey.
    Valkey,
    /// Redis.
    Redis,
    /// Memcached.
    Memcached,
    /// RabbitMQ.
    Rabbitmq,
    /// NATS with JetStream.
    Nats,
    /// An image of the user's own.
    Custom,
    /// A database that exists outside the stack.
    External,
}

/// What becomes of data that is not asked for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDelete {
    /// It is kept.
    Retain,
    /// It is deleted for good.
    Delete,
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
