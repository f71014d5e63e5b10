//! A page to look at: all stacks, and each one with its graph. It only reads what the watches have seen, asks the cluster
//! nothing, and shows no value of a configuration or a Secret.
//!
//! It has no login of its own. It listens on the pod's loopback address alone, so that the way to it is a port-forward,
//! which the API server grants or refuses like every other right.
mod page;
pub mod view;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tracing::info;

use crate::cluster::apply::Cluster;
use crate::cluster::store::{Key, Root};

pub use page::{index, stack, waiting};
pub use view::View;

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("style.css");
/// The script of all pages: it looks again every two seconds.
pub const SCRIPT: &str = include_str!("live.js");

/// Headers of every answer: nothing from elsewhere, in no frame, kept by no cache.
pub const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// What the pages are made from.
#[derive(Clone)]
pub struct Source {
    /// What the watches have seen.
    pub cluster: Arc<Cluster>,
    /// Whether they have seen everything: only the operator that leads has.
    pub synced: Arc<AtomicBool>,
    /// Where to look for the one that leads.
    pub lease: Lease,
}

/// The Lease that names the operator that leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Reads an address that only this pod, or this machine, reaches.
///
/// # Errors
/// When it is no address, or one that others reach too.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}; write it as 127.0.0.1:8081"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("the page has no login of its own, so it is served on a loopback address alone, such as 127.0.0.1:8081; reach it with `kubectl port-forward`".to_owned())
}

/// Serves until the process ends.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(address: SocketAddr, source: Source) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    info!(address = %listener.local_addr()?, "the page to look at");
    axum::serve(listener, router(source)).await
}

fn router(source: Source) -> Router {
    Router::new()
        .route("/", get(all))
        .route("/stacks/{namespace}/{name}", get(one))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .route("/live.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }))
        .fallback(|| async { (StatusCode::NOT_FOUND, Html(page::absent("There is no such page."))) })
        .with_state(source)
        .layer(from_fn(guarded))
}

async fn all(State(source): State<Source>) -> (StatusCode, Html<String>) {
    if !source.synced.load(Ordering::Relaxed) {
        return unknowing(&source.lease);
    }
    let mut views: Vec<View> = source.cluster.store().roots().map(|(key, root)| of(key, root)).collect();
    views.sort_by(|a, b| (a.health, &a.namespace, &a.name).cmp(&(b.health, &b.namespace, &b.name)));
    (StatusCode::OK, Html(page::index(&views)))
}

async fn one(State(source): State<Source>, Path((namespace, name)): Path<(String, String)>) -> (StatusCode, Html<String>) {
    if !source.synced.load(Ordering::Relaxed) {
        return unknowing(&source.lease);
    }
    let key = Key::new(&namespace, &name);
    match source.cluster.store().root(&key) {
        Some(root) => (StatusCode::OK, Html(page::stack(&of(&key, &root)))),
        None => (StatusCode::NOT_FOUND, Html(page::absent("There is no such stack."))),
    }
}

fn of(key: &Key, root: &Root) -> View {
    let object = view::Object { generation: root.generation, spec: &root.spec, status: root.status.as_deref() };
    view::of(&key.namespace, &key.name, &object)
}

fn unknowing(lease: &Lease) -> (StatusCode, Html<String>) {
    (StatusCode::SERVICE_UNAVAILABLE, Html(page::waiting(lease)))
}

/// Answers only browsers that mean this machine: a page from elsewhere whose name was made to point here is refused.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = if is_local(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "ask for localhost, through `kubectl port-forward`\n").into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|c| c.is_ascii_digit())).map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_served_where_only_a_port_forward_leads() {
        assert_eq!(loopback("127.0.0.1:8081").map(|address| address.port()), Ok(8081));
        assert!(loopback("[::1]:8081").is_ok());
        for open in ["0.0.0.0:8081", "[::]:8081", "10.0.0.1:8081"] {
            assert!(loopback(open).is_err_and(|error| error.contains("port-forward")), "{open}");
        }
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_refused() {
        let asks = |host: &'static str| is_local(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]));
        assert!(["localhost", "localhost:8081", "127.0.0.1:9", "[::1]:8081", "[::1]"].into_iter().all(asks));
        assert!(!["evil.example:8081", "localhost.evil.example", "", "10.0.0.1:8081"].into_iter().any(asks));
    }
}
