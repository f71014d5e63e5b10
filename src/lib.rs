//! mstack: one Kubernetes object, `MicroserviceStack`, declares a whole application, and this operator keeps the
//! cluster in line with it.
//!
//! Data flows one way through six rooms:
//!
//! ```text
//!              (pure)            (pure)            (pure)             (pure)
//!  api  ──────► model ──────────► desired ────────► plan ────────────► status
//!  spec         Stack (valid)     objects           do / wait / drop    conditions
//!                 ▲                                   │ ▲                  │
//!             ╔═══╧═══════════════════ cluster: the only I/O ════════════════════╗
//!             ║  observe ──────────────────► apply ──► prune ───────► report     ║
//!             ╚══════════════════════════════════════════════════════════════════╝
//!  controller = the sentence that joins them: observe → validate → build → plan → carry out → report
//! ```
pub mod api;
pub mod cli;
pub mod cluster;
pub mod codes;
pub mod compose;
pub mod controller;
pub mod desired;
pub mod driver;
pub mod foresight;
pub mod http;
pub mod kinds;
pub mod lint;
pub mod metrics;
pub mod model;
pub mod observed;
pub mod picture;
pub mod plan;
pub mod readiness;
pub mod states;
pub mod status;
pub mod telemetry;
pub mod web;
pub mod yaml;
