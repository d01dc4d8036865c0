//! Authentication: basic, and with tokens from a token server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout};
use url::{Url, form_urlencoded};

use crate::credentials::credential::{Credential, Credentials, Secret};
use crate::error::{Error, Result};
use crate::http::address::{is_loopback, origin};
use crate::http::body::pieces;
use crate::http::client::Http;
use crate::http::refusal::Refusal;
use crate::registry::challenge::Challenge;
use crate::registry::scope::Scope;
use crate::stream::ByteStream;

const TOKEN_ANSWER: u64 = 1 << 20;
/// The lifetime in seconds of a token that names none: the token protocol of the distribution
/// specification.
const LIFETIME: u64 = 60;
const LONGEST_LIFETIME: u64 = 24 * 60 * 60;

/// The state of authentication to one repository of one registry.
#[derive(Debug)]
pub(super) struct Auth {
    http: Http,
    credentials: Arc<dyn Credentials>,
    registry: String,
    repository: String,
    /// Whether the caller allows plain HTTP.
    plain: bool,
    credential: OnceCell<Option<Credential>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The challenge that the registry sent last; `None` when it has sent none.
    challenge: Option<Challenge>,
    tokens: BTreeMap<Scope, Token>,
}

#[derive(Debug)]
struct Token {
    header: HeaderValue,
    expires: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl Auth {
    pub(super) fn new(
        http: Http,
        credentials: Arc<dyn Credentials>,
        (registry, repository): (&str, &str),
        plain: bool,
    ) -> Self {
        Self {
            http,
            plain,
            credentials,
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            credential: OnceCell::new(),
            state: Mutex::default(),
        }
    }

    /// The `Authorization` header for this scope; `None` while the registry has not asked for one.
    pub(super) async fn header(&self, scope: &Scope) -> Result<Option<HeaderValue>> {
        let mut state = self.state.lock().await;
        match state.challenge.clone() {
            None => Ok(None),
            Some(challenge) => self.answer(&mut state, &challenge, scope).await.map(Some),
        }
    }

    /// After a 401: takes note of what the registry asks for, so that the next
    /// [`header`](Self::header) answers it. `used` is the header that was refused.
    pub(super) async fn challenged(
        &self,
        scope: &Scope,
        headers: &HeaderMap,
        used: Option<&HeaderValue>,
        reason: String,
    ) -> Result<()> {
        let Some(challenge) = choose(headers) else { return Err(self.denied(scope, reason)) };
        let direct = matches!(self.credential().await?, Some(Credential::RegistryToken(_)));
        if used.is_some() && (direct || challenge.scheme == "basic") {
            return Err(self.denied(scope, reason));
        }
        let mut state = self.state.lock().await;
        // Another request may have replaced the token in the meantime.
        if state.tokens.get(scope).is_some_and(|token| Some(&token.header) == used) {
            state.tokens.remove(scope);
        }
        if state.challenge.as_ref().map(realm) != Some(realm(&challenge)) {
            state.tokens.clear();
        }
        state.challenge = Some(challenge);
        Ok(())
    }

    /// The error for a refusal.
    pub(super) fn denied(&self, scope: &Scope, reason: String) -> Error {
        let place = format!("{}/{}", self.registry, self.repository);
        Error::Denied { place, what: scope.action().to_owned(), reason }
    }

    async fn credential(&self) -> Result<Option<&Credential>> {
        let look = || self.credentials.for_registry(&self.registry, &self.repository);
        Ok(self.credential.get_or_try_init(look).await?.as_ref())
    }

    async fn answer(
        &self,
        state: &mut State,
        challenge: &Challenge,
        scope: &Scope,
    ) -> Result<HeaderValue> {
        let credential = self.credential().await?;
        if let Some(Credential::RegistryToken(token)) = credential {
            return bearer(token.expose());
        }
        if challenge.scheme == "basic" {
            return match credential {
                Some(Credential::Basic { user, password }) => basic(user, password),
                Some(_) => Err(self.denied(scope, "it wants a password, not a token".into())),
                None => Err(self.denied(scope, "it wants a user and a password".into())),
            };
        }
        if let Some(token) = state.tokens.get(scope).filter(|t| t.expires > Instant::now()) {
            return Ok(token.header.clone());
        }
        let token = self.fetch(challenge, scope, credential).await?;
        let header = token.header.clone();
        state.tokens.insert(scope.clone(), token);
        Ok(header)
    }

    /// Asks the token server for a token.
    async fn fetch(
        &self,
        challenge: &Challenge,
        scope: &Scope,
        credential: Option<&Credential>,
    ) -> Result<Token> {
        let realm = self.realm(challenge, scope, credential.is_some())?;
        let wanted = scope.clone().and(challenge.get("scope"));
        let (method, answer) = match credential {
            Some(Credential::IdentityToken(refresh)) => {
                let form = refresh_form(challenge, &wanted, refresh);
                ("POST", self.http.send(|client| form_post(client, &realm, &form)).await?)
            }
            other => {
                let header = match other {
                    Some(Credential::Basic { user, password }) => Some(basic(user, password)?),
                    _ => None,
                };
                let url = token_url(&realm, challenge, &wanted);
                let send = |client: &reqwest::Client| {
                    let request = client.get(url.clone());
                    header.iter().fold(request, |r, header| r.header(AUTHORIZATION, header))
                };
                ("GET", self.http.send(send).await?)
            }
        };
        if !answer.status().is_success() {
            let refusal = Refusal::read(&self.http, method, answer).await;
            return Err(match refusal.status {
                400 | 401 | 403 => {
                    let reason = format!("token server {}: {}", origin(&realm), refusal.reason());
                    self.denied(scope, reason)
                }
                _ => refusal.into_error(),
            });
        }
        self.read(answer).await
    }

    async fn read(&self, answer: reqwest::Response) -> Result<Token> {
        let what = format!("answer of token server {}", origin(answer.url()));
        let body = ByteStream::new(pieces(self.http.clone(), answer));
        let body = timeout(self.http.patience(), body.collect(&what, TOKEN_ANSWER)).await;
        let corrupt = |reason: &str| Error::Corrupt { what: what.clone(), reason: reason.into() };
        let body = body.map_err(|_| corrupt("it does not end"))??;
        // The parser's message may quote the token.
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| corrupt("not JSON"))?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
        let lifetime = answer.expires_in.as_u64().unwrap_or(LIFETIME).min(LONGEST_LIFETIME);
        Ok(Token {
            header: bearer(&token.ok_or_else(|| corrupt("it holds no token"))?)?,
            expires: Instant::now() + Duration::from_secs(lifetime).mul_f32(0.9),
        })
    }

    /// The address of the token server. Only the registry vouches for it, so a secret is sent there
    /// over TLS only, unless the caller allows plain HTTP.
    fn realm(&self, challenge: &Challenge, scope: &Scope, secret: bool) -> Result<Url> {
        let realm = challenge.get("realm");
        let url = Url::parse(realm).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let unusable = || format!("it names a token server that cannot be used: `{realm}`");
        let url = url.ok_or_else(|| self.denied(scope, unusable()))?;
        if url.scheme() == "https" || self.plain || !secret || is_loopback(&url) {
            return Ok(url);
        }
        let reason = format!("it wants a secret to be sent without TLS, to {}", origin(&url));
        Err(self.denied(scope, reason))
    }
}

/// The challenge to answer: tokens before passwords.
fn choose(headers: &HeaderMap) -> Option<Challenge> {
    let all = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<_> = all.flat_map(Challenge::parse).collect();
    let of = |scheme: &str| all.iter().find(|challenge| challenge.scheme == scheme).cloned();
    of("bearer").or_else(|| of("basic"))
}

fn realm(challenge: &Challenge) -> (&str, &str, &str) {
    (&challenge.scheme, challenge.get("realm"), challenge.get("service"))
}

fn token_url(realm: &Url, challenge: &Challenge, scope: &Scope) -> Url {
    let mut url = realm.clone();
    let mut query = url.query_pairs_mut();
    let service = Some(challenge.get("service")).filter(|service| !service.is_empty());
    query.extend_pairs(service.map(|service| ("service", service)));
    query.extend_pairs(scope.texts().map(|scope| ("scope", scope)));
    drop(query);
    url
}

fn refresh_form(challenge: &Challenge, scope: &Scope, refresh: &Secret) -> String {
    let scopes: Vec<_> = scope.texts().collect();
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("service", challenge.get("service"))
        .append_pair("client_id", "copa")
        .append_pair("scope", &scopes.join(" "))
        .append_pair("refresh_token", refresh.expose())
        .finish()
}

fn form_post(client: &reqwest::Client, url: &Url, form: &str) -> reqwest::RequestBuilder {
    let request = client.post(url.clone()).body(form.to_owned());
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn basic(user: &str, password: &Secret) -> Result<HeaderValue> {
    secret(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
}

fn bearer(token: &str) -> Result<HeaderValue> {
    secret(format!("Bearer {token}"))
}

fn secret(text: String) -> Result<HeaderValue> {
    let mut header = HeaderValue::try_from(text).map_err(|_| Error::Corrupt {
        what: "token".into(),
        reason: "it holds characters that cannot be sent".into(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}
