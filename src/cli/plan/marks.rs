//! What a change means for those who use what it changes: restarts, counts, data. Pure.
use std::fmt;

use serde_json::Value;

use super::gather::is_ephemeral;
use super::rehearse::Change;
use crate::foresight::{Act, Step};

/// What a change means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Data is deleted, or lost because it is kept nowhere.
    DataAtRisk(&'static str),
    /// So many pods are replaced; and whether nothing serves meanwhile.
    Restarts {
        /// How many.
        pods: i64,
        /// Whether nothing serves meanwhile.
        outage: bool,
    },
    /// The object goes and is made again.
    Recreates,
    /// The count changes.
    Scales {
        /// From.
        from: i64,
        /// To.
        to: i64,
    },
    /// So many instances end.
    Ends(i64),
    /// Only the operator's own mark is written.
    NoEffect,
}

impl Mark {
    /// The word of the mark, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::DataAtRisk(_) => "DataAtRisk",
            Self::Restarts { .. } => "RestartsPods",
            Self::Recreates => "Recreates",
            Self::Scales { .. } => "Scales",
            Self::Ends(_) => "EndsPods",
            Self::NoEffect => "NoEffect",
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataAtRisk(why) => write!(f, "data at risk: {why}"),
            Self::Restarts { pods, outage: false } => write!(f, "restarts pods: {pods}, one after the other"),
            Self::Restarts { pods, outage: true } => write!(f, "restarts pods: {pods}, and does not serve meanwhile"),
            Self::Recreates => f.write_str("re-creates it; its pods run on"),
            Self::Scales { from, to } => write!(f, "scales {from} -> {to}"),
            Self::Ends(pods) => write!(f, "ends pods: {pods}"),
            Self::NoEffect => f.write_str("no change but for the operator's own mark"),
        }
    }
}

const KEPT_NOWHERE: &str = "it is kept nowhere, and is lost with the pod";
const FOR_GOOD: &str = "it is deleted for good";

/// The marks of a change, the gravest first.
pub fn of(change: &Change, live: Option<&Value>, steps: &[Step]) -> Vec<Mark> {
    let own = || steps.iter().filter(|step| (step.kind, &step.name) == (change.kind, &change.name));
    let mut marks = Vec::new();
    let renewed = own().any(|step| step.act == Act::Renew);
    if renewed {
        marks.push(Mark::Recreates);
    }
    if own().any(|step| step.act == Act::Delete) {
        marks.extend(of_deletion(change, live));
    } else if let Some(live) = live.filter(|_| !renewed) {
        marks.extend(of_edit(change, live));
    }
    marks.sort();
    marks
}

fn count(live: &Value) -> i64 {
    live["spec"]["replicas"].as_i64().unwrap_or_default()
}

fn of_deletion(change: &Change, live: Option<&Value>) -> Vec<Mark> {
    let pods = live.map(count).unwrap_or_default();
    match change.kind {
        "StatefulSet" if live.is_some_and(is_ephemeral) => vec![Mark::DataAtRisk(KEPT_NOWHERE), Mark::Ends(pods)],
        "Deployment" | "StatefulSet" => vec![Mark::Ends(pods)],
        "PersistentVolumeClaim" | "Secret" => vec![Mark::DataAtRisk(FOR_GOOD)],
        _ => Vec::new(),
    }
}

fn of_edit(change: &Change, live: &Value) -> Vec<Mark> {
    let mut marks = Vec::new();
    let is_set = change.kind == "StatefulSet";
    let runs = is_set || change.kind == "Deployment";
    let (pods, lossy) = (count(live), is_set && is_ephemeral(live));
    if runs && pods > 0 && change.differences.iter().any(|difference| difference.path.starts_with("spec.template")) {
        marks.push(Mark::Restarts { pods, outage: is_set && pods == 1 });
        marks.extend(lossy.then_some(Mark::DataAtRisk(KEPT_NOWHERE)));
    }
    let scaled = change.differences.iter().find(|difference| runs && difference.path == "spec.replicas");
    if let Some(to) = scaled.and_then(|difference| difference.after.as_ref()?.as_i64()) {
        marks.push(Mark::Scales { from: pods, to });
        if lossy && to < pods && !marks.contains(&Mark::DataAtRisk(KEPT_NOWHERE)) {
            marks.push(Mark::DataAtRisk(KEPT_NOWHERE));
        }
    }
    if marks.is_empty() && change.differences.is_empty() && change.refused.is_none() && change.requests == ["patch"] {
        marks.push(Mark::NoEffect);
    }
    marks
}
