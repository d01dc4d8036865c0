//! The uncompressed bytes of a stream, within limits.

use std::cell::Cell;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::compress::compression::Compression;
use crate::compress::expansion::Expansion;
use crate::error::{Error, Result};

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
    /// Looks at the first bytes and undoes the compression that begins with them.
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

    /// Counts bytes that are not in the output but are made of it: the holes of sparse files.
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
