//! Decompression of indexes, package members and payloads, all of them hostile until proven otherwise:
//! every reader has a limit, and an installation has a [`Budget`](decompress::Budget) for the sum.

pub(crate) mod compression;
pub(crate) mod decompress;
