//! Leader election by a Lease, after client-go's rules: expiry is judged by our own clock since the Lease last changed,
//! every attempt has its own timeout, writes carry the resource version. Losing the Lease ends the process.
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

/// How long a Lease that nobody renews still counts.
pub const DURATION: Duration = Duration::from_secs(15);
/// How long the holder tries to renew before it gives up.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Time between renewals.
pub const RENEW: Duration = Duration::from_secs(5);
/// Time between attempts that fail.
pub const RETRY: Duration = Duration::from_secs(2);
/// Annotation of the Lease: version of the operator that leads, for all who want to know; it costs no write of its own.
pub const VERSION: &str = "microservicestack.dev/version";
const ATTEMPT: Duration = Duration::from_secs(4);

/// A contender for the Lease.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    /// Version of the Lease when it was last seen to change, and when that was.
    seen: Option<(String, Instant)>,
    /// The Lease as this process last wrote it: renewed without a read.
    held: Option<Lease>,
}

impl Elector {
    /// A contender with its own client, so that other traffic cannot starve it.
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            seen: None,
            held: None,
        }
    }

    /// Waits until this process leads.
    pub async fn acquire(&mut self) {
        info!(lease = self.name, identity = self.identity, "waiting for the leader's Lease");
        while !self.attempt().await {
            tokio::time::sleep(RETRY).await;
        }
        info!(lease = self.name, "leading");
    }

    /// Renews for as long as this process leads; returns when it does not any more.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        let mut wait = RENEW;
        loop {
            tokio::time::sleep(wait).await;
            let begun = Instant::now();
            match timeout_at(renewed + RENEW_DEADLINE, self.attempt()).await {
                Ok(true) => (renewed, wait) = (begun, RENEW),
                Ok(false) => wait = RETRY,
                Err(_) => return,
            }
        }
    }

    /// Gives the Lease up, so that another takes over at once.
    pub async fn release(&self) {
        let Ok(Some(mut lease)) = self.bounded(self.api.get_opt(&self.name)).await else { return };
        if holder(&lease) == Some(self.identity.as_str()) {
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = None;
            }
            let _ = self.bounded(self.api.replace(&self.name, &PostParams::default(), &lease)).await;
        }
    }

    async fn attempt(&mut self) -> bool {
        match self.try_once().await {
            Ok(leads) => leads,
            Err(error) => {
                warn!(lease = self.name, %error, "the Lease cannot be renewed now; trying again");
                false
            }
        }
    }

    async fn try_once(&mut self) -> Result<bool, super::CallError> {
        if let Some(lease) = self.held.take() {
            let lease = self.claimed(lease);
            let answer = self.bounded(self.api.replace(&self.name, &PostParams::default(), &lease)).await;
            return self.won(answer);
        }
        let Some(lease) = self.bounded(self.api.get_opt(&self.name)).await? else {
            let lease = self
                .claimed(Lease { metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() }, spec: None });
            return self.won(self.bounded(self.api.create(&PostParams::default(), &lease)).await);
        };
        let version = lease.resource_version().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(before, _)| *before != version) {
            self.seen = Some((version, Instant::now()));
        }
        let ours = holder(&lease) == Some(self.identity.as_str());
        let free = holder(&lease).is_none_or(str::is_empty);
        let expired = self.seen.as_ref().is_some_and(|(_, since)| since.elapsed() > DURATION);
        if !(ours || free || expired) {
            return Ok(false);
        }
        let lease = self.claimed(lease);
        self.won(self.bounded(self.api.replace(&self.name, &PostParams::default(), &lease)).await)
    }

    fn won(&mut self, answer: Result<Lease, super::CallError>) -> Result<bool, super::CallError> {
        match answer {
            Ok(lease) => {
                self.seen = Some((lease.resource_version().unwrap_or_default(), Instant::now()));
                self.held = Some(lease);
                Ok(true)
            }
            Err(error) if error.code() == Some(409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn claimed(&self, mut lease: Lease) -> Lease {
        let now = MicroTime(Timestamp::now());
        let before = lease.spec.take().unwrap_or_default();
        let continued = before.holder_identity.as_deref() == Some(&self.identity);
        let annotations = lease.metadata.annotations.get_or_insert_default();
        annotations.insert(VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if continued { before.acquire_time } else { Some(now.clone()) },
            lease_transitions: Some(before.lease_transitions.unwrap_or_default() + i32::from(!continued)),
            renew_time: Some(now),
            ..LeaseSpec::default()
        });
        lease
    }

    async fn bounded<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, super::CallError> {
        match tokio::time::timeout(ATTEMPT, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(super::CallError::Timeout),
        }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref()
}
