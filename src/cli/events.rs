//! `mstack events`: the Events of a stack and of all that it consists of, the newest last.
use std::fmt::Write;

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use super::access::{self, Connection, name_of};
use super::output::{self, Colour, Outcome, Screen, age, wrap};
use super::refusal::Right;
use crate::model::{DatabaseNames, Names, ServiceNames};

/// Options of `mstack events`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    /// Only warnings.
    #[arg(long)]
    warnings: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What is told of an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    seconds: i64,
    warning: bool,
    reason: String,
    object: String,
    message: String,
    times: i32,
}

/// Prints the Events.
///
/// # Errors
/// When they cannot be listed.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        let stack = access.stack(args.stack.as_deref()).await?;
        let (api, params) = (access.api::<Event>(), ListParams::default());
        let found = access.ask(&Right::new("list", "events"), api.list(&params)).await.map_err(|refusal| refusal.to_string())?;
        let scope = Scope::of(&stack);
        let now = Timestamp::now();
        let mut told: Vec<Told> = found
            .items
            .iter()
            .filter(|event| scope.has(event.involved_object.kind.as_deref(), event.involved_object.name.as_deref()))
            .map(|event| read(event, now))
            .filter(|event| event.warning || !args.warnings)
            .collect();
        told.sort_by_key(|event| std::cmp::Reverse(event.seconds));
        if told.is_empty() {
            eprintln!("there are no Events of {}; the API server keeps them for an hour", name_of(&stack));
        }
        output::data(&told.iter().map(|event| shown(event, screen)).collect::<String>())?;
        Ok(Outcome::Good)
    })
}

fn read(event: &Event, now: Timestamp) -> Told {
    let series = event.series.as_ref();
    let times = [
        series.and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0),
        event.last_timestamp.as_ref().map(|time| time.0),
    ];
    let last = times.into_iter().flatten().max().or(event.event_time.as_ref().map(|time| time.0)).unwrap_or(now);
    let object = &event.involved_object;
    Told {
        seconds: (now.as_second() - last.as_second()).max(0),
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.clone().unwrap_or_default(),
        object: format!("{} {}", object.kind.as_deref().unwrap_or_default(), object.name.as_deref().unwrap_or_default()),
        message: event.message.clone().unwrap_or_default().trim().to_owned(),
        times: series.and_then(|series| series.count).or(event.count).unwrap_or(1),
    }
}

fn shown(event: &Told, screen: Screen) -> String {
    let (sign, colour) = if event.warning { ("!", Colour::Yellow) } else { (" ", Colour::Blue) };
    let times = if event.times > 1 { format!(" ({} times)", event.times) } else { String::new() };
    let head = format!("{sign} {:>4} ago  {}  {}{times}", age(event.seconds), event.reason, event.object);
    let mut out = format!("{}\n", screen.paint(colour, &head));
    for line in wrap(&event.message, screen.width - 4) {
        let _ = writeln!(out, "    {line}");
    }
    out
}

/// The names that objects of a stack have. Pods, `ReplicaSets` and volumes are called after their workload.
struct Scope {
    stack: String,
    workloads: Vec<String>,
    claims: Vec<String>,
}

impl Scope {
    fn of(stack: &Value) -> Self {
        let names: Names = serde_json::from_value(stack["spec"]["names"].clone()).unwrap_or_default();
        let keys =
            |part: &str| stack["spec"][part].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let name = name_of(stack);
        let databases: Vec<String> =
            keys("databases").iter().map(|database| DatabaseNames::new(names, name, database).base).collect();
        let services = keys("services").into_iter().map(|service| ServiceNames::new(names, name, &service).base);
        Self {
            stack: name.to_owned(),
            claims: databases.iter().map(|base| format!("data-{base}")).collect(),
            workloads: services.chain(databases.iter().cloned()).collect(),
        }
    }

    fn has(&self, kind: Option<&str>, name: Option<&str>) -> bool {
        let (Some(kind), Some(name)) = (kind, name) else { return false };
        match kind {
            "MicroserviceStack" => name == self.stack,
            "Pod" => self.workloads.iter().any(|base| is_pod_of(base, name)),
            "ReplicaSet" => self.workloads.iter().any(|base| parts_after(base, name).is_some_and(|parts| parts.len() == 1)),
            "PersistentVolumeClaim" => self
                .claims
                .iter()
                .any(|base| parts_after(base, name).is_some_and(|parts| parts.len() == 1 && is_number(parts[0]))),
            _ => self.workloads.iter().any(|base| name == base || name.starts_with(&format!("{base}-")) && kind != "Job"),
        }
    }
}

/// The parts of a name after `base-`.
fn parts_after<'a>(base: &str, name: &'a str) -> Option<Vec<&'a str>> {
    Some(name.strip_prefix(base)?.strip_prefix('-')?.split('-').collect())
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// `api-7d9f8c6b5-x2x4z` of a Deployment, `orders-0` of a StatefulSet.
fn is_pod_of(base: &str, name: &str) -> bool {
    match parts_after(base, name).as_deref() {
        Some([ordinal]) => is_number(ordinal),
        Some([_, own]) => own.len() == 5,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_of_other_stacks_with_longer_names_are_not_of_this_one() {
        let stack = json!({"metadata": {"name": "shop"}, "spec": {"services": {"api": {}}, "databases": {"orders": {}}}});
        let scope = Scope::of(&stack);
        let has = |kind: &str, name: &str| scope.has(Some(kind), Some(name));
        assert!(has("Pod", "api-7d9f8c6b5-x2x4z") && has("Pod", "orders-0") && has("PersistentVolumeClaim", "data-orders-0"));
        assert!(has("MicroserviceStack", "shop") && has("Deployment", "api") && has("ReplicaSet", "api-7d9f8c6b5"));
        assert!(
            !has("Pod", "api-gateway-7d9f8c6b5-x2x4z")
                && !has("MicroserviceStack", "other")
                && !has("PersistentVolumeClaim", "data-orders-old-0")
        );
    }

    #[test]
    fn an_event_is_told_with_its_age_and_how_often() {
        let screen = Screen { colour: false, width: 40, unicode: true };
        let event = Told {
            seconds: 130,
            warning: true,
            reason: "BackOff".to_owned(),
            object: "Pod orders-0".to_owned(),
            message: "Back-off restarting failed container orders in pod".to_owned(),
            times: 7,
        };
        assert_eq!(
            shown(&event, screen),
            "!   2m ago  BackOff  Pod orders-0 (7 times)\n    Back-off restarting failed container\n    orders in pod\n"
        );
    }
}
