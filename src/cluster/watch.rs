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

use super::slim::{self, Slim};
use super::store::Source;
use crate::desired::meta;
use crate::kinds::Depth;
use crate::observed::Wire;

/// How long a kind that the cluster lacks is left alone.
const ABSENT: Duration = Duration::from_mins(5);

/// How long a stream lives before it is built anew, with up to a quarter more so that not all are at once: after a restore
/// of the API server from a backup a watch would wait for ever for a version that does not come.
const LIFE: Duration = Duration::from_hours(1);

/// What a watch has seen.
#[derive(Debug)]
pub enum Seen {
    /// A list begins.
    Begin(Source),
    /// A list is complete.
    End(Source),
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
    Absent(Source),
}

/// Watches one source until the receiver is gone.
pub async fn run(client: Client, source: Source, to: Sender<Seen>) {
    let depth = match source {
        Source::Stacks => Depth::Full,
        Source::Kind(kind) => kind.row().depth,
    };
    while !to.is_closed() {
        let life = LIFE + rand::random_range(Duration::ZERO..LIFE / 4);
        let lived = match depth {
            Depth::Full => timeout(life, follow::<false>(&client, source, &to)).await,
            Depth::Metadata => timeout(life, follow::<true>(&client, source, &to)).await,
        };
        let absent = lived.unwrap_or(false);
        if absent && to.send(Seen::Absent(source)).await.is_ok() {
            tokio::select! {
                () = tokio::time::sleep(ABSENT) => {}
                () = to.closed() => {}
            }
        }
    }
}

/// Follows a watch until the receiver is gone, or until the kind turns out to be absent.
async fn follow<const META: bool>(client: &Client, source: Source, to: &Sender<Seen>) -> bool {
    let (resource, config) = match source {
        Source::Stacks => (slim::stacks(), watcher::Config::default()),
        Source::Kind(kind) => (slim::resource(kind.row()), watcher::Config::default().labels(meta::STACK)),
    };
    let api = Api::<Slim<META>>::all_with(client.clone(), &resource);
    let mut events = pin!(watch(api, config).default_backoff());
    let optional = matches!(source, Source::Kind(kind) if kind.row().optional);
    loop {
        let event = tokio::select! {
            event = events.try_next() => event,
            () = to.closed() => return false,
        };
        let seen = match event {
            Ok(Some(event)) => translate(source, event),
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

fn translate<const META: bool>(source: Source, event: Event<Slim<META>>) -> Seen {
    match event {
        Event::Init => Seen::Begin(source),
        Event::InitApply(object) => Seen::Put { source, wire: Box::new(object.wire), listed: true },
        Event::InitDone => Seen::End(source),
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
