//! Members and payloads of packages, decompressed by their first bytes and with a limit: they may be
//! hostile.

use std::fmt;
use std::io::{self, Read};

use liblzma::bufread::XzDecoder;
use liblzma::stream::Stream;

use crate::unpack::compression::Compression;

/// The largest dictionary that an `.lzma` stream may ask for.
const LZMA_MEMORY: u64 = 128 << 20;

/// The uncompressed bytes of `input`, whatever it is compressed with.
///
/// After `limit` bytes, reading fails with an error that [`is_over_limit`] knows.
pub(crate) fn decompress(input: &[u8], limit: u64) -> io::Result<impl Read> {
    let reader = match input {
        [0x1f, 0x8b, ..] => Compression::Gzip.reader(input)?,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz.reader(input)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd.reader(input)?,
        [b'B', b'Z', b'h', ..] => Compression::Bzip2.reader(input)?,
        // The format before xz has no magic number, only a usual beginning.
        [0x5d, 0, 0, ..] => {
            let stream = Stream::new_lzma_decoder(LZMA_MEMORY)?;
            Box::new(XzDecoder::new_stream(input, stream))
        }
        _ => Compression::Plain.reader(input)?,
    };
    Ok(Limited { reader, limit, left: limit })
}

/// How many bytes of files the packages of one installation may still unpack to: they are in
/// memory together.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    /// For all packages of an installation: 2 GiB.
    pub(crate) fn installation() -> Self {
        Self(2 << 30)
    }

    #[cfg(test)]
    pub(crate) fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// What one package may unpack to that by itself may unpack to this.
    pub(crate) fn limit(&self, limit: u64) -> u64 {
        limit.min(self.0)
    }

    /// Counts what was unpacked.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes as u64);
    }
}

/// Whether reading failed because more than the permitted number of bytes came out.
pub(crate) fn is_over_limit(error: &io::Error) -> bool {
    let mut source = error.get_ref().map(|e| e as &(dyn std::error::Error + 'static));
    while let Some(error) = source {
        if error.is::<OverLimit>() {
            return true;
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        source = inner.map(|e| e as &(dyn std::error::Error + 'static)).or(error.source());
    }
    false
}

/// A reader that fails, rather than ends, after its limit.
struct Limited<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        match self.left.checked_sub(n as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(OverLimit(self.limit))),
        }
        Ok(n)
    }
}

#[derive(Debug)]
struct OverLimit(u64);

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes uncompressed", self.0)
    }
}

impl std::error::Error for OverLimit {}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        decompress(bytes, limit)?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8], stream: Stream) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn every_way(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz.write_all(bytes).unwrap();
        let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
        let easy = Stream::new_easy_encoder(9, liblzma::stream::Check::Crc64).unwrap();
        vec![
            ("none", bytes.to_vec()),
            ("gzip", gzip(bytes)),
            ("xz", xz(bytes, easy)),
            ("zstd", zstd::encode_all(bytes, 3).unwrap()),
            ("bzip2", bz.finish().unwrap()),
            ("lzma", xz(bytes, Stream::new_lzma_encoder(&options).unwrap())),
        ]
    }

    #[test]
    fn every_compression_is_known_by_its_first_bytes() {
        for (compression, bytes) in every_way(b"copa copa copa") {
            assert_eq!(read(&bytes, 100).unwrap(), b"copa copa copa", "{compression:?}");
        }
        assert_eq!(read(b"", 0).unwrap(), b"");
        assert_eq!(read(b"a", 1).unwrap(), b"a");
    }

    #[test]
    fn the_limit_is_an_error_and_not_an_end() {
        for (compression, bytes) in every_way(&[0; 100_000]) {
            assert_eq!(read(&bytes, 100_000).unwrap().len(), 100_000, "{compression:?}");
            let error = read(&bytes, 99_999).unwrap_err();
            assert!(is_over_limit(&error), "{compression:?}: {error}");
        }
    }

    #[test]
    fn streams_one_after_the_other_are_one() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(read(&two, 100).unwrap(), b"one two");
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        for (compression, bytes) in every_way(b"copa copa copa").into_iter().skip(1) {
            let error = read(&bytes[..bytes.len() - 5], 100).err();
            assert!(error.is_some_and(|e| !is_over_limit(&e)), "{compression:?}");
        }
    }
}
