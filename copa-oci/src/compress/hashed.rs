//! A reader that hashes what passes through it.

use std::io::{self, BufRead, Read};

use crate::spec::digest::{Digest, Hasher};

const CHUNK: usize = 64 << 10;

/// Hashes the bytes that a reader gives, whole chunks at a time, and hands out its buffer.
pub(crate) struct Hashed<R> {
    inner: R,
    hasher: Hasher,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(inner: R, hasher: Hasher) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        Self { inner, hasher, buffer, start: 0, end: 0 }
    }

    pub(crate) fn inner(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Reads what is left, and returns the digest of everything.
    pub(crate) fn finish(mut self) -> io::Result<Digest> {
        loop {
            let left = self.fill_buf()?.len();
            if left == 0 {
                return Ok(self.hasher.finish());
            }
            self.consume(left);
        }
    }
}

impl<R: Read> BufRead for Hashed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            let count = loop {
                match self.inner.read(&mut self.buffer) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            (self.start, self.end) = (0, count);
            self.hasher.update(self.buffer.get(..count).unwrap_or_default());
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
