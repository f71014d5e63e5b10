//! What users write: the `MicroserviceStack` object. Fields, documentation and admission rules; no logic.
mod crd;
mod database;
mod isolation;
mod service;
mod shared;
mod stack;
pub mod status;
mod task;

pub use crd::{crd_yaml, schema};
pub use database::{Authentication, CredentialsRef, Database, Engine, OnDelete, Storage};
pub use isolation::{AllowFrom, Egress, Isolation, Peer};
pub use service::{Binding, Expose, Health, Probe, Scale, Service, Tls};
pub use shared::{QUANTITY, ResourceLimits, Resources, Security, SecurityProfile, Text};
pub use stack::{GatewayRef, MicroserviceStack, Names, OnFailure, Rollout, Routing, StackSpec};
pub use status::StackStatus;
pub use task::{Migrate, Task, TaskPhase, TaskStatus, Test};

/// API group of every object and label of this project.
pub const GROUP: &str = "microservicestack.dev";
/// Annotation of a stack: a new value of any kind asks for another try of what has failed.
pub const RETRY: &str = "microservicestack.dev/retry";
