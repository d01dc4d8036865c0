//! HTTP for registries and package mirrors: one client, set up explicitly, that tries again.

mod client;
mod get;
mod refusal;
mod retry;
mod upload;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Response as Answer};
use tokio::time::timeout;
use url::Url;

use crate::{Error, Result};

pub use get::{Get, Response};
pub(crate) use get::{Reopen, pieces, resumable};
pub(crate) use refusal::{Refusal, place};
pub(crate) use retry::{hint, speaks_tls};
pub(crate) use upload::Broken;

/// How the network is used. Everything is explicit: nothing is taken from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// PEM bundles whose certificates are trusted besides the built-in roots (Mozilla's).
    pub ca_certificates: Vec<Vec<u8>>,
    /// Proxies. Loopback addresses are never asked for through a proxy.
    pub proxy: ProxyOptions,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long the other side may say nothing: between a request and its answer, and between
    /// two pieces of a body. There is no limit on the whole.
    pub read_timeout: Duration,
    /// How often a request is tried again after a failure that may pass.
    pub retries: u32,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            ca_certificates: Vec::new(),
            proxy: ProxyOptions::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            retries: 3,
            user_agent: concat!("copa/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Proxies, spelled as the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyOptions {
    /// The proxy for `http` addresses: `http://[USER:PASSWORD@]HOST:PORT` or `socks5://HOST:PORT`.
    pub http: Option<String>,
    /// The proxy for `https` addresses.
    pub https: Option<String>,
    /// Hosts, domains and networks that are reached directly, separated by commas.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyOptions")
            .field("http", &self.http.as_deref().map(client::without_user))
            .field("https", &self.https.as_deref().map(client::without_user))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

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
        Ok(Self { client: client::build(options)?, settings: Arc::new(options.clone()) })
    }

    /// Asks for a resource, again when that may help, and gives its body as a stream that
    /// continues where it broke off.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for the statuses 404 and 410, [`Error::Registry`] for other refusals,
    /// [`Error::Network`] when no answer came.
    pub async fn get(&self, request: Get) -> Result<Response> {
        get::get(self, request).await
    }

    /// How long the other side may say nothing.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.read_timeout
    }

    /// How often to try again.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries
    }

    /// The client below, to build requests with.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends what `build` builds, again when that may help. A refusal is an answer, too.
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

    /// The error for a side that said nothing for too long.
    fn silence(&self, url: &Url) -> Error {
        network(Some(url), format!("no answer within {} s", self.patience().as_secs_f32()))
    }

    /// How long to wait after an attempt whose failure says nothing about that.
    pub(crate) fn pause(&self, attempt: u32) -> Option<Duration> {
        retry::pause(attempt, self.retries())
    }

    /// How long to wait before the next attempt, if there is to be one.
    pub(crate) fn delay(&self, outcome: &Result<Answer>, attempt: u32) -> Option<Duration> {
        retry::delay(outcome, attempt, self.retries())
    }
}

/// The address without what may be secret in it: user, password, query, fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for addresses that cannot hold a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// The error for an address that gave no answer.
fn network(
    url: Option<&Url>,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Network { url: url.map_or_else(String::new, shown), source: source.into() }
}

/// Whether this host is the machine itself: `localhost`, `127.0.0.0/8`, `::1`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
