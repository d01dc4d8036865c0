//! Which failures are tried again, and after how long.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use crate::error::{Error, Result};

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
/// A server that asks for a longer wait is not waited for: its failure is reported at once.
const MOST_ASKED: Duration = Duration::from_secs(60);

/// How long to wait before the next attempt, after this outcome of an attempt (the first is 0).
/// `None` when the outcome is final.
pub(super) fn delay(outcome: &Result<Response>, attempt: u32, retries: u32) -> Option<Duration> {
    let own = pause(attempt, retries)?;
    match outcome {
        Ok(answer) if is_transient(answer.status()) => match retry_after(answer.headers()) {
            Some(asked) if asked > MOST_ASKED => None,
            Some(asked) => Some(asked.max(own.min(FIRST))),
            None => Some(own),
        },
        Err(error) if may_pass(error) => Some(own),
        _ => None,
    }
}

/// The wait after an attempt: it doubles each time. `None` when there were enough attempts.
pub(super) fn pause(attempt: u32, retries: u32) -> Option<Duration> {
    (attempt < retries).then(|| FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST))
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Whether a request that got no answer may succeed the next time. A refused certificate stays
/// refused, and so does a redirect.
pub(crate) fn may_pass(error: &Error) -> bool {
    let given_up = |e: &reqwest::Error| e.is_redirect() || e.is_builder();
    matches!(error, Error::Network { .. })
        && error.network_cause::<rustls::Error>().is_none()
        && !error.network_cause::<reqwest::Error>().is_some_and(given_up)
}

/// Whether the server speaks TLS, even if its certificate is refused.
pub(crate) fn speaks_tls(outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => match error.network_cause::<rustls::Error>() {
            Some(rustls::Error::InvalidMessage(_)) | None => false,
            Some(_) => true,
        },
    }
}

/// RFC 9110, 10.2.3: seconds, or a date, which is compared with the answer's own `Date`, so that
/// no clock is needed. Dates in the two obsolete forms are not understood.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = timestamp(headers.get(DATE)?.to_str().ok()?)?;
    let seconds = timestamp(text)?.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

fn timestamp(text: &str) -> Option<jiff::Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::http::address::network;

    fn asked(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).ok()?);
        date.map(|date| headers.insert(DATE, HeaderValue::from_str(date).unwrap()));
        super::retry_after(&headers).map(|delay| delay.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (text, date, seconds) in [
            ("0", None, Some(0)),
            (" 120 ", None, Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", now, Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", now, Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, None),
            ("-1", now, None),
            ("1.5", now, None),
            ("soon", now, None),
            ("", now, None),
            ("99999999999999999999999", now, None),
        ] {
            assert_eq!(asked(text, date), seconds, "{text:?}");
        }
    }

    #[test]
    fn attempts_are_numbered_and_bounded() {
        let broken = || Err(network(None, "reset"));
        let waits: Vec<_> = (0..4).map(|n| delay(&broken(), n, 3).map(|d| d.as_millis())).collect();
        assert_eq!(waits, [Some(200), Some(400), Some(800), None]);
        assert_eq!(delay(&broken(), 40, 50), Some(LONGEST));
        let answer = |status: u16, after: &str| {
            let builder = axum::http::Response::builder().status(status);
            Ok(builder.header("retry-after", after).body(String::new()).unwrap().into())
        };
        assert_eq!(delay(&answer(429, "7"), 0, 3), Some(Duration::from_secs(7)));
        assert_eq!(delay(&answer(503, "0"), 0, 3), Some(FIRST));
        assert_eq!(delay(&answer(429, "3600"), 0, 3), None, "not waited for");
        assert_eq!(delay(&answer(404, "7"), 0, 3), None);
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "\\PC*", date in "[ -~]*") {
            asked(&text, Some(&date));
        }
    }
}
