//! Compression of layers: told by their first bytes, undone within limits, done reproducibly.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read, Write};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};
use crate::gzip::GzipWriter;
use crate::spec::{Family, MediaType};

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952): what every registry, runtime and scanner reads.
    Gzip,
    /// Zstandard (RFC 8878): smaller and faster, legal in OCI manifests only.
    Zstd,
}

impl Compression {
    /// The media type of a layer compressed like this.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for Zstandard in a Docker manifest: not all readers accept it.
    pub fn media_type(self, family: Family) -> Result<MediaType> {
        let text = match (family, self) {
            (Family::Oci, Self::None) => MediaType::OCI_LAYER.to_owned(),
            (Family::Oci, Self::Gzip) => format!("{}+gzip", MediaType::OCI_LAYER),
            (Family::Oci, Self::Zstd) => format!("{}+zstd", MediaType::OCI_LAYER),
            (Family::Docker, Self::None) => MediaType::DOCKER_LAYER.to_owned(),
            (Family::Docker, Self::Gzip) => format!("{}.gzip", MediaType::DOCKER_LAYER),
            (Family::Docker, Self::Zstd) => {
                return Err(Error::Unsupported {
                    what: "a zstd layer in a Docker manifest".into(),
                    reason: "only OCI manifests have a media type for it".into(),
                });
            }
        };
        Ok(text.into())
    }

    /// Which compression these first bytes are a sign of. Media types are not asked: they are
    /// often wrong, and the bytes are not.
    fn detect(magic: &[u8]) -> Result<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err(unsupported("xz")),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => {
                Err(unsupported("bzip2"))
            }
            _ => Ok(Self::None),
        }
    }
}

fn unsupported(name: &str) -> Error {
    Error::Unsupported {
        what: format!("a layer compressed with {name}"),
        reason: "the image specification knows gzip and zstd".into(),
    }
}

/// How much a compressed stream may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    /// Bytes of output at most, whatever the input. 64 GiB by default.
    pub size: u64,
    /// Output beyond `free` may be this many times the input at most. 200 by default: real layers
    /// stay below 20, and a gzip bomb reaches 1000.
    pub ratio: u64,
    /// Bytes of output that `ratio` does not apply to. 1 GiB by default.
    pub free: u64,
}

impl Default for Expansion {
    fn default() -> Self {
        Self { size: 64 << 30, ratio: 200, free: 1 << 30 }
    }
}

impl Expansion {
    /// Refuses output that is too much for the input that was taken for it.
    pub(crate) fn check(self, taken: u64, given: u64) -> io::Result<()> {
        let Self { size, ratio, free } = self;
        let too_large = |limit: String| {
            Err(Error::TooLarge { what: "uncompressed content".into(), limit }.into_io())
        };
        if given > size {
            return too_large(format!("{size} bytes"));
        }
        if given > free && given > taken.saturating_mul(ratio) {
            return too_large(format!("{free} bytes that are {ratio} times the compressed ones"));
        }
        Ok(())
    }
}

/// A Zstandard window of 128 MiB at most: the decoder's memory is its window.
pub(crate) const ZSTD_WINDOW_LOG: u32 = 27;
const CHUNK: usize = 64 << 10;

/// Bytes that are counted as they are taken from the compressed stream.
type Input<R> = BufReader<Chain<Cursor<Vec<u8>>, Counted<R>>>;

enum Codec<R: Read> {
    None(Input<R>),
    Gzip(Box<MultiGzDecoder<Input<R>>>),
    Zstd(zstd::stream::read::Decoder<'static, Input<R>>),
}

/// The uncompressed bytes of a stream, within [`Expansion`].
pub(crate) struct Decompressed<R: Read> {
    codec: Codec<R>,
    taken: Rc<Cell<u64>>,
    given: u64,
    limit: Expansion,
}

impl<R: Read> Decompressed<R> {
    /// Looks at the first bytes and undoes what they are a sign of.
    pub(crate) fn new(mut input: R, limit: Expansion) -> Result<Self> {
        let failed = |e| Error::from_io("layer", e);
        let mut magic = Vec::with_capacity(8);
        input.by_ref().take(8).read_to_end(&mut magic).map_err(failed)?;
        let compression = Compression::detect(&magic)?;
        let taken = Rc::new(Cell::new(magic.len() as u64));
        let counted = Counted { inner: input, taken: Rc::clone(&taken) };
        let input = BufReader::with_capacity(CHUNK, Cursor::new(magic).chain(counted));
        let codec = match compression {
            Compression::None => Codec::None(input),
            Compression::Gzip => Codec::Gzip(Box::new(MultiGzDecoder::new(input))),
            Compression::Zstd => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(input).map_err(failed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
                Codec::Zstd(decoder)
            }
        };
        Ok(Self { codec, taken, given: 0, limit })
    }

    /// Counts bytes that are made of the output without being in it: the holes of sparse files.
    pub(crate) fn charge(&mut self, count: u64) -> io::Result<()> {
        self.given = self.given.saturating_add(count);
        self.limit.check(self.taken.get(), self.given)
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.codec {
            Codec::None(codec) => codec.read(buffer)?,
            Codec::Gzip(codec) => codec.read(buffer)?,
            Codec::Zstd(codec) => codec.read(buffer)?,
        };
        self.charge(count as u64)?;
        Ok(count)
    }
}

struct Counted<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// Hashes the bytes that a reader gives, whole chunks at a time, and hands out its buffer.
pub(crate) struct Hashed<R> {
    inner: R,
    hasher: crate::Hasher,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(inner: R, hasher: crate::Hasher) -> Self {
        let buffer = vec![0; CHUNK].into_boxed_slice();
        Self { inner, hasher, buffer, start: 0, end: 0 }
    }

    pub(crate) fn inner(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Reads what is left, and returns the digest of everything.
    pub(crate) fn finish(mut self) -> io::Result<crate::Digest> {
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

/// Measured with zlib-rs on 10.5 MB of shared libraries (libcrypto, libssl, libc, libstdc++), the
/// same busy machine: level 1 240 ms 5.52 MB, 2 302 ms 4.66 MB, 3 463 ms 4.52 MB, 6 687 ms
/// 4.40 MB, 9 1573 ms 4.24 MB. Level 2 is 6 % larger than the usual 6 in less than half the time.
const GZIP_LEVEL: u32 = 2;
/// The same bytes: level 1 116 ms 4.66 MB, 3 147 ms 4.28 MB, 6 416 ms 4.07 MB.
const ZSTD_LEVEL: i32 = 3;

/// Compresses a new layer. The bytes depend on nothing but the input: not on how many threads
/// there are, and the gzip header has no name, no time and no operating system.
pub(crate) enum Compressor<W: Write> {
    None(W),
    Gzip(GzipWriter<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    pub(crate) fn new(compression: Compression, out: W) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None(out),
            Compression::Gzip => Self::Gzip(GzipWriter::new(out, GZIP_LEVEL)?),
            Compression::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?),
        })
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
