//! Entries of an archive, written at the offsets they are to have.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};

pub(in crate::store) const BLOCK: u64 = 512;

/// The header of a regular file: owned by root, without a time, the same on every run.
pub(in crate::store) fn header(name: &str, size: u64) -> Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    let invalid = |e: std::io::Error| Error::corrupt(name, e.to_string());
    // Beyond 8 GiB the size does not fit in octal: GNU's binary form is read everywhere.
    if size >= 1 << 33 {
        header = tar::Header::new_gnu();
    }
    header.set_path(name).map_err(invalid)?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Writes a whole entry; where the next one begins.
pub(in crate::store) fn append(
    file: &File,
    at: u64,
    name: &str,
    bytes: &[u8],
) -> std::io::Result<u64> {
    let size = bytes.len() as u64;
    let header = header(name, size).map_err(Error::into_io)?;
    file.write_all_at(header.as_bytes(), at)?;
    file.write_all_at(bytes, at + BLOCK)?;
    Ok((at + BLOCK + size).next_multiple_of(BLOCK))
}

/// Writes the end marker. What was not written reads as zeros: the padding of entries.
pub(in crate::store) fn finish(file: &File, end: u64) -> std::io::Result<()> {
    file.set_len(end)?;
    file.set_len(end + 2 * BLOCK)
}

/// An archive is written once.
pub(in crate::store) fn finished(path: &Path) -> Error {
    let reason = "it is finished; an archive holds one image".into();
    Error::Unsupported { what: format!("writing to {} again", path.display()), reason }
}
