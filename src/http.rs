//! `/livez`, `/readyz` and `/metrics`.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tracing::info;

use crate::cluster::apply::Cluster;
use crate::metrics::Stacks;

/// What the pages show.
#[derive(Clone)]
pub struct Pages {
    /// Counters and store.
    pub cluster: Arc<Cluster>,
    /// Whether the API server has answered; leading is no part of readiness.
    pub ready: Arc<AtomicBool>,
}

/// Serves until the process ends.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(address: SocketAddr, pages: Pages) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(pages);
    let listener = tokio::net::TcpListener::bind(address).await?;
    info!(address = %listener.local_addr()?, "serving /livez, /readyz and /metrics");
    axum::serve(listener, router).await
}

async fn readyz(State(pages): State<Pages>) -> impl IntoResponse {
    if pages.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the API server has not answered yet")
    }
}

async fn metrics(State(pages): State<Pages>) -> impl IntoResponse {
    let stacks = Stacks::default();
    for (key, root) in pages.cluster.store().roots() {
        if let Some(status) = root.status.as_deref().and_then(|status| serde_json::from_str(status).ok()) {
            stacks.add(&key.namespace, &key.name, &status);
        }
    }
    let text = pages.cluster.metrics.text(&stacks);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
