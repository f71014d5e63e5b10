//! `mstack operator`: wiring of the client, the Lease, the pages and the loop.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tracing::{error, info, warn};

use crate::cluster::apply::Cluster;
use crate::cluster::client::{self, Call};
use crate::cluster::events::Events;
use crate::cluster::feed::Scope;
use crate::cluster::growth::Refusals;
use crate::cluster::lease::Elector;
use crate::cluster::references::References;
use crate::cluster::revisions::Parts;
use crate::cluster::store::Store;
use crate::controller::{Context, Credentials, Pace};
use crate::driver::Driver;
use crate::http::{self, Pages};
use crate::metrics::Metrics;
use crate::telemetry::{self, Exporter, LogFormat, Spans};
use crate::web;

/// Options of `mstack operator`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env = "MSTACK_HTTP_ADDRESS", default_value = "0.0.0.0:8080")]
    http_address: SocketAddr,
    /// Address of the page to look at, on loopback only; reached with `kubectl port-forward`. Off by default.
    #[arg(long, env = "MSTACK_UI_ADDRESS", value_parser = web::loopback)]
    ui_address: Option<SocketAddr>,
    /// Work only while holding the leader's Lease, so that several instances can run.
    #[arg(long, env = "MSTACK_LEADER_ELECT")]
    leader_elect: bool,
    /// Namespace of the Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    lease_namespace: String,
    /// Name of the Lease.
    #[arg(long, env = "MSTACK_LEASE_NAME", default_value = "mstack")]
    lease_name: String,
    /// Name of this instance, in the Lease and in Events.
    #[arg(long, env = "POD_NAME", default_value = "mstack")]
    instance: String,
    /// Stacks that are reconciled at a time.
    #[arg(long, env = "MSTACK_CONCURRENCY", default_value_t = 8)]
    concurrency: usize,
    /// Writes to the API server in flight.
    #[arg(long, env = "MSTACK_WRITES", default_value_t = 16)]
    writes: usize,
    /// Image of this operator, used in database pods to check volumes; without it volumes are not checked.
    #[arg(long, env = "MSTACK_IMAGE")]
    guard_image: Option<String>,
    /// Seconds between looks for generated credentials, which nothing watches; at least 1.
    #[arg(long, env = "MSTACK_CREDENTIALS_CHECK", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..))]
    credentials_check: u64,
    /// Namespaces whose stacks are kept, separated by commas; by default those of the whole cluster.
    #[arg(long, env = "MSTACK_NAMESPACES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Collector that traces are sent to, by OTLP over HTTP, such as `http://collector.monitoring:4318`. None by default.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    traces: Option<String>,
    /// Form of the log.
    #[arg(long, env = "MSTACK_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

/// Runs the operator until it is told to stop.
///
/// # Errors
/// When it cannot start, or loses the Lease.
pub fn run(args: Args) -> Result<(), String> {
    let collector = args.traces.as_deref().filter(|endpoint| !endpoint.is_empty());
    let exporter = collector.map(|endpoint| Exporter::new(endpoint, &args.instance)).transpose()?;
    let (spans, finished) = Spans::new();
    telemetry::init(args.log_format, exporter.is_some().then_some(spans));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        if let Some(exporter) = exporter {
            tokio::spawn(telemetry::export(exporter, finished));
        }
        operate(args).await
    })
}

async fn operate(args: Args) -> Result<(), String> {
    let metrics = Metrics::default();
    let requests = metrics.requests();
    let connect = || async {
        client::connect(&requests).await.map_err(|error| {
            format!("no connection to a cluster: {error}; set KUBECONFIG, or run inside a cluster with a ServiceAccount")
        })
    };
    let client = connect().await?;
    let elector_client = connect().await?;
    let cluster = Arc::new(Cluster {
        client: client.clone(),
        store: std::sync::Mutex::new(Store::new(Scope::of(args.namespaces.iter().map(String::as_str)))),
        writes: Semaphore::new(args.writes),
        metrics,
    });
    let (synced, started) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let pages =
        tokio::spawn(http::serve(args.http_address, Pages { cluster: Arc::clone(&cluster), ready: Arc::clone(&started) }));
    if let Some(address) = args.ui_address {
        let lease = web::Lease { namespace: args.lease_namespace.clone(), name: args.lease_name.clone() };
        tokio::spawn(look(address, web::Source { cluster: Arc::clone(&cluster), synced: Arc::clone(&synced), lease }));
    }
    info!(version = env!("CARGO_PKG_VERSION"), address = %args.http_address, "mstack operator");

    let mut stop = std::pin::pin!(told_to_stop());
    tokio::select! {
        () = answered(&client) => started.store(true, Ordering::Relaxed),
        () = &mut stop => return Ok(()),
    }
    let mut elector =
        args.leader_elect.then(|| Elector::new(elector_client, &args.lease_namespace, &args.lease_name, &unique(&args.instance)));
    if let Some(elector) = &mut elector {
        tokio::select! {
            () = elector.acquire() => {}
            () = &mut stop => return Ok(()),
        }
    }
    cluster.metrics.leads(true);
    let work = work(&args, client, Arc::clone(&cluster), synced, stop);
    match elector {
        None => work_beside(work, pages).await,
        Some(mut elector) => {
            tokio::select! {
                result = work_beside(work, pages) => {
                    elector.release().await;
                    result
                }
                () = elector.hold() => {
                    error!("the leader's Lease is lost; ending so that nothing is written beside the new leader");
                    Err("the leader's Lease is lost".to_owned())
                }
            }
        }
    }
}

async fn work(args: &Args, client: Client, cluster: Arc<Cluster>, synced: Arc<AtomicBool>, stop: impl Future<Output = ()>) {
    let (changed, secrets) = mpsc::channel(256);
    let context = Context {
        cluster,
        references: References::new(client.clone(), changed),
        events: Events::new(client, &args.instance),
        guard_image: args.guard_image.clone(),
        credentials: Credentials::default(),
        parts: Parts::default(),
        refusals: Refusals::default(),
        pace: Pace::default(),
    };
    Driver::new(Arc::new(context), args.concurrency, Duration::from_secs(args.credentials_check), synced)
        .run(secrets, stop)
        .await;
}

async fn work_beside(work: impl Future<Output = ()>, pages: tokio::task::JoinHandle<std::io::Result<()>>) -> Result<(), String> {
    tokio::select! {
        () = work => Ok(()),
        ended = pages => Err(match ended {
            Ok(Err(error)) => format!("/livez, /readyz and /metrics cannot be served: {error}; choose another --http-address"),
            _ => "the server of /livez, /readyz and /metrics has ended".to_owned(),
        }),
    }
}

/// Serves the page to look at; without it the operator works all the same.
async fn look(address: SocketAddr, source: web::Source) {
    if let Err(error) = web::serve(address, source).await {
        error!(%address, %error, "the page to look at cannot be served; choose another --ui-address");
    }
}

/// Waits until the API server answers.
async fn answered(client: &Client) {
    while let Err(error) = client.apiserver_version().timed().await {
        warn!(%error, "the API server does not answer yet");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Two processes of the same name are two contenders.
fn unique(instance: &str) -> String {
    format!("{instance}_{:08x}", rand::random::<u32>())
}

async fn told_to_stop() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => info!("told to stop"),
        _ = tokio::signal::ctrl_c() => info!("interrupted"),
    }
}
