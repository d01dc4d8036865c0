//! Requests to one repository of one registry: scheme, authorization, refusals.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

use crate::credentials::credential::Credentials;
use crate::error::{Error, Result};
use crate::http::address::is_loopback;
use crate::http::client::Http;
use crate::http::refusal::Refusal;
use crate::http::retry::speaks_tls;
use crate::registry::auth::Auth;
use crate::registry::scope::Scope;

/// How long a loopback registry has to say that it speaks TLS.
const PROBE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Session {
    pub(super) http: Http,
    pub(super) repository: String,
    host: String,
    plain: bool,
    origin: OnceCell<Url>,
    auth: Auth,
}

impl Session {
    pub(super) fn new(
        http: Http,
        (registry, host): (&str, &str),
        repository: &str,
        credentials: Arc<dyn Credentials>,
        plain: bool,
    ) -> Self {
        Self {
            auth: Auth::new(http.clone(), credentials, (registry, repository), plain),
            http,
            repository: repository.to_owned(),
            host: host.to_owned(),
            plain,
            origin: OnceCell::new(),
        }
    }

    /// An address below the repository: `manifests/1.0`.
    pub(super) async fn url(&self, path: &str) -> Result<Url> {
        let origin = self.origin.get_or_try_init(|| self.find_origin()).await?;
        let url = origin.join(&format!("v2/{}/{path}", self.repository));
        url.map_err(|e| self.invalid(&e.to_string()))
    }

    /// The root of the registry: `https`, unless the caller allows plain HTTP. A registry on loopback
    /// is asked whether it speaks TLS, because there both are usual.
    async fn find_origin(&self) -> Result<Url> {
        let at = |scheme| {
            let url = Url::parse(&format!("{scheme}://{}/", self.host));
            url.map_err(|e| self.invalid(&e.to_string()))
        };
        let tls = at("https")?;
        if self.plain || (is_loopback(&tls) && !self.speaks_tls(&tls).await) {
            return at("http");
        }
        Ok(tls)
    }

    async fn speaks_tls(&self, url: &Url) -> bool {
        let probe = self.http.once(self.http.client().head(url.clone()));
        timeout(PROBE, probe).await.is_ok_and(|outcome| speaks_tls(&outcome))
    }

    fn invalid(&self, reason: &str) -> Error {
        let text = format!("{}/{}", self.host, self.repository);
        Error::Invalid { what: "registry address", text, reason: reason.to_owned() }
    }

    /// Sends a request, and sends it once more with a new token when the status is 401. The answer
    /// may still be a refusal.
    pub(super) async fn send(
        &self,
        scope: &Scope,
        method: Method,
        url: &Url,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response> {
        let request = |header: &Option<HeaderValue>| {
            let (method, header) = (method.clone(), header.clone());
            let fill = &fill;
            self.http.send(move |client| {
                let request = fill(client.request(method.clone(), url.clone()));
                authorized(request, header.as_ref())
            })
        };
        let used = self.authorization(scope, url).await?;
        let answer = request(&used).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.renew(scope, answer, used.as_ref()).await?;
        request(&self.authorization(scope, url).await?).await
    }

    /// The `Authorization` header for this address; `None` for other hosts, which uploads may be
    /// redirected to.
    pub(super) async fn authorization(
        &self,
        scope: &Scope,
        url: &Url,
    ) -> Result<Option<HeaderValue>> {
        match self.origin.get() {
            Some(origin) if origin.origin() == url.origin() => self.auth.header(scope).await,
            _ => Ok(None),
        }
    }

    /// After a 401: takes note of the challenge, so that the next
    /// [`authorization`](Self::authorization) answers it.
    async fn renew(
        &self,
        scope: &Scope,
        answer: Response,
        used: Option<&HeaderValue>,
    ) -> Result<()> {
        let headers = answer.headers().clone();
        let reason = Refusal::read(&self.http, "", answer).await.reason();
        self.challenged(scope, &headers, used, reason).await
    }

    /// Takes note of the challenge in these headers, for an answer whose body has been read.
    pub(super) async fn challenged(
        &self,
        scope: &Scope,
        headers: &HeaderMap,
        used: Option<&HeaderValue>,
        reason: String,
    ) -> Result<()> {
        self.auth.challenged(scope, headers, used, reason).await
    }

    /// The answer, unless it is a refusal.
    pub(super) async fn accept(
        &self,
        scope: &Scope,
        method: &'static str,
        answer: Response,
    ) -> Result<Response> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refused(scope, Refusal::read(&self.http, method, answer).await))
    }

    /// The error that reports a refusal.
    pub(super) fn refused(&self, scope: &Scope, refusal: Refusal) -> Error {
        match refusal.status {
            401 | 403 => self.auth.denied(scope, refusal.reason()),
            _ => refusal.into_error(),
        }
    }
}

pub(super) fn authorized(request: RequestBuilder, header: Option<&HeaderValue>) -> RequestBuilder {
    header.into_iter().fold(request, |request, header| request.header(AUTHORIZATION, header))
}
