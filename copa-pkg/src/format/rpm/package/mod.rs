pub(crate) mod archive;
pub(crate) mod caps;
pub(crate) mod cpio;
pub(crate) mod digest;
pub(crate) mod file;
pub(crate) mod header;
pub(crate) mod tag;
pub(crate) mod verify;
