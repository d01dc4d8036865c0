//! The HTTP client: requests that are tried again, and a limit on silence.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Response as Answer};
use tokio::time::timeout;
use url::Url;

use crate::error::{Error, Result};
use crate::http::address::network;
use crate::http::options::HttpOptions;
use crate::http::retry;
use crate::http::transport;

/// An HTTP client. Cheap to clone; clones share their connections.
///
/// TLS is rustls with ring, trusting Mozilla's roots and what [`HttpOptions`] adds, so it works
/// where the system has no store of certificates.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    settings: Arc<HttpOptions>,
}

impl Http {
    /// A client with these options.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a bundle holds no certificate that can be used, or a proxy is not
    /// an address.
    pub fn new(options: &HttpOptions) -> Result<Self> {
        Ok(Self { client: transport::build(options)?, settings: Arc::new(options.clone()) })
    }

    /// How long a server may stay silent.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.read_timeout
    }

    /// How often a failed request is tried again.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries
    }

    /// The client of reqwest, to build requests with.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends the request that `build` makes, and sends it again after a failure that may pass. The
    /// answer may be a refusal.
    pub(crate) async fn send(
        &self,
        build: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Answer> {
        let mut attempt = 0;
        loop {
            let outcome = self.once(build(&self.client)).await;
            let Some(delay) = retry::delay(&outcome, attempt, self.retries()) else {
                return outcome;
            };
            tracing::debug!(?delay, attempt, "trying again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    /// Sends one request, once.
    pub(crate) async fn once(&self, request: RequestBuilder) -> Result<Answer> {
        let (client, request) = request.build_split();
        let request = request.map_err(|e| network(None, e.without_url()))?;
        let url = request.url().clone();
        match timeout(self.patience(), client.execute(request)).await {
            Ok(answer) => answer.map_err(|e| network(Some(&url), e.without_url())),
            Err(_) => Err(self.silence(&url)),
        }
    }

    /// The error for a server that did not answer in time.
    pub(super) fn silence(&self, url: &Url) -> Error {
        network(Some(url), format!("no answer within {} s", self.patience().as_secs_f32()))
    }

    /// How long to wait after an attempt whose failure names no time to wait.
    pub(crate) fn pause(&self, attempt: u32) -> Option<Duration> {
        retry::pause(attempt, self.retries())
    }

    /// How long to wait before the next attempt, if there is to be one.
    pub(crate) fn delay(&self, outcome: &Result<Answer>, attempt: u32) -> Option<Duration> {
        retry::delay(outcome, attempt, self.retries())
    }
}
