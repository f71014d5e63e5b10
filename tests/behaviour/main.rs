//! Behaviour against a real API server, with the real controllers and simulated nodes; each test quotes its rule.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test ends at what it does not expect")]

mod counts;
mod data;
mod drift;
mod figures;
mod foreign;
mod history;
mod honesty;
mod instances;
mod order;
mod ownership;
mod requests;
mod restart;
mod secrets;
mod world;
