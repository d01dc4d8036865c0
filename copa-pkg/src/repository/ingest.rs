//! Files of metadata are read while they arrive; the result counts only when the checksum is right.

use std::io::{self, Read};

use crate::package::checksum::Checksum;
use crate::package::checksum::Hasher;
use crate::unpack::compression::Compression;

/// The file that a verified document describes.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// Its checksum.
    pub(crate) checksum: Checksum,
    /// Its length in bytes, if that is known.
    pub(crate) size: Option<u64>,
    /// The checksum of its decompressed content, if that is known.
    pub(crate) open_checksum: Option<Checksum>,
    /// How it is compressed.
    pub(crate) compression: Compression,
    /// The most bytes that are read, compressed and decompressed.
    pub(crate) limit: u64,
    /// The document that describes it: `Release`, `repomd.xml`.
    pub(crate) says: &'static str,
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The transport broke off.
    Transport(io::Error),
    /// Another file than the listed one came.
    Wrong(String),
    /// The listed file came, and cannot be read.
    Malformed(String),
}

/// Reads the file behind `source`, decompressed, with `read`.
///
/// # Errors
///
/// An error of `read` counts only when the file is the expected one.
pub(crate) fn ingest<T>(
    source: impl Read,
    expected: &Expected,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> Result<T, Failure> {
    let mut source = Counted {
        inner: source,
        hash: expected.checksum.hasher(),
        count: 0,
        limit: expected.size.unwrap_or(expected.limit),
        broken: None,
    };
    let mut open_hash = expected.open_checksum.as_ref().map(Checksum::hasher);
    let result = expected.compression.reader(&mut source).and_then(|reader| {
        let reader = Hashed { inner: reader, hash: open_hash.as_mut() };
        let mut text = reader.take(expected.limit.saturating_add(1));
        let result = read(&mut text)?;
        // Whatever the reader left: the checksums are over all of it.
        io::copy(&mut text, &mut io::sink())?;
        Ok((result, text.limit() == 0))
    });
    let drained = io::copy(&mut source, &mut io::sink());
    if let Some(e) = source.broken.take() {
        return Err(Failure::Transport(e));
    }
    let says = expected.says;
    let wrong_size = expected.size.is_some_and(|size| size != source.count);
    if drained.is_err() || wrong_size {
        let found = if drained.is_err() { "more".into() } else { source.count.to_string() };
        return Err(Failure::Wrong(format!("it has {found} bytes, {says} says {}", source.limit)));
    }
    compare(source.hash, &expected.checksum, says)?;
    match result {
        Ok((_, true)) => {
            Err(Failure::Malformed(format!("its text is longer than {} bytes", expected.limit)))
        }
        Err(e) => Err(Failure::Malformed(e.to_string())),
        Ok((result, false)) => {
            if let Some((hash, listed)) = open_hash.zip(expected.open_checksum.as_ref()) {
                compare(hash, listed, says)?;
            }
            Ok(result)
        }
    }
}

fn compare(hash: Hasher, listed: &Checksum, says: &str) -> Result<(), Failure> {
    let (kind, listed) = listed.parts();
    let found = hash.finish();
    if !found.eq_ignore_ascii_case(listed) {
        return Err(Failure::Wrong(format!("its {kind} is {found}, {says} says {listed}")));
    }
    Ok(())
}

/// A reader that hashes what passes, if there is something to hash with.
struct Hashed<'h, R> {
    inner: R,
    hash: Option<&'h mut Hasher>,
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// A reader that hashes what passes, and stops at a limit.
struct Counted<R> {
    inner: R,
    hash: Hasher,
    count: u64,
    limit: u64,
    /// What the transport said when it broke off: a decoder would hide it.
    broken: Option<io::Error>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => {
                self.broken = Some(e);
                return Err(io::Error::other("the transport broke off"));
            }
        };
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.count = self.count.saturating_add(read as u64);
        if self.count > self.limit {
            return Err(io::Error::other("it is longer than listed"));
        }
        Ok(read)
    }
}
