//! Traces to a collector, in OTLP over HTTP as JSON. The form is small enough to be written here, and the client is the one
//! that talks to the API server; the libraries of OpenTelemetry would double the tree of dependencies.
//! Source: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use tracing::warn;

use super::Finished;

/// Longest time that a span waits for others.
const PERIOD: Duration = Duration::from_secs(5);
/// Longest time that a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Spans of one request.
const BATCH: usize = 512;

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// Address of the collector's `/v1/traces`.
    traces: Uri,
    /// Name of this instance.
    instance: String,
}

impl Exporter {
    /// Sends to the collector at this address, such as `http://collector.monitoring:4318`.
    ///
    /// # Errors
    /// When it is no address, or not one of HTTP.
    pub fn new(endpoint: &str, instance: &str) -> Result<Self, String> {
        let traces: Uri = format!("{}/v1/traces", endpoint.trim_end_matches('/'))
            .parse()
            .map_err(|error| format!("{endpoint} is no address of a collector: {error}; write it as http://host:4318"))?;
        if traces.scheme_str() != Some("http") || traces.host().is_none() {
            return Err(format!(
                "{endpoint} is not an http:// address; traces go to a collector inside the cluster, as http://host:4318"
            ));
        }
        Ok(Self { traces, instance: instance.to_owned() })
    }

    /// Spans in the form of OTLP.
    pub fn body(&self, spans: &[Finished]) -> Value {
        let spans: Vec<Value> = spans.iter().map(span).collect();
        let resource =
            [("service.name", "mstack"), ("service.version", env!("CARGO_PKG_VERSION")), ("service.instance.id", &self.instance)];
        json!({"resourceSpans": [{
            "resource": {"attributes": resource.map(|(key, value)| attribute(key, value))},
            "scopeSpans": [{"scope": {"name": "mstack"}, "spans": spans}],
        }]})
    }

    async fn send(&self, client: &Client<HttpConnector, Full<Bytes>>, spans: &[Finished]) -> Result<(), String> {
        let request = Request::post(self.traces.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(self.body(spans).to_string())))
            .map_err(|error| error.to_string())?;
        match timeout(PATIENCE, client.request(request)).await {
            Ok(Ok(answer)) if answer.status() == StatusCode::OK => Ok(()),
            Ok(Ok(answer)) => Err(format!("the collector answered {}", answer.status())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

/// Sends spans in batches for as long as there are any; what a collector does not take is dropped.
pub async fn export(exporter: Exporter, mut spans: Receiver<Finished>) {
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let mut batch = Vec::new();
    while let Some(first) = spans.recv().await {
        batch.push(first);
        let _ = timeout(PERIOD, async { while batch.len() < BATCH && spans.recv_many(&mut batch, BATCH).await > 0 {} }).await;
        if let Err(error) = exporter.send(&client, &batch).await {
            warn!(error, spans = batch.len(), "traces cannot be sent; they are dropped");
        }
        batch.clear();
    }
}

fn span(span: &Finished) -> Value {
    let attributes: Vec<Value> = span.fields.iter().map(|(key, value)| attribute(&format!("mstack.{key}"), value)).collect();
    let failed = span.fields.iter().any(|(key, value)| *key == "result" && value == "error");
    json!({
        "traceId": span.trace,
        "spanId": format!("{:016x}", span.span),
        "parentSpanId": span.parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
        "name": span.name,
        "kind": if span.name == "request" { 3 } else { 1 }, // Client, or internal.
        "startTimeUnixNano": nanoseconds(span.begun),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes,
        "status": {"code": if failed { 2 } else { 0 }},
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// A 64-bit number is a text in this form.
fn nanoseconds(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use tracing::{debug_span, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::Spans;
    use super::*;

    type Received = Arc<Mutex<Vec<Value>>>;

    async fn take(State(received): State<Received>, body: String) {
        received.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    }

    #[tokio::test]
    async fn a_reconcile_and_its_requests_reach_the_collector_as_one_trace() {
        let received = Received::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let exporter = Exporter::new(&format!("http://{}/", listener.local_addr().unwrap()), "mstack-0").unwrap();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&received));
        tokio::spawn(async { axum::serve(listener, router).await });

        let (layer, spans) = Spans::new();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            debug_span!("request", verb = "watch").in_scope(|| ()); // Of no trace: not told.
            let reconcile = info_span!(
                "reconcile",
                stack = "shop/shop",
                trace_id = "0af7651916cd43dd8448eb211c80319c",
                result = tracing::field::Empty
            );
            reconcile.in_scope(|| debug_span!("request", verb = "apply", code = 409).in_scope(|| ()));
            reconcile.record("result", "error");
        });
        // The layer is gone, and with it the sender: the exporter ends once all is sent.
        export(exporter, spans).await;

        let received = received.lock().unwrap();
        let resource = &received[0]["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0], json!({"key": "service.name", "value": {"stringValue": "mstack"}}));
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
        assert_eq!((received.len(), names), (1, vec!["request", "reconcile"]));
        assert_eq!((&spans[0]["traceId"], &spans[0]["parentSpanId"]), (&spans[1]["traceId"], &spans[1]["spanId"]));
        assert_eq!((&spans[1]["parentSpanId"], &spans[1]["status"]), (&json!(""), &json!({"code": 2})));
        assert_eq!(spans[1]["attributes"][0], json!({"key": "mstack.stack", "value": {"stringValue": "shop/shop"}}));
        assert_eq!(spans[0]["attributes"][1], json!({"key": "mstack.code", "value": {"stringValue": "409"}}));
    }

    #[test]
    fn an_address_that_no_collector_can_have_is_refused_at_the_start() {
        for wrong in ["collector:4318", "https://collector", "http://", ""] {
            assert!(Exporter::new(wrong, "mstack-0").is_err_and(|error| error.contains("http://host:4318")), "{wrong}");
        }
    }
}
