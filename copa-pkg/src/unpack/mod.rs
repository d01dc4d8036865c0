pub(crate) mod compression;
pub(crate) mod decompress;
