//! The only room with a client: watches, writes, reads before anything destructive. It decides nothing.
pub mod apply;
pub mod client;
pub mod data;
pub mod events;
pub mod feed;
pub mod growth;
pub mod lease;
pub mod queue;
pub mod references;
pub mod report;
pub mod retention;
pub mod revisions;
pub mod slim;
pub mod store;
pub mod watch;

pub use client::{Call, CallError};
pub use store::{Key, Store};
