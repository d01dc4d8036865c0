//! A stream of bytes, and the same stream checked against its descriptor.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio_util::io::{StreamReader, SyncIoBridge};

use crate::error::{Error, Result};
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Hasher;

/// Bytes as they arrive. An error ends it; an [`Error`] of this crate travels inside the
/// [`io::Error`] and is taken out again by [`Error::from_io`].
pub struct ByteStream(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>);

impl ByteStream {
    /// Wraps any stream of bytes.
    pub fn new(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }

    /// A stream of bytes that are already here.
    pub fn once(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::new(futures_util::stream::iter([Ok(bytes)]))
    }

    /// The bytes of a reader, read by tokio.
    pub fn from_async_read(reader: impl tokio::io::AsyncRead + Send + 'static) -> Self {
        Self::new(tokio_util::io::ReaderStream::with_capacity(reader, 1 << 16))
    }

    /// The same bytes, with an error in place of the end unless they are exactly what `expected`
    /// describes. Bytes beyond the expected size are never handed out.
    ///
    /// Read it to the end: only then has it been checked.
    #[must_use]
    pub fn verified(self, expected: &Descriptor) -> Self {
        Self::new(Verified {
            inner: Some(self),
            expected: expected.clone(),
            hasher: Some(Hasher::like(&expected.digest)),
            seen: 0,
        })
    }

    /// All bytes, when there are no more than `limit` of them.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] beyond the limit, or what broke the stream.
    pub async fn collect(mut self, what: &str, limit: u64) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.try_next().await.map_err(|e| Error::from_io(what, e))? {
            if (all.len() + chunk.len()) as u64 > limit {
                return Err(Error::TooLarge { what: what.into(), limit: format!("{limit} bytes") });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// A blocking reader of this stream, for a thread of the blocking pool.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime; reading from it panics on a thread that drives async tasks.
    pub fn into_read(self) -> impl Read + Send + 'static {
        SyncIoBridge::new(StreamReader::new(self))
    }
}

impl Stream for ByteStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteStream")
    }
}

struct Verified {
    inner: Option<ByteStream>,
    expected: Descriptor,
    hasher: Option<Hasher>,
    seen: u64,
}

impl Verified {
    fn mismatch(&self, reason: String) -> io::Error {
        Error::Corrupt { what: self.expected.digest.to_string(), reason }.into_io()
    }

    fn check(&mut self, chunk: &Bytes) -> io::Result<()> {
        self.seen += chunk.len() as u64;
        if self.seen > self.expected.size {
            return Err(self.mismatch(format!("longer than its {} bytes", self.expected.size)));
        }
        self.hasher.iter_mut().for_each(|hasher| hasher.update(chunk));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.seen != self.expected.size {
            let (seen, size) = (self.seen, self.expected.size);
            return Err(self.mismatch(format!("ends after {seen} of {size} bytes")));
        }
        match self.hasher.take().map(Hasher::finish) {
            Some(digest) if digest != self.expected.digest => {
                Err(self.mismatch(format!("its digest is {digest}")))
            }
            _ => Ok(()),
        }
    }
}

impl Stream for Verified {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        let item = match std::task::ready!(inner.poll_next_unpin(cx)) {
            Some(Ok(chunk)) => match self.check(&chunk) {
                Ok(()) => return Poll::Ready(Some(Ok(chunk))),
                Err(error) => Some(Err(error)),
            },
            Some(Err(error)) => Some(Err(error)),
            None => self.finish().err().map(Err),
        };
        self.inner = None;
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::spec::digest::Digest;

    async fn read(sent: &'static [u8], described: &[u8]) -> Result<Bytes> {
        let descriptor = Descriptor::of("x/y", described);
        ByteStream::once(sent).verified(&descriptor).collect("it", 1 << 20).await
    }

    #[tokio::test]
    async fn only_what_was_described_gets_through() {
        assert_eq!(read(b"abc", b"abc").await.unwrap(), "abc");
        for (sent, described) in [(&b"abd"[..], &b"abc"[..]), (b"ab", b"abc"), (b"abcd", b"abc")] {
            let error = read(sent, described).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Trust, "{error}");
            assert!(error.to_string().contains(Digest::sha256(described).as_str()));
        }
    }

    #[tokio::test]
    async fn collecting_stops_at_the_limit() {
        let error = ByteStream::once(vec![0; 11]).collect("it", 10).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
