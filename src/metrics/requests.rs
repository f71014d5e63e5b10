//! Requests to the API server, counted where they leave the process: by verb, resource and the code of the answer.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::http::{Method, Request, Response, Uri, header};
use kube::client::Body;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tower::{Layer, Service};
use tracing::{Instrument, debug_span, field};

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    resource: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabels {
    verb: &'static str,
}

/// A layer of a client that counts what goes through it.
#[derive(Clone, Debug)]
pub struct Requests {
    count: Family<RequestLabels, Counter>,
    duration: Family<VerbLabels, Histogram, fn() -> Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let buckets: fn() -> Histogram = || Histogram::new([0.005, 0.025, 0.1, 0.25, 1.0, 5.0, 15.0]);
        Self { count: Family::default(), duration: Family::new_with_constructor(buckets) }
    }
}

impl Requests {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests to the API server, by verb, resource and code; the code of those without an answer is `error`";
        registry.register("api_requests", help, self.count.clone());
        let help = "Time until the API server answered, by verb";
        registry.register("api_request_duration_seconds", help, self.duration.clone());
    }

    /// Counts a request by the code of its answer, if there was one.
    pub fn ended(&self, verb: &'static str, resource: String, code: Option<u16>, time: Duration) {
        let code = code.map_or_else(|| "error".to_owned(), |code| code.to_string());
        self.count.get_or_create(&RequestLabels { verb, resource, code }).inc();
        self.duration.get_or_create(&VerbLabels { verb }).observe(time.as_secs_f64());
    }

    fn begun(&self, request: &Request<Body>) -> Pending {
        let content = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (verb, resource) = verb_and_resource(request.method(), request.uri(), content);
        Pending { requests: self.clone(), verb, resource, code: None, begun: Instant::now() }
    }
}

/// A request that is under way. One that is given up has no answer, and is counted too.
struct Pending {
    requests: Requests,
    verb: &'static str,
    resource: String,
    code: Option<u16>,
    begun: Instant,
}

impl Pending {
    fn answered(&mut self, code: u16) {
        self.code = Some(code);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.requests.ended(self.verb, std::mem::take(&mut self.resource), self.code, self.begun.elapsed());
    }
}

impl<S> Layer<S> for Requests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, requests: self.clone() }
    }
}

/// A service whose requests are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    requests: Requests,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut pending = self.requests.begun(&request);
        let span = debug_span!("request", verb = pending.verb, resource = pending.resource, code = field::Empty);
        let answer = self.inner.call(request).instrument(span.clone());
        Box::pin(async move {
            let answer = answer.await?;
            let code = answer.status().as_u16();
            span.record("code", code);
            pending.answered(code);
            Ok(answer)
        })
    }
}

/// What a request asks, in the words of RBAC rules; `apply` is a patch by server-side apply.
fn verb_and_resource(method: &Method, uri: &Uri, content: &str) -> (&'static str, String) {
    let mut parts = uri.path().trim_matches('/').split('/').skip_while(|part| !matches!(*part, "api" | "apis"));
    // The group has a version behind it; the core group has a version alone.
    match parts.next() {
        Some("api") => drop(parts.next()),
        Some(_) => drop((parts.next(), parts.next())),
        None => {}
    }
    let mut parts: Vec<&str> = parts.collect();
    if parts.len() > 2 && parts[0] == "namespaces" {
        parts.drain(..2);
    }
    let resource = match parts.as_slice() {
        [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
        [resource, ..] => (*resource).to_owned(),
        [] => String::new(),
    };
    let is_watch = uri.query().is_some_and(|query| query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1")));
    let verb = match *method {
        Method::GET if is_watch => "watch",
        Method::GET if parts.len() == 1 => "list",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH if content.starts_with("application/apply-patch") => "apply",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    };
    (verb, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_by_its_verb_and_its_resource() {
        let apply = "application/apply-patch+yaml";
        for (method, uri, content, verb, resource) in [
            (Method::GET, "/api/v1/pods?labelSelector=a", "", "list", "pods"),
            (Method::GET, "/api/v1/pods?labelSelector=a&watch=true", "", "watch", "pods"),
            (Method::GET, "/api/v1/namespaces/shop/secrets/orders", "", "get", "secrets"),
            (Method::GET, "/api/v1/namespaces/shop/secrets", "", "list", "secrets"),
            (Method::GET, "/version", "", "get", ""),
            (Method::PATCH, "/apis/apps/v1/namespaces/shop/deployments/api", apply, "apply", "deployments"),
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/shop/deployments/api",
                "application/json-patch+json",
                "patch",
                "deployments",
            ),
            (Method::PATCH, "/apis/g.dev/v1/namespaces/shop/stacks/shop/status", apply, "apply", "stacks/status"),
            (Method::PUT, "/k8s/c/1/apis/coordination.k8s.io/v1/namespaces/m/leases/mstack", "", "update", "leases"),
            (Method::DELETE, "/api/v1/namespaces/shop/services/api", "", "delete", "services"),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(verb_and_resource(&method, &uri, content), (verb, resource.to_owned()), "{method} {uri}");
        }
    }
}
