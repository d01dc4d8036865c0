//! The HTTP client by itself: mirrors, proxies, certificates.

use std::time::Duration;

use super::*;
use crate::error::{Error, Kind};
use crate::http::options::{HttpOptions, ProxyOptions};
use crate::registry::fake::{Access, Fake, Fault};
use crate::spec::digest::Digest;

fn http() -> Http {
    let read_timeout = Duration::from_millis(700);
    Http::new(&HttpOptions { read_timeout, retries: 2, ..HttpOptions::default() }).unwrap()
}

#[tokio::test]
async fn mirrors_are_asked_whether_something_is_new() {
    let fake = Fake::start(Access::Open).await;
    fake.add_blob("x", b"0123456789");
    let url = |digest| format!("http://{}/v2/x/blobs/{digest}", fake.address).parse().unwrap();
    let there = || url(Digest::sha256(b"0123456789").to_string());
    let tag = Fault::Header("etag", "\"1\"".into());
    fake.fail("GET", "/v2/x", 1, tag);
    let answer = http().get(Get::new(there())).await.unwrap();
    assert_eq!(
        (answer.status(), answer.etag(), answer.content_length()),
        (200, Some("\"1\""), Some(10))
    );
    assert_eq!(answer.into_stream().collect("x", 100).await.unwrap(), "0123456789");
    fake.fail("GET", "/v2/x", 1, Fault::Answer(304, Vec::new(), String::new()));
    let request = Get { if_none_match: Some("\"1\"".into()), ..Get::new(there()) };
    assert!(http().get(request).await.unwrap().not_modified());
    let error = http().get(Get::new(url("none".into()))).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    // Without a validator nobody knows whether the rest is the rest of the same thing.
    fake.fail("GET", "/v2/x", 1, Fault::Cut(3));
    let broken = http().get(Get::new(there())).await.unwrap().into_stream().collect("x", 100).await;
    assert_eq!(broken.unwrap_err().kind(), Kind::Network);
    let mut secret = there();
    secret.set_password(Some("pass")).unwrap();
    secret.set_query(Some("key=word"));
    fake.fail("GET", "/v2/x", 1, Fault::Answer(403, Vec::new(), String::new()));
    let error = http().get(Get::new(secret)).await.unwrap_err().to_string();
    assert!(!error.contains("pass") && !error.contains("word"), "{error}");
}

#[tokio::test]
async fn proxies_are_used_but_not_for_loopback() {
    let fake = Fake::start(Access::Open).await;
    fake.add_blob("x", b"proxied");
    let path = format!("v2/x/blobs/{}", Digest::sha256(b"proxied"));
    let get = async |proxy: &str, no_proxy: Option<&str>, host: &str| {
        let proxy = ProxyOptions {
            http: Some(proxy.to_owned()),
            no_proxy: no_proxy.map(str::to_owned),
            ..ProxyOptions::default()
        };
        let http = Http::new(&HttpOptions { proxy, retries: 0, ..HttpOptions::default() })?;
        let url = format!("http://{host}/{path}").parse().unwrap();
        http.get(Get::new(url)).await?.into_stream().collect("x", 100).await
    };
    let proxy = format!("http://user:word@{}", fake.address);
    assert_eq!(get(&proxy, None, "mirror.invalid").await.unwrap(), "proxied");
    assert!(get(&proxy, Some("mirror.invalid"), "mirror.invalid").await.is_err());
    // Nobody listens at this proxy: it is not asked.
    assert_eq!(get("http://127.0.0.1:1", None, &fake.address).await.unwrap(), "proxied");
    let error = get("http://user:word@[", None, "h").await.unwrap_err().to_string();
    assert!(error.starts_with("proxy address") && !error.contains("word"), "{error}");
}

#[test]
fn a_bundle_without_certificates_is_refused() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for bundle in [&b""[..], b"text", broken] {
        let options =
            HttpOptions { ca_certificates: vec![bundle.to_vec()], ..HttpOptions::default() };
        let error = Http::new(&options).unwrap_err();
        assert!(matches!(error, Error::Invalid { what: "CA bundle", .. }), "{error}");
    }
}
