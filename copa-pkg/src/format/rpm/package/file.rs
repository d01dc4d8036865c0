//! A package file: lead, signature header, main header, payload.

use std::fmt;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::format::rpm::package::header::Header;

/// The lead, which says little and is ignored since 1998 but for its magic.
const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// Before each header: magic, version, four reserved bytes.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
/// The signature header is padded to a multiple of this.
const ALIGN: usize = 8;

/// The parts of a `.rpm`. Nothing is verified.
#[derive(Debug, Clone)]
pub(crate) struct PackageFile {
    /// Digests and signatures.
    pub(crate) signature: Header,
    /// What the package is.
    pub(crate) header: Header,
    /// The main header as it stands in the file, magic included: what header digests and header
    /// signatures are over.
    pub(crate) header_bytes: Bytes,
    /// The compressed files.
    pub(crate) payload: Bytes,
}

impl PackageFile {
    /// Reads the headers of a package file. `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when it is not a package, or its headers are not ones that rpm reads.
    pub(crate) fn parse(what: impl fmt::Display, bytes: &Bytes) -> Result<Self> {
        let fail =
            |reason: &str| Error::Malformed { what: what.to_string(), reason: reason.into() };
        if !bytes.starts_with(&LEAD_MAGIC) || bytes.len() < LEAD {
            return Err(fail("it is no RPM package"));
        }
        let signature = header_at(format_args!("the signature header of {what}"), bytes, LEAD)?;
        let main = LEAD + MAGIC.len() + signature.blob().len().next_multiple_of(ALIGN);
        let header = header_at(format_args!("the header of {what}"), bytes, main)?;
        if signature.region() != Some(62) && signature.region().is_some() {
            return Err(fail("its signature header has a region of another kind"));
        }
        if header.region() != Some(63) {
            return Err(fail("its header has no immutable region: rpm 3 made it, or nobody"));
        }
        let payload = main + MAGIC.len() + header.blob().len();
        let header_bytes = bytes.slice(main..payload);
        Ok(Self { signature, header, header_bytes, payload: bytes.slice(payload..) })
    }
}

/// The header whose magic stands at `at`.
fn header_at(what: fmt::Arguments<'_>, bytes: &Bytes, at: usize) -> Result<Header> {
    if !bytes.get(at..).is_some_and(|rest| rest.starts_with(&MAGIC)) {
        let reason = "it does not begin with a header's magic".into();
        return Err(Error::Malformed { what: what.to_string(), reason });
    }
    Header::parse_prefix(what, &bytes.slice(at + MAGIC.len()..))
}
