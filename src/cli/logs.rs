//! `mstack logs`: the logs of a stack's components in one stream, each line with its pod.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use futures::future::join_all;
use futures::{AsyncBufReadExt, StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, LogParams};
use tokio::sync::mpsc::{self, Sender};

use super::common::access::{self, Access, Connection};
use super::common::output::{self, Colour, Outcome, Screen};
use super::common::refusal::{Refusal, Right};
use super::common::{components, next};
use crate::desired::meta;
use crate::model::did_you_mean;

/// Options of `mstack logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stack.
    stack: String,
    /// Services and databases; by default all.
    components: Vec<String>,
    /// Container; by default that of the service or database itself.
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// Go on with what comes, of new pods, too.
    #[arg(short, long, conflicts_with = "previous")]
    follow: bool,
    /// Logs of the containers before their last restart: why they ended.
    #[arg(short, long)]
    previous: bool,
    /// Only what is not older, such as `10m`.
    #[arg(long, value_name = "TIME", value_parser = access::duration)]
    since: Option<Duration>,
    /// Only what is not older than a time, such as `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", conflicts_with = "since")]
    since_time: Option<Timestamp>,
    /// Only so many lines of each pod, the last ones; -1 for all.
    #[arg(long, value_name = "LINES", default_value_t = 100, allow_negative_numbers = true)]
    tail: i64,
    /// Tell the time of each line.
    #[arg(long)]
    timestamps: bool,
    #[command(flatten)]
    connection: Connection,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    time: String,
    pod: String,
    component: String,
    text: String,
}

/// What comes of the log of a pod, in its order.
enum Heard {
    Line(Line),
    /// The log of this pod has ended, for now.
    End(String),
}

const LOOK: Duration = Duration::from_secs(2);
const COLOURS: [Colour; 5] = [Colour::Blue, Colour::Green, Colour::Yellow, Colour::Magenta, Colour::Cyan];

/// Prints the logs.
///
/// # Errors
/// When the pods cannot be listed, or there is no such component.
pub fn run(args: &Args, screen: Screen) -> output::Result {
    access::block_on(async {
        let access = args.connection.open().await?;
        let stack = access.stack(Some(&args.stack)).await?;
        if let Some(name) = args.components.iter().find(|name| components::of(&stack).all(|known| known != *name)) {
            return Err(components::unknown(&stack, name));
        }
        let pods = pods(&access, args).await?;
        judge(args.container.as_deref(), &pods)?;
        if pods.is_empty() && !args.follow {
            eprintln!("{} has no pods; `{}` says why", args.stack, next::command("status STACK", &stack));
        }
        if args.follow { follow(&access, args, screen).await } else { print(&access, args, &pods, screen).await }
    })
}

async fn pods(access: &Access, args: &Args) -> Result<Vec<Pod>, String> {
    let mut selector = format!("{}={}", meta::STACK, args.stack);
    if !args.components.is_empty() {
        let _ = write!(selector, ",{} in ({})", meta::COMPONENT, args.components.join(","));
    }
    let params = ListParams::default().labels(&selector);
    let list = access.ask(&Right::new("list", "pods"), access.api::<Pod>().list(&params)).await;
    list.map(|list| list.items).map_err(|refusal| refusal.to_string())
}

fn component(pod: &Pod) -> String {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(meta::COMPONENT)).cloned().unwrap_or_default()
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// Refuses a container that none of the pods has.
fn judge(wanted: Option<&str>, pods: &[Pod]) -> Result<(), String> {
    let known: BTreeSet<&str> = pods.iter().flat_map(containers).collect();
    match wanted.filter(|wanted| !known.is_empty() && !known.contains(wanted)) {
        None => Ok(()),
        Some(wanted) => {
            let there = format!("there are {}", known.iter().copied().collect::<Vec<_>>().join(", "));
            Err(format!("no container is called `{wanted}`; {}", did_you_mean(wanted, known.iter().copied(), &there)))
        }
    }
}

/// The names of a pod's containers, also of those that run before the others.
fn containers(pod: &Pod) -> impl Iterator<Item = &str> {
    let all = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
    all.map(|container| container.name.as_str())
}

/// The container that is meant of a pod; none where it has only one, as pods of tasks do.
fn container(args: &Args, pod: &Pod) -> Option<String> {
    args.container.clone().or_else(|| Some(component(pod)).filter(|name| !name.is_empty()))
}

/// How the container is that is meant of a pod.
fn status<'a>(args: &Args, pod: &'a Pod) -> Option<&'a ContainerStatus> {
    let wanted = container(args, pod);
    let status = pod.status.as_ref()?;
    let mut all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    all.find(|status| wanted.as_ref().is_none_or(|wanted| status.name == *wanted))
}

/// Whether its container has been started anew.
fn was_restarted(args: &Args, pod: &Pod) -> bool {
    status(args, pod).is_some_and(|container| container.restart_count > 0)
}

fn params(args: &Args, pod: &Pod) -> LogParams {
    LogParams {
        container: container(args, pod),
        previous: args.previous,
        since_seconds: args.since.and_then(|time| i64::try_from(time.as_secs()).ok()),
        since_time: args.since_time,
        tail_lines: Some(args.tail).filter(|lines| *lines >= 0),
        timestamps: true,
        ..LogParams::default()
    }
}

async fn print(access: &Access, args: &Args, pods: &[Pod], screen: Screen) -> output::Result {
    let has = |pod: &&Pod| args.container.as_deref().is_none_or(|wanted| containers(pod).any(|name| name == wanted));
    let wanted = pods.iter().filter(has).filter(|pod| !args.previous || was_restarted(args, pod));
    let logs = join_all(wanted.map(|pod| async move {
        let (api, params) = (access.api::<Pod>(), params(args, pod));
        let name = name(pod);
        let text = access.ask(&Right::new("get", "pods/log"), api.logs(&name, &params)).await;
        (pod, text)
    }))
    .await;
    let mut lines = Vec::new();
    for (pod, text) in logs {
        match text {
            Ok(text) => lines.extend(text.lines().map(|line| read(line, pod))),
            Err(refusal @ Refusal::Forbidden { .. }) => return Err(refusal.to_string()),
            Err(refusal) => eprintln!("{}: {}", name(pod), refusal.short()),
        }
    }
    if args.previous && !pods.iter().any(|pod| was_restarted(args, pod)) {
        eprintln!("no container of them was restarted");
    }
    output::data(&merged(lines, args.timestamps, screen))?;
    Ok(Outcome::Good)
}

fn read(line: &str, pod: &Pod) -> Line {
    let (time, text) = dated(line);
    Line { time: time.to_owned(), pod: name(pod), component: component(pod), text: text.to_owned() }
}

/// The time of a line, and its text. What the kubelet says itself has no time.
fn dated(line: &str) -> (&str, &str) {
    let (time, text) = line.split_once(' ').unwrap_or((line, ""));
    if time.starts_with(|first: char| first.is_ascii_digit()) { (time, text) } else { ("", line) }
}

/// All lines by their times.
fn merged(mut lines: Vec<Line>, times: bool, screen: Screen) -> String {
    lines.sort_by(|one, other| one.time.cmp(&other.time));
    let width = lines.iter().map(|line| line.pod.len()).max().unwrap_or_default();
    let components: BTreeSet<&String> = lines.iter().map(|line| &line.component).collect();
    let places: BTreeMap<String, usize> = components.into_iter().cloned().zip(0..).collect();
    lines.iter().map(|line| shown(line, width, places[&line.component], times, screen)).collect()
}

fn shown(line: &Line, width: usize, place: usize, times: bool, screen: Screen) -> String {
    let prefix = screen.paint(COLOURS[place % COLOURS.len()], &format!("{:width$} |", line.pod));
    let time = if times { format!(" {}", line.time) } else { String::new() };
    format!("{prefix}{time} {}", line.text).trim_end().to_owned() + "\n"
}

/// Prints what comes, and looks for pods that are new or have been started anew.
async fn follow(access: &Access, args: &Args, screen: Screen) -> output::Result {
    let (sender, mut heard) = mpsc::channel::<Result<Heard, String>>(256);
    let mut open: BTreeSet<String> = BTreeSet::new();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    let (mut places, mut width): (BTreeMap<String, usize>, usize) = (BTreeMap::new(), 0);
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = look.tick() => {
                for pod in pods(access, args).await?.into_iter().filter(|pod| is_started(args, pod)) {
                    if open.insert(name(&pod)) {
                        let last = last.get(&name(&pod)).cloned();
                        tokio::spawn(stream(access.clone(), params(args, &pod), pod, last, sender.clone()));
                    }
                }
            }
            Some(heard) = heard.recv() => {
                let line = match heard? {
                    Heard::Line(line) => line,
                    // All its lines are told by now: opened anew, it goes on after the last one.
                    Heard::End(pod) => {
                        open.remove(&pod);
                        continue;
                    }
                };
                width = width.max(line.pod.len());
                let next = places.len();
                let place = *places.entry(line.component.clone()).or_insert(next);
                if !output::stream(&shown(&line, width, place, args.timestamps, screen))? {
                    return Ok(Outcome::Good);
                }
                last.insert(line.pod, line.time);
            }
        }
    }
}

/// Whether its container runs. One that runs before the others has a log when it has ended, too.
fn is_started(args: &Args, pod: &Pod) -> bool {
    let state = status(args, pod).and_then(|container| container.state.as_ref());
    state.is_some_and(|state| state.running.is_some() || args.container.is_some() && state.terminated.is_some())
}

/// The lines of one pod, after the last one that was seen of it, and their end. A pod that has no log yet is looked at again.
async fn stream(access: Access, params: LogParams, pod: Pod, last: Option<String>, to: Sender<Result<Heard, String>>) {
    lines(access, params, &pod, last, &to).await;
    let _ = to.send(Ok(Heard::End(name(&pod)))).await;
}

async fn lines(access: Access, mut params: LogParams, pod: &Pod, last: Option<String>, to: &Sender<Result<Heard, String>>) {
    params.follow = true;
    if let Some(time) = last.as_deref().and_then(|time| time.parse::<Timestamp>().ok()) {
        (params.since_time, params.since_seconds, params.tail_lines) = (Some(time), None, None);
    }
    let (api, name) = (access.api::<Pod>(), name(pod));
    let stream = match access.ask(&Right::new("get", "pods/log"), api.log_stream(&name, &params)).await {
        Ok(stream) => stream,
        Err(refusal) => {
            if matches!(refusal, Refusal::Forbidden { .. }) {
                let _ = to.send(Err(refusal.to_string())).await;
            }
            return;
        }
    };
    let read_lines = stream.lines();
    pin_mut!(read_lines);
    while let Some(Ok(text)) = read_lines.next().await {
        let line = read(&text, pod);
        if last.as_ref().is_some_and(|last| line.time <= *last) {
            continue;
        }
        if to.send(Ok(Heard::Line(line))).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: &str, pod: &str, text: &str) -> Line {
        let component = pod.split('-').next().unwrap_or_default().to_owned();
        Line { time: time.to_owned(), pod: pod.to_owned(), component, text: text.to_owned() }
    }

    #[test]
    fn a_container_is_named_as_kubectl_names_it_and_one_that_is_not_there_is_refused() {
        let pod = serde_json::json!({"metadata": {"name": "orders-0"}, "spec": {
            "initContainers": [{"name": "volume-guard"}], "containers": [{"name": "orders"}]}});
        let pods = [serde_json::from_value(pod).unwrap()];
        assert_eq!(
            [judge(None, &pods), judge(Some("volume-guard"), &pods), judge(Some("orders"), &[])],
            [Ok(()), Ok(()), Ok(())]
        );
        assert!(judge(Some("volume-gard"), &pods).unwrap_err().contains("did you mean `volume-guard`?"));
        assert!(judge(Some("x"), &pods).unwrap_err().ends_with("there are orders, volume-guard"));
    }

    #[test]
    fn what_has_no_time_keeps_its_first_word() {
        assert_eq!(dated("2026-01-31T12:00:02Z ready"), ("2026-01-31T12:00:02Z", "ready"));
        assert_eq!(dated("unable to retrieve container logs"), ("", "unable to retrieve container logs"));
    }

    #[test]
    fn lines_of_all_pods_are_told_by_their_times() {
        let screen = Screen { colour: false, width: 80, unicode: true };
        let lines = vec![
            line("2026-01-31T12:00:02Z", "web-1", "second"),
            line("2026-01-31T12:00:01Z", "orders-0", "first"),
            line("2026-01-31T12:00:03Z", "web-1", ""),
        ];
        assert_eq!(merged(lines.clone(), false, screen), "orders-0 | first\nweb-1    | second\nweb-1    |\n");
        assert!(merged(lines, true, screen).starts_with("orders-0 | 2026-01-31T12:00:01Z first\n"));
    }
}
