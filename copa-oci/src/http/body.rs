//! Bodies as streams, continued from where they broke off.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, TryStreamExt};
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response as Answer, StatusCode};
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::http::address::network;
use crate::http::client::Http;
use crate::http::retry;
use crate::stream::ByteStream;

/// Requests the same resource again, from this byte on.
pub(crate) type Reopen = Arc<dyn Fn(u64) -> BoxFuture<'static, Result<Answer>> + Send + Sync>;

struct Download {
    http: Http,
    answer: Answer,
    reopen: Reopen,
    offset: u64,
    attempt: u32,
}

/// The body of an answer. Where it breaks off, `reopen` requests the rest.
pub(crate) fn resumable(http: Http, answer: Answer, reopen: Reopen) -> ByteStream {
    let download = Download { http, answer, reopen, offset: 0, attempt: 0 };
    ByteStream::new(stream::try_unfold(download, |mut download| async move {
        let piece = download.next().await.map_err(Error::into_io)?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, download)))
    }))
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            match piece(&self.http, &mut self.answer).await {
                Ok(Some(piece)) => {
                    self.offset = self.offset.saturating_add(piece.len() as u64);
                    return Ok(Some(piece));
                }
                Ok(None) => return Ok(None),
                Err(broken) => self.resume(broken).await?,
            }
        }
    }

    /// Replaces the answer by one that continues it, or returns the error that broke it.
    async fn resume(&mut self, broken: Error) -> Result<()> {
        let broken = Err(broken);
        while let Some(delay) = self.http.delay(&broken, self.attempt) {
            tokio::time::sleep(delay).await;
            self.attempt += 1;
            match (self.reopen)(self.offset).await {
                Ok(answer) if continues(&answer, self.offset) => {
                    self.answer = answer;
                    return Ok(());
                }
                Err(error) if retry::may_pass(&error) => {}
                _ => break,
            }
        }
        broken.map(|_: Answer| ())
    }
}

/// Whether the answer is the part that was asked for.
fn continues(answer: &Answer, offset: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    answer.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

/// The pieces of a body. Each must arrive within the time that a server may stay silent.
pub(crate) fn pieces(http: Http, answer: Answer) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((http, answer), |(http, mut answer)| async move {
        let piece = piece(&http, &mut answer).await?;
        Ok(piece.map(|piece| (piece, (http, answer))))
    })
    .map_err(Error::into_io)
}

async fn piece(http: &Http, answer: &mut Answer) -> Result<Option<Bytes>> {
    match timeout(http.patience(), answer.chunk()).await {
        Ok(piece) => piece.map_err(|e| network(Some(answer.url()), e.without_url())),
        Err(_) => Err(http.silence(answer.url())),
    }
}
