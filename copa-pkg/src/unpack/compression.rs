//! The compressions in which indexes and package members come.

use std::io::{self, BufRead, BufReader, Read};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    Plain,
    /// `gzip`.
    Gzip,
    /// `xz`.
    Xz,
    /// `zstd`.
    Zstd,
    /// `bzip2`.
    Bzip2,
}

/// The most memory that an xz stream may ask for: its dictionary, 64 MiB at `xz -9`, and some.
const XZ_MEMORY: u64 = 160 << 20;

/// The largest zstd window that is accepted, as a power of two: 128 MiB, what `zstd -d` accepts.
const ZSTD_WINDOW: u32 = 27;

impl Compression {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Gzip, Self::Xz, Self::Zstd, Self::Bzip2, Self::Plain];

    /// The ending of the names of such files.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
        }
    }

    /// A reader of what is compressed. The caller limits how much is read from it.
    ///
    /// # Errors
    ///
    /// When the decoder cannot be set up.
    pub(crate) fn reader<'a>(self, source: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        let mut source = BufReader::with_capacity(64 << 10, source);
        if source.fill_buf()?.is_empty() {
            return Ok(Box::new(io::empty()));
        }
        Ok(match self {
            Self::Plain => Box::new(source),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
            Self::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)
                    .map_err(io::Error::other)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(source, stream))
            }
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
        })
    }
}

/// Several xz streams after each other are one file.
const CONCATENATED: u32 = liblzma::stream::CONCATENATED;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn compressed(compression: Compression, data: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Plain => data.to_vec(),
            Compression::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Compression::Xz => {
                let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 6);
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(data, 3).unwrap(),
            Compression::Bzip2 => {
                let mut writer = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
        }
    }

    fn all(compression: Compression, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        compression.reader(data)?.take(1 << 20).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn each_compression_is_read_members_after_each_other_too() {
        for compression in Compression::ALL {
            let mut data = compressed(compression, b"Package: a\n");
            data.extend(compressed(compression, b"Version: 1\n"));
            assert_eq!(all(compression, &data).unwrap(), b"Package: a\nVersion: 1\n");
            assert_eq!(all(compression, b"").unwrap(), b"");
        }
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        for compression in Compression::ALL.into_iter().filter(|c| *c != Compression::Plain) {
            let data = compressed(compression, &[7; 5000]);
            assert!(all(compression, &data[..data.len() - 3]).is_err(), "{compression:?}");
        }
    }

    proptest! {
        #[test]
        fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            for compression in Compression::ALL {
                let _ = all(compression, &data);
                let mut behind_a_header = compressed(compression, b"hello");
                behind_a_header.truncate(12);
                behind_a_header.extend(&data);
                let _ = all(compression, &behind_a_header);
            }
        }
    }
}
