//! One watch for each row of the kinds table, selected by our label, and one for the stacks. Each is a task with its own
//! backoff, so that one failing kind pauses no other.
use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;
use tracing::{info, warn};

use super::feed::{Feed, Source};
use super::slim::{self, Slim};
use crate::desired::meta;
use crate::kinds::{Depth, Kind};
use crate::observed::Wire;

/// How long a kind that the cluster lacks is left alone.
const ABSENT: Duration = Duration::from_mins(5);

/// How long a stream lives before it is built anew, with up to a quarter more so that not all are at once: after a restore
/// of the API server from a backup a watch would wait for ever for a version that does not come.
const LIFE: Duration = Duration::from_hours(1);

/// Objects of one page of a list. At a start all kinds are listed at once, and each page is held whole.
const PAGE: u32 = 200;

/// What a watch has seen.
#[derive(Debug)]
pub enum Seen {
    /// A list begins.
    Begin(Feed),
    /// A list is complete.
    End(Feed),
    /// An object, from a list or from a watch.
    Put {
        /// Where from.
        source: Source,
        /// The object.
        wire: Box<Wire>,
        /// Whether a list named it.
        listed: bool,
    },
    /// An object is gone.
    Gone {
        /// Where from.
        source: Source,
        /// Its last state.
        wire: Box<Wire>,
    },
    /// The cluster does not have this kind.
    Absent(Feed),
}

/// Watches one feed until the receiver is gone.
pub async fn run(client: Client, feed: Feed, to: Sender<Seen>) {
    let depth = match feed.source {
        Source::Stacks => Depth::Full,
        Source::Kind(kind) => kind.row().depth,
    };
    while !to.is_closed() {
        let life = LIFE + rand::random_range(Duration::ZERO..LIFE / 4);
        let lived = match depth {
            Depth::Full => timeout(life, follow::<false>(&client, &feed, &to)).await,
            Depth::Metadata => timeout(life, follow::<true>(&client, &feed, &to)).await,
        };
        let absent = lived.unwrap_or(false);
        if absent && to.send(Seen::Absent(feed.clone())).await.is_ok() {
            tokio::select! {
                () = tokio::time::sleep(ABSENT) => {}
                () = to.closed() => {}
            }
        }
    }
}

/// Follows a watch until the receiver is gone, or until the kind turns out to be absent.
async fn follow<const META: bool>(client: &Client, feed: &Feed, to: &Sender<Seen>) -> bool {
    let (resource, config) = match feed.source {
        Source::Stacks => (slim::stacks(), watcher::Config::default()),
        Source::Kind(kind) => (slim::resource(kind.row()), watcher::Config::default().labels(&selector(kind))),
    };
    let config = config.page_size(PAGE);
    let api = match &feed.namespace {
        Some(namespace) => Api::<Slim<META>>::namespaced_with(client.clone(), namespace, &resource),
        None => Api::<Slim<META>>::all_with(client.clone(), &resource),
    };
    let mut events = pin!(watch(api, config).default_backoff());
    let optional = matches!(feed.source, Source::Kind(kind) if kind.row().optional);
    loop {
        let event = tokio::select! {
            event = events.try_next() => event,
            () = to.closed() => return false,
        };
        let seen = match event {
            Ok(Some(event)) => translate(feed, event),
            Ok(None) => return false,
            Err(error) if optional && is_absent(&error) => {
                info!(kind = resource.kind, "the cluster does not have this kind; looking again in 5 minutes");
                return true;
            }
            Err(error) => {
                warn!(kind = resource.kind, %error, "watch failed; trying again");
                continue;
            }
        };
        if to.send(seen).await.is_err() {
            return false;
        }
    }
}

/// Our label, and what else tells objects of a kind from those of others.
fn selector(kind: Kind) -> String {
    let more = Some(kind.row().selector).filter(|more| !more.is_empty());
    [meta::STACK].into_iter().chain(more).collect::<Vec<_>>().join(",")
}

fn translate<const META: bool>(feed: &Feed, event: Event<Slim<META>>) -> Seen {
    let source = feed.source;
    match event {
        Event::Init => Seen::Begin(feed.clone()),
        Event::InitApply(object) => Seen::Put { source, wire: Box::new(object.wire), listed: true },
        Event::InitDone => Seen::End(feed.clone()),
        Event::Apply(object) => Seen::Put { source, wire: Box::new(object.wire), listed: false },
        Event::Delete(object) => Seen::Gone { source, wire: Box::new(object.wire) },
    }
}

fn is_absent(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}
