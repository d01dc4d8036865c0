//! Addresses as messages show them, and whether one is of this machine.

use url::Url;

use crate::error::Error;

/// Scheme, host and port of an address.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
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
pub(super) fn network(
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
