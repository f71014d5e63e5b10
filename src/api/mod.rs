//! What users write: the `MicroserviceStack` object. Fields, documentation and admission rules; no logic.
mod crd;
mod database;
mod service;
mod shared;
mod stack;
pub mod status;

pub use crd::crd_yaml;
pub use database::{Authentication, CredentialsRef, Database, Engine, Storage};
pub use service::{Binding, Expose, Health, Probe, Scale, Service};
pub use shared::{Resources, Security, SecurityProfile, Text};
pub use stack::{GatewayRef, MicroserviceStack, Names, Routing, StackSpec};
pub use status::StackStatus;

/// API group of every object and label of this project.
pub const GROUP: &str = "microservicestack.dev";
