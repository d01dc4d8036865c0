//! A registry in this process that does what it is told to do wrong. It uses nothing of the crate
//! under test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use futures_util::{StreamExt, stream};
use sha2::{Digest as _, Sha256};

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Access {
    Open,
    /// `user` and `secret`.
    Basic,
    /// A token from `/token`, for `user` and `secret`, or for the refresh token `refresh`.
    Bearer,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status, with these headers, and this body; the request is not carried out.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection ends without an answer, after the first piece of the body was read.
    Drop,
    /// No answer, ever.
    Hang,
    /// The answer's body ends after so many bytes, with the connection.
    Cut(usize),
    /// The answer has this header instead of its own; an empty text removes it.
    Header(&'static str, String),
    /// All tokens given so far are refused from now on.
    Expire,
}

#[derive(Debug)]
struct Rule {
    method: &'static str,
    path: String,
    times: usize,
    fault: Fault,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) blobs: BTreeMap<(String, String), Bytes>,
    pub(crate) manifests: BTreeMap<(String, String), (String, Bytes)>,
    pub(crate) uploads: BTreeMap<String, Vec<u8>>,
    /// Each request: method, path, status.
    pub(crate) log: Vec<(String, String, u16)>,
    /// The lengths of the bodies of PATCH requests.
    pub(crate) chunks: Vec<usize>,
    /// Scopes asked of the token server.
    pub(crate) scopes: Vec<String>,
    pub(crate) mountable: bool,
    rules: Vec<Rule>,
    tokens: Vec<String>,
    expires_in: Option<u64>,
    count: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) address: String,
    access: Access,
    inner: Arc<Mutex<Inner>>,
}

impl Fake {
    /// Serves on a free port of the loopback interface, until the test's runtime ends.
    pub(crate) async fn start(access: Access) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let inner = Inner { mountable: true, ..Inner::default() };
        let fake = Self { address, access, inner: Arc::new(Mutex::new(inner)) };
        let router = Router::new().fallback(serve).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The next `times` requests of this method whose path contains `path` go wrong.
    pub(crate) fn fail(&self, method: &'static str, path: &str, times: usize, fault: Fault) {
        self.inner().rules.push(Rule { method, path: path.into(), times, fault });
    }

    pub(crate) fn token_lifetime(&self, seconds: u64) {
        self.inner().expires_in = Some(seconds);
    }

    pub(crate) fn add_blob(&self, repository: &str, bytes: &'static [u8]) {
        let key = (repository.into(), digest(bytes));
        self.inner().blobs.insert(key, Bytes::from_static(bytes));
    }

    pub(crate) fn add_manifest(&self, repository: &str, tag: &str, kind: &str, text: &str) {
        let bytes = Bytes::from(text.to_owned());
        for name in [tag.to_owned(), digest(&bytes)] {
            let value = (kind.to_owned(), bytes.clone());
            self.inner().manifests.insert((repository.into(), name), value);
        }
    }

    /// How many requests of this method there were whose path contains `path`.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        let log = &self.inner().log;
        log.iter().filter(|(m, p, _)| m == method && p.contains(path)).count()
    }

    fn fault(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut inner = self.inner();
        let hit = |r: &&mut Rule| r.times > 0 && r.method == method && path.contains(&r.path);
        let rule = inner.rules.iter_mut().find(hit)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    fn admitted(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|h| h.to_str().ok()).unwrap_or("");
        match self.access {
            Access::Open => true,
            Access::Basic => shown == user_header(),
            Access::Bearer => {
                let tokens = &self.inner().tokens;
                shown.strip_prefix("Bearer ").is_some_and(|t| tokens.iter().any(|one| one == t))
            }
        }
    }

    fn challenge(&self) -> Response {
        let challenge = match self.access {
            Access::Basic => "Basic realm=\"fake\"".to_owned(),
            _ => format!("Bearer realm=\"http://{}/token\",service=\"fake\"", self.address),
        };
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}"#;
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], body).into_response()
    }

    fn token(&self, headers: &HeaderMap, query: &str, form: &str) -> Response {
        let given = url::form_urlencoded::parse(format!("{query}&{form}").as_bytes())
            .into_owned()
            .collect::<Vec<_>>();
        let has = |k: &str, v: &str| given.iter().any(|(key, value)| key == k && value == v);
        let basic = headers.get(header::AUTHORIZATION).is_some_and(|h| h == &user_header());
        let mut inner = self.inner();
        let scopes = given.iter().filter(|(key, _)| key == "scope").map(|(_, v)| v.clone());
        inner.scopes.extend(scopes);
        let refresh = has("grant_type", "refresh_token") && has("refresh_token", "refresh");
        if !basic && !refresh {
            let body = r#"{"details":"incorrect username or password"}"#;
            return (StatusCode::UNAUTHORIZED, body).into_response();
        }
        inner.count += 1;
        let token = format!("token-{}", inner.count);
        inner.tokens.push(token.clone());
        let body = serde_json::json!({ "token": token, "expires_in": inner.expires_in });
        body.to_string().into_response()
    }
}

fn user_header() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("user:secret"))
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

async fn serve(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or(String::new(), ToString::to_string);
    let fault = fake.fault(&parts.method, &path);
    let mut answer = match &fault {
        Some(Fault::Answer(status, headers, text)) => {
            // What is sent is taken in first, so that the answer is seen.
            let _ = to_bytes(body, usize::MAX).await;
            let builder = Response::builder().status(*status);
            let builder = headers.iter().fold(builder, |b, (name, value)| b.header(*name, value));
            builder.body(Body::from(text.clone())).unwrap()
        }
        Some(Fault::Drop) => {
            let _ = body.into_data_stream().next().await;
            // Ends the task that serves this connection, without a message.
            std::panic::resume_unwind(Box::new(()))
        }
        Some(Fault::Hang) => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            StatusCode::OK.into_response()
        }
        other => {
            if matches!(other, Some(Fault::Expire)) {
                fake.inner().tokens.clear();
            }
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            handle(&fake, &parts.method, &path, &parts.headers, body)
        }
    };
    match fault {
        Some(Fault::Cut(length)) => answer = cut(answer, length).await,
        Some(Fault::Header(name, value)) if value.is_empty() => {
            answer.headers_mut().remove(name);
        }
        Some(Fault::Header(name, value)) => {
            answer.headers_mut().insert(name, value.parse().unwrap());
        }
        _ => {}
    }
    let entry = (parts.method.to_string(), path, answer.status().as_u16());
    fake.inner().log.push(entry);
    answer
}

async fn cut(answer: Response, length: usize) -> Response {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let pieces = [Ok(bytes.slice(..length.min(bytes.len()))), Err("cut")];
    // The pause lets the first piece out before the connection ends.
    let pieces = stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        piece
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

fn handle(fake: &Fake, method: &Method, path: &str, headers: &HeaderMap, body: Bytes) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path == "/token" {
        return fake.token(headers, query, &String::from_utf8_lossy(&body));
    }
    if !fake.admitted(headers) {
        return fake.challenge();
    }
    let Some(path) = path.strip_prefix("/v2/") else { return StatusCode::OK.into_response() };
    if let Some((repository, rest)) = path.split_once("/blobs/uploads/") {
        return upload(&mut fake.inner(), method, (repository, rest), query, body);
    }
    if let Some((repository, digest)) = path.split_once("/blobs/") {
        let found = fake.inner().blobs.get(&(repository.into(), digest.into())).cloned();
        return found.map_or_else(missing, |bytes| blob(headers, &bytes));
    }
    match path.split_once("/manifests/") {
        Some((repository, name)) => {
            manifest(&mut fake.inner(), method, (repository, name), headers, body)
        }
        None => StatusCode::OK.into_response(),
    }
}

fn missing() -> Response {
    let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"not here"}]}"#;
    (StatusCode::NOT_FOUND, body).into_response()
}

fn blob(headers: &HeaderMap, bytes: &Bytes) -> Response {
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let from = range.and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) => {
            let from: usize = from;
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            let headers = [(header::CONTENT_RANGE, range)];
            (StatusCode::PARTIAL_CONTENT, headers, bytes.slice(from..)).into_response()
        }
        None => bytes.clone().into_response(),
    }
}

fn manifest(
    inner: &mut Inner,
    method: &Method,
    (repository, name): (&str, &str),
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let digest_header = "docker-content-digest";
    if method == Method::PUT {
        let kind = headers.get(header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        let found = digest(&body);
        for name in [name, &found] {
            let value = (kind.clone(), body.clone());
            inner.manifests.insert((repository.into(), name.into()), value);
        }
        return (StatusCode::CREATED, [(digest_header, found)]).into_response();
    }
    match inner.manifests.get(&(repository.into(), name.into())) {
        Some((kind, bytes)) => {
            let headers = [("content-type", kind.clone()), (digest_header, digest(bytes))];
            (headers, bytes.clone()).into_response()
        }
        None => missing(),
    }
}

fn upload(
    inner: &mut Inner,
    method: &Method,
    (repository, id): (&str, &str),
    query: &str,
    body: Bytes,
) -> Response {
    let query: BTreeMap<_, _> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let location = |id: &str| format!("/v2/{repository}/blobs/uploads/{id}?state=a%2Fb");
    if method == Method::POST {
        if let (Some(digest), Some(from)) = (query.get("mount"), query.get("from")) {
            let known = inner.blobs.get(&(from.clone(), digest.clone())).cloned();
            if let Some(bytes) = known.filter(|_| inner.mountable) {
                inner.blobs.insert((repository.into(), digest.clone()), bytes);
                return StatusCode::CREATED.into_response();
            }
        }
        inner.count += 1;
        let id = format!("upload-{}", inner.count);
        inner.uploads.insert(id.clone(), Vec::new());
        return (StatusCode::ACCEPTED, [("location", location(&id))]).into_response();
    }
    if query.get("state").map(String::as_str) != Some("a/b") {
        return (StatusCode::BAD_REQUEST, "the state is lost").into_response();
    }
    let Some(mut bytes) = inner.uploads.remove(id) else {
        let body = r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#;
        return (StatusCode::NOT_FOUND, body).into_response();
    };
    bytes.extend_from_slice(&body);
    if method == Method::DELETE {
        return StatusCode::NO_CONTENT.into_response();
    }
    if method == Method::PATCH {
        inner.chunks.push(body.len());
        inner.uploads.insert(id.into(), bytes);
        return (StatusCode::ACCEPTED, [("location", location(id))]).into_response();
    }
    let found = digest(&bytes);
    if query.get("digest") != Some(&found) {
        let body = r#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}"#;
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    inner.blobs.insert((repository.into(), found.clone()), bytes.into());
    (StatusCode::CREATED, [("docker-content-digest", found)]).into_response()
}
