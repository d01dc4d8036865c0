//! How the network is used: what a program sets, and nothing from the environment.

use std::fmt;
use std::time::Duration;

/// How the network is used. Everything is explicit: nothing is taken from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// PEM bundles whose certificates are trusted besides the built-in roots (Mozilla's).
    pub ca_certificates: Vec<Vec<u8>>,
    /// Proxies. Loopback addresses are never asked for through a proxy.
    pub proxy: ProxyOptions,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a server may stay silent: between a request and its answer, and between two
    /// pieces of a body. There is no limit on the whole transfer.
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
            .field("http", &self.http.as_deref().map(without_user))
            .field("https", &self.https.as_deref().map(without_user))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// The address of a proxy without user and password.
pub(super) fn without_user(proxy: &str) -> &str {
    proxy.rsplit_once('@').map_or(proxy, |(_, host)| host)
}
