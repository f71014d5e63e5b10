//! What users write of one stateless service.
use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{AllowFrom, Egress, Migrate, Resources, Security, Text};

/// Spelling of `[SERVICE:]CONTAINER[/PROTOCOL]`; numbers need none.
const PORT: &str = "^([0-9]{1,5}:)?[0-9]{1,5}(/[A-Za-z0-9]+)?$";

/// One stateless service: its image, how many instances, what it uses and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.replicas) && has(self.scale))").message("`replicas` and `scale` exclude each other: either a fixed count, or an autoscaler that owns the count; remove one [MS0501]").field_path(".replicas"),
    validation = Rule::new("!(has(self.port) && has(self.ports))").message("`port` is the short form of `ports`; keep one of them [MS0305]").field_path(".port"),
    validation = Rule::new("!has(self.expose) || self.expose.size() == 0 || has(self.port) || has(self.ports)").message("an exposed service needs a `port`; add the port that it listens on [MS0306]").field_path(".expose"),
    validation = Rule::new("!(has(self.health) && has(self.ready))").message("`health` is the short form of `ready`; keep one of them [MS0310]").field_path(".health"),
    validation = Rule::new("!has(self.scale) || !has(self.scale.cpu) || (has(self.resources) && (has(self.resources.cpu) || (has(self.resources.limits) && has(self.resources.limits.cpu))))").message("`scale.cpu` is in percent of `resources.cpu`; set `resources.cpu`, such as `250m` [MS0506]").field_path(".scale.cpu"),
    validation = Rule::new("!has(self.scale) || !has(self.scale.memory) || (has(self.resources) && (has(self.resources.memory) || (has(self.resources.limits) && has(self.resources.limits.memory))))").message("`scale.memory` is in percent of `resources.memory`; set `resources.memory`, such as `256Mi` [MS0506]").field_path(".scale.memory")
)]
pub struct Service {
    /// Container image, such as `ghcr.io/acme/api:2.4.0`.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// Replaces the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 8192)))]
    pub command: Option<Vec<String>>,
    /// Arguments of the entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(max = 8192)))]
    pub args: Option<Vec<String>>,
    /// The one port that the service listens on, called `http`: `8080`, or with a protocol `6831/UDP`. The long form
    /// is `ports`. A service without a port takes no calls (a worker).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = PORT))]
    pub port: Option<Text>,
    /// Several ports by name, such as `{ http: 8080, admin: "80:8081", grpc: 9090/grpc, trace: 6831/UDP }`, each written
    /// `[SERVICE:]CONTAINER[/PROTOCOL]`. PROTOCOL is TCP (default), UDP or SCTP, or an application protocol over
    /// TCP: http, https, grpc, h2c, ws, wss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 16))]
    pub ports: Option<BTreeMap<String, Text>>,
    /// How many instances run. 1 by default; never together with `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub replicas: Option<i32>,
    /// Lets a HorizontalPodAutoscaler choose the count, such as `{ min: 2, max: 20, cpu: 70 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Hosts and paths under which the service is reached from outside, such as `[{ host: shop.example.com }]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub expose: Option<Vec<Expose>>,
    /// Callers outside of this stack that may reach the service, such as `{ namespace: monitoring, ports: [metrics] }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub allow_from: Option<Vec<AllowFrom>>,
    /// What the service may call outside of this stack, in place of the stack's `egress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub egress: Option<Vec<Egress>>,
    /// Services and databases that this one needs, such as `[orders, api]`: it starts after them, and gets their addresses and
    /// credentials as environment variables (`API_HOST`, `API_PORT`, `API_URL`, `ORDERS_URI`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub uses: Option<Vec<String>>,
    /// Services and databases that this one can do without: the same variables, no order. One that does not exist
    /// gives no variables and is no error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub uses_optional: Option<Vec<String>>,
    /// Other names for the variables of a component in `uses` or `usesOptional`, and the size of its connection pool, by its name,
    /// such as `{ orders: { env: { DATABASE_URL: uri } } }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub bindings: Option<BTreeMap<String, Binding>>,
    /// When an instance gets traffic: the check passes, such as `{ http: /healthz }`. Also the start check when `startup` is set. A failing check never
    /// restarts an instance that has started; `live` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Readiness check, when `health` is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Probe>,
    /// Liveness check: an instance that fails it is restarted. Must not depend on other components. None by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Probe>,
    /// Folders that the service may write to and that are empty at each start, such as `/tmp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 512)))]
    pub scratch: Option<Vec<String>>,
    /// Environment variables, such as `{ LOG_LEVEL: info }`, each a string or a number. They come after the injected ones, so `$(API_ADDR)` expands. A change rolls the service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub config: BTreeMap<String, Text>,
    /// Files by absolute path, such as `{ /etc/app.toml: "level = 1" }`. A change rolls the service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub files: BTreeMap<String, String>,
    /// Brings the databases that this service uses up to date before pods of its new template start, once for each image,
    /// command and environment. The service keeps its former template until this has ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrate: Option<Migrate>,
    /// Profiles that this component belongs to, as in Compose: it exists only when `spec.profiles` lists one of them.
    /// Without profiles it always exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub profiles: Option<Vec<String>>,
    /// Existing Secrets of this namespace, such as `[stripe-key]`, whose keys become environment variables. A change of one rolls the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub secrets: Option<Vec<String>>,
    /// Processor and memory of one instance, such as `{ cpu: 250m, memory: 256Mi }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Security of this service's pods, over the stack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
}

/// Bounds and targets of a HorizontalPodAutoscaler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.min) || self.min <= self.max").message("`min` is at most `max` [MS0503]").field_path(".min"),
    validation = Rule::new("has(self.cpu) || has(self.memory)").message("an autoscaler needs a target: set `cpu`, `memory` or both, in percent of the requested resources [MS0504]")
)]
pub struct Scale {
    /// Fewest instances. 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min: Option<i32>,
    /// Most instances.
    #[schemars(range(min = 1, max = 10_000))]
    pub max: i32,
    /// Average processor use to aim at, in percent of `resources.cpu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub cpu: Option<i32>,
    /// Average memory use to aim at, in percent of `resources.memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub memory: Option<i32>,
}

/// One host and path under which a service is reached from outside, such as `{ host: shop.example.com }`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expose {
    /// Host name, such as `shop.example.com` or `*.example.com`. By default every host of the Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub host: Option<String>,
    /// Path prefix. `/` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^/"))]
    pub path: Option<String>,
    /// Name of the port. By default the only port, or the one named `http`. A port of the protocol `grpc` is served by a
    /// GRPCRoute where the cluster has that kind and no HTTP route has the same host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15))]
    pub port: Option<String>,
    /// The host is reached by `https`. `{}` where the Gateway's listener, or the ingress controller by default, has the
    /// certificate; an Ingress can name its `secret`. All routes of a host have the same `tls`. Without it: `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Longest time from a request to the end of its answer, such as `30s`; then the client gets a 504. Only with a Gateway.
    /// By default the Gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub timeout: Option<String>,
}

/// Encryption between clients and the Gateway or ingress controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Existing Secret of this namespace with the certificate (`kubernetes.io/tls`), for an Ingress. A Gateway has its
    /// certificate at the listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret: Option<String>,
}

/// Other names for the variables of one dependency, and how many connections are held to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// Variable name to key, such as `{ DATABASE_URL: uri }`. Keys of a database: `host`, `port`, `addr`, `username`, `password`,
    /// `database`, `uri`, and where copies follow it `ro-host`, `ro-uri`; of a service: `host`, `port`, `addr`, `url`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub env: BTreeMap<String, String>,
    /// Most connections that one instance holds to the database. With the most instances of all consumers they are
    /// reckoned against its `maxConnections`: more is a warning with the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub pool: Option<i32>,
}

/// The one check of a service, with the time that its start may take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// How and how often to check.
    #[serde(flatten)]
    pub probe: Probe,
    /// How long the start may take, such as `60s`; an instance that is not up by then is restarted. No limit by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub startup: Option<String>,
}

/// A check of one instance: exactly one of `http`, `tcp`, `grpc` and `exec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.http), has(self.tcp) && self.tcp, has(self.grpc), has(self.exec)].exists_one(way, way)").message("a check is exactly one of `http: /path`, `tcp: true`, `grpc: \"\"` and `exec: [...]` [MS0311]"))]
pub struct Probe {
    /// Path that answers with a status of 200 to 399, such as `/healthz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^/"))]
    pub http: Option<String>,
    /// `true`: the port accepts a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<bool>,
    /// Name of the service in the gRPC health protocol; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub grpc: Option<String>,
    /// Command inside the container that exits with 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(max = 8192)))]
    pub exec: Option<Vec<String>>,
    /// Name of the port for `http`, `tcp` and `grpc`. By default the only port, or the one named `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15))]
    pub port: Option<String>,
    /// Time between checks. `10s` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub period: Option<String>,
    /// Time that one check may take. `1s` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub timeout: Option<String>,
    /// Failed checks in a row before the instance counts as failed. 3 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub failures: Option<i32>,
}
