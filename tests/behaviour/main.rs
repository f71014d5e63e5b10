//! Behaviour against a real API server, with the real controllers and simulated nodes; each test quotes its rule.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test ends at what it does not expect")]

mod commands;
mod counts;
mod data;
mod documented;
mod drift;
mod external;
mod figures;
mod foreign;
mod growth;
mod hibernate;
mod history;
mod honesty;
mod install;
mod installation;
mod instances;
mod interactive;
mod order;
mod ownership;
mod pages;
mod paused;
mod prometheus;
mod replication;
mod requests;
mod restart;
mod retention;
mod revisions;
mod rollout;
#[path = "../shell/running.rs"]
mod running;
mod scope;
mod secrets;
#[path = "../shell/mod.rs"]
mod shell;
mod stopwatch;
mod stuck;
mod tasks;
mod world;
