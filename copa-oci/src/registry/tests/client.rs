mod oracle;

use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::*;
use crate::credentials::credential::{Anonymous, Credential};
use crate::error::{Hint, Kind};
use crate::http::options::HttpOptions;
use crate::registry::fake::{Access, Fake, Fault};
use crate::spec::media_type::MediaType;
use crate::store::blob::Blob;
use crate::store::sink::Sink;
use crate::store::source::Source;
use crate::stream::ByteStream;

#[derive(Debug)]
struct Fixed(Credential);

#[async_trait]
impl Credentials for Fixed {
    async fn for_registry(&self, _: &str, _: &str) -> Result<Option<Credential>> {
        Ok(Some(self.0.clone()))
    }
}

fn user(user: &str, password: &str) -> Arc<dyn Credentials> {
    Arc::new(Fixed(Credential::Basic { user: user.into(), password: password.into() }))
}

fn http() -> Http {
    let read_timeout = Duration::from_millis(700);
    Http::new(&HttpOptions { read_timeout, retries: 2, ..HttpOptions::default() }).unwrap()
}

fn open(fake: &Fake, name: &str, credentials: Arc<dyn Credentials>) -> Registry {
    Registry::new(format!("{}/{name}", fake.address).parse().unwrap(), http(), credentials, false)
}

fn anonymous(fake: &Fake) -> Registry {
    open(fake, "team/app:1.0", Arc::new(Anonymous))
}

fn layer(bytes: &[u8]) -> Descriptor {
    Descriptor::of(MediaType::OCI_LAYER, bytes)
}

/// Bytes in memory, more than one chunk of them when `length` says so.
fn blob(length: usize) -> (Descriptor, Blob) {
    let bytes: Bytes = (0..length).map(|n| (n % 251) as u8).collect();
    (layer(&bytes), Blob::Bytes(bytes))
}

fn put_ok(fake: &Fake, content: &Descriptor) -> bool {
    let inner = fake.inner();
    let found = inner.blobs.get(&("team/app".into(), content.digest.to_string()));
    found.is_some_and(|bytes| bytes.len() as u64 == content.size) && inner.uploads.is_empty()
}

const MANIFEST_TEXT: &str = r#"{"schemaVersion":2,"layers":[]}"#;

#[tokio::test]
async fn a_tag_is_resolved_with_one_request() {
    let fake = Fake::start(Access::Open).await;
    fake.add_manifest("team/app", "1.0", MediaType::OCI_MANIFEST, MANIFEST_TEXT);
    let registry = anonymous(&fake);
    let found = registry.resolve("").await.unwrap();
    assert_eq!(found, Descriptor::of(MediaType::OCI_MANIFEST, MANIFEST_TEXT.as_bytes()));
    let source: &dyn Source = &registry;
    assert_eq!(source.bytes(&found, 1 << 20).await.unwrap(), MANIFEST_TEXT);
    assert_eq!(fake.inner().log.len(), 1, "{:?}", fake.inner().log);
    assert_eq!(registry.resolve(found.digest.as_str()).await.unwrap(), found);
    let error = registry.resolve("other").await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    for name in ["../x", "a/b", "-a", "a?b", "sha256:12", "\u{e9}"] {
        let error = registry.resolve(name).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn manifests_are_what_they_are_said_to_be() {
    let fake = Fake::start(Access::Open).await;
    let own = format!(r#"{{"mediaType":"{}","layers":[]}}"#, MediaType::DOCKER_MANIFEST);
    let schema1 = r#"{"schemaVersion":1,"fsLayers":[]}"#;
    for (tag, kind, text, expected) in [
        ("plain", "application/json", MANIFEST_TEXT, Some(MediaType::OCI_MANIFEST)),
        ("index", "text/plain; charset=utf-8", r#"{"manifests":[]}"#, Some(MediaType::OCI_INDEX)),
        ("own", "application/octet-stream", &own, Some(MediaType::DOCKER_MANIFEST)),
        ("mixed", MediaType::OCI_MANIFEST, &own, None),
        ("old", "application/vnd.docker.distribution.manifest.v1+prettyjws", schema1, None),
        ("both", "application/json", r#"{"manifests":[],"layers":[]}"#, None),
        ("html", "text/html", "<html>", None),
    ] {
        fake.add_manifest("team/app", tag, kind, text);
        let found = anonymous(&fake).resolve(tag).await;
        assert_eq!(found.ok().map(|d| d.media_type), expected.map(MediaType::from), "{tag}");
    }
    fake.add_manifest("team/app", "no", MediaType::OCI_MANIFEST, MANIFEST_TEXT);
    let other = Digest::sha256(b"other").to_string();
    for (header, fine) in [("", true), (other.as_str(), false)] {
        let fault = Fault::Header("docker-content-digest", header.into());
        fake.fail("GET", "/manifests/no", 1, fault);
        let found = anonymous(&fake).resolve("no").await;
        assert_eq!(found.is_ok(), fine, "{found:?}");
        assert!(fine || found.is_err_and(|e| e.kind() == Kind::Trust));
    }
}

#[tokio::test]
async fn blobs_come_whole_or_not_at_all() {
    let fake = Fake::start(Access::Open).await;
    fake.add_blob("team/app", b"0123456789");
    let registry = anonymous(&fake);
    let source: &dyn Source = &registry;
    let content = layer(b"0123456789");
    // Broken off twice, continued twice.
    fake.fail("GET", "/blobs/", 2, Fault::Cut(3));
    assert_eq!(source.bytes(&content, 100).await.unwrap(), "0123456789");
    assert_eq!(fake.count("GET", "/blobs/"), 3);
    fake.fail("GET", "/blobs/", 9, Fault::Cut(0));
    let error = source.bytes(&content, 100).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network, "{error}");

    let fake = Fake::start(Access::Open).await;
    let key = ("team/app".to_owned(), content.digest.to_string());
    fake.inner().blobs.insert(key, Bytes::from_static(b"012345678X"));
    let registry = anonymous(&fake);
    let error = (&registry as &dyn Source).bytes(&content, 100).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
    let error = (&registry as &dyn Source).bytes(&layer(b"no"), 100).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let fake = Fake::start(Access::Open).await;
    fake.add_manifest("team/app", "1.0", MediaType::OCI_MANIFEST, MANIFEST_TEXT);
    let after = |seconds: &str| vec![("retry-after", seconds.to_owned())];
    fake.fail("GET", "/manifests/", 1, Fault::Answer(429, after("1"), String::new()));
    fake.fail("GET", "/manifests/", 1, Fault::Drop);
    let start = Instant::now();
    anonymous(&fake).resolve("1.0").await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After is honoured");

    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"come back"}]}"#;
    fake.fail("GET", "/manifests/", 1, Fault::Answer(429, after("9999"), body.into()));
    let error = anonymous(&fake).resolve("1.0").await.unwrap_err().to_string();
    assert!(
        error.ends_with("/v2/team/app/manifests/1.0: 429: TOOMANYREQUESTS: come back"),
        "{error}"
    );
    fake.fail("GET", "/manifests/", 9, Fault::Hang);
    let error = anonymous(&fake).resolve("1.0").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network, "{error}");
}

#[tokio::test]
async fn a_push_asks_once_for_everything() {
    let fake = Fake::start(Access::Bearer).await;
    let registry = open(&fake, "team/app:1.0", user("user", "secret"));
    let (content, bytes) = blob(100_000);
    assert!(!registry.contains(&content).await.unwrap());
    registry.put(&content, &bytes).await.unwrap();
    assert!(put_ok(&fake, &content));
    registry.put(&content, &bytes).await.unwrap();
    let text = Bytes::from(MANIFEST_TEXT);
    let manifest = Descriptor::of(MediaType::OCI_MANIFEST, &text);
    registry.put(&manifest, &Blob::Bytes(text.clone())).await.unwrap();
    registry.tag(&manifest, &text, "1.0").await.unwrap();
    assert_eq!(registry.resolve("1.0").await.unwrap(), manifest);
    let log = fake.inner().log.clone();
    let log: Vec<_> = log.iter().map(|(method, _, status)| (method.as_str(), *status)).collect();
    assert_eq!(
        log,
        [
            ("HEAD", 401),
            ("GET", 200), // the token to push
            ("HEAD", 404),
            ("POST", 202),
            ("PUT", 201),
            ("HEAD", 200), // there already
            ("HEAD", 404),
            ("PUT", 201), // the manifest by digest
            ("PUT", 201), // the manifest by tag
            ("GET", 200), // the token to pull
            ("GET", 200),
        ]
    );
    let scopes = ["repository:team/app:pull,push", "repository:team/app:pull"];
    assert_eq!(fake.inner().scopes, scopes);
}

#[tokio::test]
async fn broken_uploads_start_again() {
    let after = vec![("retry-after", "0".to_owned())];
    for fault in [
        Fault::Drop,
        Fault::Expire,
        Fault::Hang,
        Fault::Answer(500, Vec::new(), String::new()),
        Fault::Answer(429, after, String::new()),
        Fault::Answer(404, Vec::new(), r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#.into()),
    ] {
        let fake = Fake::start(Access::Bearer).await;
        let registry = open(&fake, "team/app", user("user", "secret"));
        let (content, bytes) = blob(3 << 20);
        fake.fail("PUT", "/blobs/uploads/", 1, fault.clone());
        registry.put(&content, &bytes).await.unwrap_or_else(|e| panic!("{fault:?}: {e}"));
        assert!(put_ok(&fake, &content), "{fault:?}: nothing is left open");
        assert_eq!(fake.count("POST", "/blobs/uploads/"), 2, "{fault:?}");
    }
}

/// A place that is slower than anybody's patience.
#[derive(Debug)]
struct Slow(Location);

#[async_trait]
impl Source for Slow {
    fn location(&self) -> &Location {
        &self.0
    }

    async fn resolve(&self, name: &str) -> Result<Descriptor> {
        Err(Error::NotFound { what: name.into(), place: self.0.to_string() })
    }

    async fn open_unverified(&self, _: &Descriptor) -> Result<ByteStream> {
        use futures_util::{StreamExt, stream};
        let pieces = stream::iter([b"slow".as_slice(), b"ly"]).then(async |piece| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Bytes::from_static(piece))
        });
        Ok(ByteStream::new(pieces.boxed()))
    }
}

#[tokio::test]
async fn the_registry_is_not_blamed_for_a_slow_source() {
    let fake = Fake::start(Access::Open).await;
    let content = layer(b"slowly");
    let source = Blob::From(Arc::new(Slow("oci:slow".parse().unwrap())));
    anonymous(&fake).put(&content, &source).await.unwrap();
    assert!(put_ok(&fake, &content));
    assert_eq!(fake.count("PUT", "/blobs/uploads/"), 1);
}

#[tokio::test]
async fn many_requests_at_once_share_a_token() {
    let fake = Fake::start(Access::Bearer).await;
    let registry = open(&fake, "team/app", user("user", "secret"));
    let contents: Vec<_> = (0..8).map(|n| layer(&[n])).collect();
    let asked = contents.iter().map(|content| registry.contains(content));
    for found in futures_util::future::join_all(asked).await {
        assert!(!found.unwrap());
    }
    assert_eq!(fake.count("GET", "/token"), 1);
}

#[tokio::test]
async fn long_bodies_that_are_refused_are_sent_in_chunks() {
    let fake = Fake::start(Access::Open).await;
    let (content, bytes) = blob(9 << 20);
    fake.fail("PUT", "/blobs/uploads/", 1, Fault::Answer(413, Vec::new(), String::new()));
    anonymous(&fake).put(&content, &bytes).await.unwrap();
    assert!(put_ok(&fake, &content));
    assert_eq!(fake.inner().chunks, [4 << 20, 4 << 20, 1 << 20]);
}

#[tokio::test]
async fn nothing_wrong_is_stored() {
    let fake = Fake::start(Access::Open).await;
    let registry = anonymous(&fake);
    let wrong = Blob::Bytes(Bytes::from_static(b"other"));
    let error = registry.put(&layer(b"bytes"), &wrong).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
    assert!(fake.inner().blobs.is_empty());
    let manifest = Descriptor::of(MediaType::OCI_MANIFEST, b"{}");
    let other = Bytes::from_static(b"[]");
    assert_eq!(registry.tag(&manifest, &other, "x").await.unwrap_err().kind(), Kind::Trust);
    assert!(fake.inner().manifests.is_empty());
    let lie = Fault::Header("docker-content-digest", Digest::sha256(b"lie").to_string());
    fake.fail("PUT", "/", 2, lie);
    let (content, bytes) = blob(5);
    assert_eq!(registry.put(&content, &bytes).await.unwrap_err().kind(), Kind::Trust);
    let error = registry.tag(&manifest, &Bytes::from_static(b"{}"), "x").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
}

#[tokio::test]
async fn mounts_move_no_byte_and_leak_no_upload() {
    let fake = Fake::start(Access::Bearer).await;
    fake.add_blob("base/image", b"layer");
    let content = layer(b"layer");
    let registry = open(&fake, "team/app", user("user", "secret"));
    let at = |text: String| text.parse::<Location>().unwrap();
    let from = at(format!("{}/base/image:1", fake.address));
    assert!(!registry.mount(&content, &at("other.test/base/image".into())).await.unwrap());
    assert!(!registry.mount(&content, &at(format!("{}/team/app", fake.address))).await.unwrap());
    assert!(!registry.mount(&content, &at("oci:dir".into())).await.unwrap());
    assert!(fake.inner().log.is_empty());
    assert!(registry.mount(&content, &from).await.unwrap());
    assert!(put_ok(&fake, &content));
    let scopes = fake.inner().scopes.clone();
    assert_eq!(scopes, ["repository:base/image:pull", "repository:team/app:pull,push"]);

    let (content, bytes) = blob(1000);
    assert!(!registry.contains(&content).await.unwrap());
    let before = fake.count("POST", "/blobs/uploads/");
    assert!(!registry.mount(&content, &from).await.unwrap(), "202: not there");
    registry.put(&content, &bytes).await.unwrap();
    assert!(put_ok(&fake, &content));
    assert_eq!(fake.count("POST", "/blobs/uploads/"), before + 1, "the upload is used");
}

#[tokio::test]
async fn everybody_comes_in_with_what_they_have() {
    let credential = |user, password: &str| Credential::Basic { user, password: password.into() };
    let good = || credential("user".to_owned(), "secret");
    let bad = || credential("user".to_owned(), "wrong");
    for (access, shown, reason) in [
        (Access::Basic, Some(good()), None),
        (Access::Basic, Some(bad()), Some("who are you?")),
        (Access::Basic, None, Some("it wants a user and a password")),
        (Access::Bearer, Some(good()), None),
        (Access::Bearer, Some(Credential::IdentityToken("refresh".into())), None),
        (Access::Bearer, Some(bad()), Some("incorrect username or password")),
        (Access::Bearer, Some(Credential::IdentityToken("x".into())), Some("token server")),
        (Access::Bearer, Some(Credential::RegistryToken("x".into())), Some("who are you?")),
        (Access::Bearer, None, Some("token server")),
    ] {
        let fake = Fake::start(access).await;
        fake.add_manifest("team/app", "1.0", MediaType::OCI_MANIFEST, MANIFEST_TEXT);
        let credentials: Arc<dyn Credentials> = match shown.clone() {
            Some(credential) => Arc::new(Fixed(credential)),
            None => Arc::new(Anonymous),
        };
        let outcome = open(&fake, "team/app:1.0", credentials).resolve("").await;
        match reason {
            None => assert!(outcome.is_ok(), "{access:?} {shown:?}: {outcome:?}"),
            Some(reason) => {
                let error = outcome.unwrap_err();
                assert!(matches!(error, Error::Denied { .. }), "{access:?} {shown:?}: {error}");
                let text = error.to_string();
                assert!(text.contains(reason) && !text.contains("wrong"), "{text}");
                assert!(matches!(error.hint(), Some(Hint::LogIn { host }) if host == fake.address));
            }
        }
    }
}

#[tokio::test]
async fn tokens_are_kept_while_they_live() {
    for (lifetime, tokens) in [(300, 1), (0, 3)] {
        let fake = Fake::start(Access::Bearer).await;
        fake.token_lifetime(lifetime);
        fake.add_manifest("team/app", "1.0", MediaType::OCI_MANIFEST, MANIFEST_TEXT);
        let registry = open(&fake, "team/app:1.0", user("user", "secret"));
        for _ in 0..3 {
            registry.resolve("").await.unwrap();
        }
        assert_eq!((fake.count("GET", "/token"), fake.count("GET", "/v2/")), (tokens, 4));
    }
}

#[tokio::test]
async fn redirects_take_no_secret_along() {
    let (near, far) = (Fake::start(Access::Basic).await, Fake::start(Access::Basic).await);
    let content = layer(b"far");
    far.add_blob("team/app", b"far");
    let to = format!("http://{}/v2/team/app/blobs/{}", far.address, content.digest);
    near.fail("GET", "/blobs/", 9, Fault::Answer(307, vec![("location", to)], String::new()));
    let registry = open(&near, "team/app", user("user", "secret"));
    // The far one would let the user in: it is not shown the secret.
    let error = (&registry as &dyn Source).bytes(&content, 100).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
}

#[tokio::test]
async fn no_secret_goes_to_a_token_server_without_tls() {
    let fake = Fake::start(Access::Open).await;
    let challenge = "Bearer realm=\"http://token.invalid/\",service=\"x\"".to_owned();
    let headers = vec![("www-authenticate", challenge)];
    fake.fail("GET", "manifests/", 9, Fault::Answer(401, headers, String::new()));
    let registry = open(&fake, "team/app:1.0", user("user", "secret"));
    let error = registry.resolve("").await.unwrap_err().to_string();
    assert!(error.contains("without TLS, to http://token.invalid"), "{error}");
    // Whoever has no secret to lose may ask there.
    let error = anonymous(&fake).resolve("").await.unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
}
