//! `mstack events`: the Events of a stack and of all that it consists of, the newest last.
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use super::common::access::{self, Access, Connection, name_of};
use super::common::answer::Answer;
use super::common::output::{self, Colour, Outcome, Screen, age, wrap};
use super::common::refusal::Right;
use crate::model::{DatabaseNames, Names, ServiceNames};

/// Options of `mstack events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "It needs the right to list events, and for --watch to watch them.")]
pub struct Args {
    /// Stack; by default the only one of the namespace.
    stack: Option<String>,
    /// Only warnings.
    #[arg(long)]
    warnings: bool,
    /// Go on with what comes.
    #[arg(short, long)]
    watch: bool,
    /// Form of the answer; `wide` has who tells it, and since when.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Answer,
    #[command(flatten)]
    connection: Connection,
}

/// What is told of an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    seconds: i64,
    /// How long ago it was told first.
    since: i64,
    warning: bool,
    reason: String,
    object: String,
    message: String,
    times: i32,
    /// Who tells it.
    source: String,
}

const AGAIN: Duration = Duration::from_secs(1);

/// Prints the Events.
///
/// # Errors
/// When they cannot be listed or watched.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        let mut told = BTreeSet::new();
        loop {
            let stack = access.stack(args.stack.as_deref()).await?;
            let (api, params) = (access.api::<Event>(), ListParams::default());
            let found =
                access.ask(&Right::new("list", "events"), api.list(&params)).await.map_err(|refusal| refusal.to_string())?;
            let scope = Scope::of(&stack);
            let mut events = found.items;
            events.retain(|event| is_meant(event, &scope, args) && told.insert(version_of(event)));
            events.sort_by_key(last);
            if !args.watch {
                if events.is_empty() {
                    eprintln!("there are no Events of {}; the API server keeps them for an hour", name_of(&stack));
                }
                output::data(&all(&events, args.output, screen)?)?;
                return Ok(Outcome::Good);
            }
            output::data(&events.iter().map(|event| one(event, args.output, screen)).collect::<Result<String, _>>()?)?;
            let version = found.metadata.resource_version.unwrap_or_default();
            if !follow(&access, args, &scope, &version, &mut told, screen).await? {
                return Ok(Outcome::Good);
            }
            tokio::time::sleep(AGAIN).await;
        }
    })
}

/// Prints what comes after a version, until all has to be looked at anew: a watch ends now and then, and an Event of the
/// stack itself may mean that it has other components. False once nobody reads any more.
async fn follow(
    access: &Access,
    args: &Args,
    scope: &Scope,
    version: &str,
    told: &mut BTreeSet<Version>,
    screen: Screen,
) -> Result<bool, String> {
    let (api, params) = (access.api::<Event>(), WatchParams::default());
    let watch = access.ask(&Right::new("watch", "events"), api.watch(&params, version)).await;
    let changes = watch.map_err(|refusal| refusal.to_string())?;
    pin_mut!(changes);
    while let Some(Ok(change)) = changes.next().await {
        let event = match change {
            WatchEvent::Added(event) | WatchEvent::Modified(event) => event,
            WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(_) => break,
        };
        let is_news = is_meant(&event, scope, args) && told.insert(version_of(&event));
        if is_news && !output::stream(&one(&event, args.output, screen)?)? {
            return Ok(false);
        }
        if event.involved_object.kind.as_deref() == Some("MicroserviceStack") {
            break;
        }
    }
    Ok(true)
}

/// UID and resource version: an Event that happens again is told again.
type Version = (String, String);

fn version_of(event: &Event) -> Version {
    (event.metadata.uid.clone().unwrap_or_default(), event.metadata.resource_version.clone().unwrap_or_default())
}

fn is_meant(event: &Event, scope: &Scope, args: &Args) -> bool {
    let object = &event.involved_object;
    scope.has(object.kind.as_deref(), object.name.as_deref()) && (!args.warnings || is_warning(event))
}

fn is_warning(event: &Event) -> bool {
    event.type_.as_deref() == Some("Warning")
}

fn all(events: &[Event], form: Answer, screen: Screen) -> Result<String, String> {
    if form.is_text() {
        return events.iter().map(|event| one(event, form, screen)).collect();
    }
    form.of_objects(events.iter().map(|event| json!(event)).collect(), true)
}

fn one(event: &Event, form: Answer, screen: Screen) -> Result<String, String> {
    match form {
        Answer::Text | Answer::Wide => Ok(shown(&read(event, Timestamp::now()), form == Answer::Wide, screen)),
        Answer::Yaml => Ok(format!("---\n{}", form.of_objects(vec![json!(event)], false)?)),
        _ => form.of_objects(vec![json!(event)], false),
    }
}

/// When it happened last.
fn last(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let times = [series, event.last_timestamp.as_ref().map(|time| time.0)];
    times.into_iter().flatten().max().or(event.event_time.as_ref().map(|time| time.0))
}

fn read(event: &Event, now: Timestamp) -> Told {
    let ago = |time: Option<Timestamp>| time.map_or(0, |time| (now.as_second() - time.as_second()).max(0));
    let first = [event.first_timestamp.as_ref().map(|time| time.0), event.event_time.as_ref().map(|time| time.0)];
    let (object, source) = (&event.involved_object, event.source.as_ref());
    let component = source.and_then(|source| source.component.clone()).filter(|name| !name.is_empty());
    let host = source.and_then(|source| source.host.clone()).filter(|name| !name.is_empty());
    Told {
        seconds: ago(last(event)),
        since: ago(first.into_iter().flatten().min().or(last(event))),
        warning: is_warning(event),
        reason: event.reason.clone().unwrap_or_default(),
        object: format!("{} {}", object.kind.as_deref().unwrap_or_default(), object.name.as_deref().unwrap_or_default()),
        message: event.message.clone().unwrap_or_default().trim().to_owned(),
        times: event.series.as_ref().and_then(|series| series.count).or(event.count).unwrap_or(1),
        source: [component.or(event.reporting_component.clone()), host].into_iter().flatten().collect::<Vec<_>>().join(" on "),
    }
}

fn shown(event: &Told, wide: bool, screen: Screen) -> String {
    let (sign, colour) = if event.warning { ("!", Colour::Yellow) } else { (" ", Colour::Blue) };
    let times = if event.times > 1 { format!(" ({} times)", event.times) } else { String::new() };
    let head = format!("{sign} {:>4} ago  {}  {}{times}", age(event.seconds), event.reason, event.object);
    let told = wide.then(|| format!("told by {}, first {} ago", event.source, age(event.since)));
    let mut out = format!("{}\n", screen.paint(colour, &head));
    for line in [Some(&event.message), told.as_ref()].into_iter().flatten().flat_map(|words| wrap(words, screen.width - 4)) {
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
            since: 600,
            source: "kubelet on a".to_owned(),
        };
        let told = "!   2m ago  BackOff  Pod orders-0 (7 times)\n    Back-off restarting failed container\n    orders in pod\n";
        assert_eq!(shown(&event, false, screen), told);
        assert_eq!(shown(&event, true, screen), format!("{told}    told by kubelet on a, first 10m ago\n"));
    }
}
