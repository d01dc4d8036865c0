//! Refusals: the reason that a server gives with an error status.

use reqwest::Response;
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use crate::error::Error;
use crate::http::address::{origin, shown};
use crate::http::body::pieces;
use crate::http::client::Http;
use crate::stream::ByteStream;

const ERROR_BODY: u64 = 64 << 10;
const MESSAGE: usize = 500;

/// An answer that is a refusal, read as far as is needed to report it.
#[derive(Debug)]
pub(crate) struct Refusal {
    method: &'static str,
    url: Url,
    pub(crate) status: u16,
    /// The code of the distribution specification: `BLOB_UNKNOWN`, `UNAUTHORIZED`.
    pub(crate) code: String,
    message: String,
}

impl Refusal {
    /// Reads the reason out of the answer, within bounds of size and time.
    pub(crate) async fn read(http: &Http, method: &'static str, answer: Response) -> Self {
        let (url, status) = (answer.url().clone(), answer.status().as_u16());
        let body = ByteStream::new(pieces(http.clone(), answer));
        // Failing to read the reason must not replace the refusal itself.
        let body = timeout(http.patience(), body.collect("answer", ERROR_BODY)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let (code, message) = reason(&body);
        Self { method, url, status, code, message }
    }

    /// The registry's own words, or the status when it had none.
    pub(crate) fn reason(&self) -> String {
        match self.words() {
            words if words.is_empty() => format!("status {}", self.status),
            words => words,
        }
    }

    fn words(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }

    /// The error that reports it.
    pub(crate) fn into_error(self) -> Error {
        if matches!((self.method, self.status), ("GET" | "HEAD", 404 | 410)) {
            return Error::NotFound { what: self.url.path().to_owned(), place: origin(&self.url) };
        }
        let words = self.words();
        Error::Registry {
            method: self.method.to_owned(),
            url: shown(&self.url),
            status: self.status,
            detail: if words.is_empty() { words } else { format!(": {words}") },
        }
    }
}

/// Distribution specification, "Error Codes"; and OAuth 2, which token servers speak.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    errors: Vec<One>,
    error: Option<String>,
    error_description: Option<String>,
    details: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct One {
    code: Option<String>,
    message: Option<String>,
}

/// The code and the message in a body; both may be empty.
fn reason(body: &[u8]) -> (String, String) {
    let Ok(mut body) = serde_json::from_slice::<Body>(body) else {
        return (String::new(), plain(body));
    };
    let (code, message) = match body.errors.is_empty() {
        false => {
            let first = body.errors.swap_remove(0);
            (first.code, first.message)
        }
        true => (body.error, body.error_description.or(body.details).or(body.message)),
    };
    (printable(&code.unwrap_or_default()), printable(&message.unwrap_or_default()))
}

/// A body that is plain text. A page of HTML gives no reason.
fn plain(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if !text.trim_start().starts_with('<') => printable(text),
        _ => String::new(),
    }
}

/// One line without control characters: the text is untrusted and is shown on a terminal.
fn printable(text: &str) -> String {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reasons_are_found_in_all_dialects() {
        for (body, code, message) in [
            (r#"{"errors":[{"code":"DENIED","message":"no","detail":{}}]}"#, "DENIED", "no"),
            (r#"{"errors":[{"code":"X"}]}"#, "X", ""),
            (r#"{"errors":[]}"#, "", ""),
            (r#"{"error":"invalid_grant","error_description":"old"}"#, "invalid_grant", "old"),
            (
                r#"{"details":"incorrect username or password"}"#,
                "",
                "incorrect username or password",
            ),
            ("too many\x1b[31m requests\n", "", "too many [31m requests"),
            ("<html>busy</html>", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(reason(body.as_bytes()), (code.into(), message.into()), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let (code, message) = reason(&body);
            prop_assert!(!code.chars().chain(message.chars()).any(char::is_control));
        }
    }
}
