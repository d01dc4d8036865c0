//! A `.rpm` file: lead, signature header, main header, payload; and who signed it.
//!
//! ```text
//! bytes --file--> PackageFile: signature, header, payload --archive--> files with their contents
//!                      +--verify(keys)--> signed, or refused
//! ```

pub(crate) mod archive;
pub(crate) mod caps;
pub(crate) mod cpio;
pub(crate) mod digest;
pub(crate) mod file;
pub(crate) mod header;
pub(crate) mod tag;
pub(crate) mod verify;
