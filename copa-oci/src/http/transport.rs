//! The client of reqwest that everything is sent with: TLS, proxies, redirects.

use std::sync::Arc;

use reqwest::{Client, NoProxy, Proxy, redirect};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};
use crate::http::address::network;
use crate::http::options::{HttpOptions, ProxyOptions, without_user};

const REDIRECTS: usize = 10;
const NEVER_PROXIED: &str = "localhost,127.0.0.0/8,::1";

pub(super) fn build(options: &HttpOptions) -> Result<Client> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls(&options.ca_certificates)?)
        .user_agent(options.user_agent.as_str())
        .connect_timeout(options.connect_timeout)
        .redirect(redirect::Policy::custom(follow))
        // Addresses of uploads and of signed downloads are secrets.
        .referer(false)
        // Also turns off the proxies of the environment.
        .no_proxy();
    for proxy in proxies(&options.proxy)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|e| network(None, e))
}

fn tls(bundles: &[Vec<u8>]) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    for (number, bundle) in bundles.iter().enumerate() {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(bundle).flatten().collect();
        // The bundles of some systems hold certificates that rustls cannot parse: those are left out.
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(Error::Invalid {
                what: "CA bundle",
                text: format!("number {}", number + 1),
                reason: "it holds no certificate in PEM form that can be used".into(),
            });
        }
    }
    // The provider is named here, because a library must not decide on the default of the process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| network(None, e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Follows a few redirects, none of them from TLS to plain text. reqwest itself drops
/// `Authorization` when host, port or scheme change.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let was_tls = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if was_tls && attempt.url().scheme() != "https" {
        return attempt.error("redirected from https to http");
    }
    if attempt.previous().len() > REDIRECTS {
        return attempt.error("redirected too often");
    }
    attempt.follow()
}

fn proxies(options: &ProxyOptions) -> Result<Vec<Proxy>> {
    let direct = match options.no_proxy.as_deref() {
        Some(list) => format!("{list},{NEVER_PROXIED}"),
        None => NEVER_PROXIED.to_owned(),
    };
    let http = options.http.as_deref().map(|url| (url, Proxy::http(url)));
    let https = options.https.as_deref().map(|url| (url, Proxy::https(url)));
    let all = http.into_iter().chain(https);
    all.map(|(url, proxy)| match proxy {
        Ok(proxy) => Ok(proxy.no_proxy(NoProxy::from_string(&direct))),
        Err(_) => Err(Error::Invalid {
            what: "proxy address",
            text: without_user(url).to_owned(),
            reason: "expected http://HOST:PORT or socks5://HOST:PORT".into(),
        }),
    })
    .collect()
}
