//! How much a compressed stream may become: the defence against decompression bombs.

use std::io;

use crate::error::Error;

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
    /// Refuses output (`given`) that is too long for the input that it was made of (`taken`).
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
