//! Undoes the compression of a layer as it is written: archives of Docker hold plain tars.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::compress::decompress::ZSTD_WINDOW_LOG;
use crate::compress::expansion::Expansion;
use crate::spec::digest::Hasher;

/// The uncompressed layer, hashed as it is written.
pub(super) struct LayerWriter {
    file: Arc<File>,
    start: u64,
    pub(super) size: u64,
    /// Bytes of the compressed layer so far.
    taken: u64,
    limit: Expansion,
    pub(super) hasher: Hasher,
}

impl LayerWriter {
    pub(super) fn new(file: Arc<File>, start: u64, limit: Expansion) -> Self {
        Self { file, start, size: 0, taken: 0, limit, hasher: Hasher::sha256() }
    }
}

impl Write for LayerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.limit.check(self.taken, self.size + bytes.len() as u64)?;
        self.file.write_all_at(bytes, self.start + self.size)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Undoes the compression of a layer as its bytes are pushed through. The first bytes tell which it
/// is.
pub(super) enum Unpack {
    Start(LayerWriter),
    Plain(LayerWriter),
    Gzip(Box<flate2::write::MultiGzDecoder<LayerWriter>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, LayerWriter>>),
}

impl Unpack {
    pub(super) fn told(self, chunk: &[u8]) -> io::Result<Self> {
        Ok(match self {
            Self::Start(out) if chunk.starts_with(&[0x1f, 0x8b]) => {
                Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(out)))
            }
            Self::Start(out) if chunk.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => {
                let mut decoder = zstd::stream::write::Decoder::new(out)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
            Self::Start(out) => Self::Plain(out),
            told => told,
        })
    }

    pub(super) fn write_all(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.writer().taken += chunk.len() as u64;
        match self {
            Self::Start(out) | Self::Plain(out) => out.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
            Self::Zstd(decoder) => decoder.write_all(chunk),
        }
    }

    fn writer(&mut self) -> &mut LayerWriter {
        match self {
            Self::Start(out) | Self::Plain(out) => out,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }

    pub(super) fn finish(self) -> io::Result<LayerWriter> {
        match self {
            Self::Start(out) | Self::Plain(out) => Ok(out),
            Self::Gzip(decoder) => decoder.finish(),
            Self::Zstd(mut decoder) => {
                decoder.flush()?;
                Ok(decoder.into_inner())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = [0; 100_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&zeros).unwrap();
        for packed in [gzip.finish().unwrap(), zstd::encode_all(&zeros[..], 1).unwrap()] {
            let unpack = |free| {
                let limit = Expansion { free, ..Expansion::default() };
                let file = Arc::new(tempfile::tempfile().unwrap());
                let mut unpack = Unpack::Start(LayerWriter::new(file, 0, limit)).told(&packed)?;
                unpack.write_all(&packed)?;
                unpack.finish().map(|out| out.size)
            };
            assert_eq!(unpack(100_000).unwrap(), 100_000);
            let error = Error::from_io("it", unpack(99_999).unwrap_err());
            assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        }
    }
}
