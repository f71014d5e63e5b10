//! Clients with timeouts: the library has none by default, and would retry for minutes inside one call.
use std::future::Future;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::{Client, Config};

use crate::metrics::Requests;

/// Longest time that one call may take.
pub const CALL: Duration = Duration::from_secs(15);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The API server answered with an error, or could not be reached.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// No answer in time.
    #[error("no answer from the API server within {} s", CALL.as_secs())]
    Timeout,
}

impl CallError {
    /// HTTP status code of the answer, if there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Kube(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }

    /// The API server's own words, without the wrapping.
    pub fn words(&self) -> String {
        match self {
            Self::Kube(kube::Error::Api(status)) => status.message.clone(),
            other => other.to_string(),
        }
    }
}

/// Bounds a call in time.
pub trait Call<T> {
    /// The call's answer, or an error after [`CALL`].
    fn timed(self) -> impl Future<Output = Result<T, CallError>> + Send;
}

impl<T, F: Future<Output = kube::Result<T>> + Send> Call<T> for F {
    async fn timed(self) -> Result<T, CallError> {
        match tokio::time::timeout(CALL, self).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(CallError::Timeout),
        }
    }
}

/// A client whose requests are counted. Retries are the queue's business, not the client's.
///
/// # Errors
/// When there is neither a kubeconfig nor an in-cluster configuration, or it cannot be used.
pub async fn connect(requests: &Requests) -> Result<Client, kube::Error> {
    let mut config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    config.default_retry = false;
    Ok(ClientBuilder::try_from(config)?.with_layer(requests).build())
}
