//! Stands between an operator and the API server, notes what the operator writes, and lets it crash at a chosen write.
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures::StreamExt;
use http::request::Parts;
use http::{Method, StatusCode};
use kube::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::operator::Operator;

/// How many pieces of a watch may be on their way.
const PIECES: usize = 10_000;

/// One write, as it is told apart from others: no uid, no version, no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Write {
    pub method: String,
    /// Such as `deployments/web` or `microservicestacks/shop/status`.
    pub object: String,
    pub manager: String,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.object)?;
        if self.manager.is_empty() { Ok(()) } else { write!(f, " by {}", self.manager) }
    }
}

/// A write that was sent, and what was answered; nothing when nobody heard the answer.
#[derive(Clone, Debug)]
pub struct Sent {
    pub write: Write,
    pub code: Option<u16>,
    pub at: Instant,
}

impl Sent {
    /// Whether the API server has taken it.
    pub fn is_committed(&self) -> bool {
        self.code.is_some_and(|code| code < 300)
    }

    /// Whether it has made an object.
    pub fn has_created(&self) -> bool {
        self.code == Some(201)
    }
}

/// On which side of a write the operator crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The API server never gets it.
    Before,
    /// The API server has answered, and the operator never hears it.
    After,
}

/// When the operator crashes.
#[derive(Clone, Debug)]
pub enum Crash {
    Never,
    /// Once, at this occurrence of a write, counted from 1.
    At(Write, usize, Moment),
    /// Each time that the API server has taken a write.
    AfterEach,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => write!(f, "no crash"),
            Self::At(write, occurrence, moment) => write!(f, "{moment:?} {write} #{occurrence}"),
            Self::AfterEach => write!(f, "After each write"),
        }
    }
}

/// The proxy of one operator.
pub struct Proxy {
    client: Client,
    crash: Crash,
    /// How much later than they happen the operator hears of events.
    late: Duration,
    operator: Mutex<Operator>,
    sent: Mutex<Vec<Sent>>,
    crashes: Mutex<usize>,
}

impl Proxy {
    /// Starts the operator of a namespace behind a proxy; `client` is the operator's user.
    pub async fn start(client: Client, crash: Crash, late: Duration, operator: impl FnOnce(SocketAddr) -> Operator) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operator = operator(listener.local_addr().unwrap());
        let (operator, sent, crashes) = (Mutex::new(operator), Mutex::default(), Mutex::default());
        let proxy = Arc::new(Self { client, crash, late, operator, sent, crashes });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&proxy));
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy.operator.lock().unwrap().start();
        proxy
    }

    /// What the operator has written so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// How often the operator has crashed.
    pub fn crashes(&self) -> usize {
        *self.crashes.lock().unwrap()
    }

    /// Ends the operator for good.
    pub fn stop(&self) {
        self.operator.lock().unwrap().stop();
    }

    /// Notes a write; returns its place in the list and on which side of it the operator crashes.
    fn note(&self, write: Write) -> (usize, Option<Moment>) {
        let mut sent = self.sent.lock().unwrap();
        let occurrence = 1 + sent.iter().filter(|before| before.write == write).count();
        let place = sent.len();
        let moment = match &self.crash {
            Crash::Never => None,
            Crash::At(point, number, moment) => (*point == write && *number == occurrence).then_some(*moment),
            Crash::AfterEach => Some(Moment::After),
        };
        sent.push(Sent { write, code: None, at: Instant::now() });
        (place, moment)
    }

    /// The operator ends as by a power failure, and starts again.
    fn crash(&self) -> Response {
        *self.crashes.lock().unwrap() += 1;
        self.operator.lock().unwrap().crash();
        answer(StatusCode::SERVICE_UNAVAILABLE)
    }

    async fn forward(&self, parts: Parts, body: Bytes) -> Response {
        let is_watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
        let late = if is_watch { self.late } else { Duration::ZERO };
        let request = http::Request::from_parts(parts, kube::client::Body::from(body.to_vec()));
        match self.client.send(request).await {
            Ok(answer) if late > Duration::ZERO => answer.map(|body| delayed(body, late)),
            Ok(answer) => answer.map(Body::new),
            Err(_) => answer(StatusCode::BAD_GATEWAY),
        }
    }
}

/// Each piece of a body comes this much later.
fn delayed(body: kube::client::Body, late: Duration) -> Body {
    let arrives = move |piece| async move {
        tokio::time::sleep(late).await;
        piece
    };
    Body::from_stream(Body::new(body).into_data_stream().map(arrives).buffered(PIECES))
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let Some(write) = write_of(&parts, &body) else { return proxy.forward(parts, body).await };
    let (place, moment) = proxy.note(write);
    if moment == Some(Moment::Before) {
        return proxy.crash();
    }
    // The operator may crash meanwhile and hang up: what has begun is brought to its end, so that its code is known.
    let forwarding = {
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move {
            let answer = proxy.forward(parts, body).await;
            proxy.sent.lock().unwrap()[place].code = Some(answer.status().as_u16());
            answer
        })
    };
    let answer = forwarding.await.unwrap();
    if moment == Some(Moment::After) && answer.status().is_success() { proxy.crash() } else { answer }
}

fn answer(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The write that a request is; none for reads, Events and the Lease.
fn write_of(parts: &Parts, body: &[u8]) -> Option<Write> {
    if parts.method == Method::GET {
        return None;
    }
    let (_, path) = parts.uri.path().split_once("/namespaces/")?;
    let mut path = path.split('/').skip(1);
    let resource = path.next()?;
    if matches!(resource, "events" | "leases") {
        return None;
    }
    let rest: Vec<&str> = path.collect();
    let named = || serde_json::from_slice::<Value>(body).ok()?["metadata"]["name"].as_str().map(str::to_owned);
    let name = if rest.is_empty() { named().unwrap_or_default() } else { rest.join("/") };
    let query: BTreeMap<&str, &str> =
        parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')).collect();
    Some(Write {
        method: parts.method.to_string(),
        object: format!("{resource}/{name}"),
        manager: query.get("fieldManager").copied().unwrap_or_default().to_owned(),
    })
}
