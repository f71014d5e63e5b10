//! What several commands have in common: the way to the cluster, the words that are said, the files that are read. It knows no
//! command.
pub(super) mod access;
pub(super) mod answer;
pub(super) mod change;
pub(super) mod components;
pub(super) mod files;
pub(super) mod forward;
pub(super) mod metrics;
pub(super) mod names;
pub(super) mod next;
pub mod output;
pub(super) mod refusal;
pub(super) mod report;
pub mod revisions;
pub(super) mod stacks;
pub(super) mod table;
pub(super) mod tips;
pub(super) mod waiting;
