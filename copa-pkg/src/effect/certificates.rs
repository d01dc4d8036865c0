//! The bundle of certificates, as distroless makes it from `ca-certificates`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::error::Result;
use crate::install::change::{Content, File};
use crate::install::outcome::Why;
use crate::port::Root;

/// The package that the bundle is made of.
pub(crate) const PACKAGE: &str = "ca-certificates";

const CERTIFICATES: &str = "usr/share/ca-certificates";
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
const KEYSTORE: &str = "etc/ssl/certs/java/cacerts";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// What becomes of the bundle.
#[derive(Debug, Default)]
pub(crate) struct Update {
    /// The new bundle, when it differs.
    pub(crate) write: Option<(PathBuf, File)>,
    /// What the user is told.
    pub(crate) kept: Vec<(PathBuf, Why)>,
}

/// Whether a path of the package is one of its certificates.
pub(crate) fn is_certificate(path: &Path) -> bool {
    path.starts_with(CERTIFICATES)
}

/// Makes the bundle again from the new certificates. `old` is what the database lists for the
/// installed version: it tells the user's certificates from those that Debian dropped.
pub(crate) fn update(
    root: &dyn Root,
    new: &BTreeMap<PathBuf, Bytes>,
    old: &BTreeMap<PathBuf, [u8; 16]>,
) -> Result<Update> {
    let mut update = Update::default();
    if let Some(keystore) = root.real_path(Path::new(KEYSTORE)) {
        update.kept.push((keystore, Why::Derived));
    }
    let Some(path) = root.real_path(Path::new(BUNDLE)) else { return Ok(update) };
    let Some((now, stat)) = root.read(&path)?.zip(root.stat(&path)) else { return Ok(update) };
    let old: BTreeSet<[u8; 16]> =
        old.iter().filter(|(path, _)| is_certificate(path)).map(|(_, sum)| *sum).collect();
    let Some(own) = own_certificates(&now, new, &old) else {
        update.kept.push((path, Why::Changed));
        return Ok(update);
    };
    if !own.is_empty() {
        update.kept.push((path.clone(), Why::OwnCertificates));
    }
    let bundle = [bundle(new.values()), own].concat();
    if bundle != now {
        let content = Content::Regular(bundle.into());
        let (mode, uid, gid) = (stat.mode, stat.uid, stat.gid);
        let file = File { content, mode, uid, gid, mtime: stat.mtime, xattrs: stat.xattrs };
        update.write = Some((path, file));
    }
    Ok(update)
}

/// All files after each other, each line ended by one newline.
fn bundle<'a>(files: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for line in files.flat_map(|file| lines(file)) {
        bundle.extend_from_slice(line);
        bundle.push(b'\n');
    }
    bundle
}

/// The certificates of the bundle that are neither of the old nor of the new version. `None` when
/// the bundle lacks some of the old ones: then it is not distroless' any more.
fn own_certificates(
    now: &[u8],
    new: &BTreeMap<PathBuf, Bytes>,
    old: &BTreeSet<[u8; 16]>,
) -> Option<Vec<u8>> {
    let new: BTreeSet<Vec<u8>> = new.values().flat_map(|file| blocks(file)).collect();
    let mut missing = old.clone();
    let mut own = Vec::new();
    for block in blocks(now) {
        // Whether the file in the package ended with a newline cannot be seen in the bundle.
        let unended = block.strip_suffix(b"\n").unwrap_or(&block);
        let sums: [[u8; 16]; 2] = [Md5::digest(&block).into(), Md5::digest(unended).into()];
        let is_old = sums.iter().any(|sum| old.contains(sum));
        missing.retain(|sum| !sums.contains(sum));
        if !is_old && !new.contains(&block) {
            own.extend(block);
        }
    }
    missing.is_empty().then_some(own)
}

/// The PEM blocks, each line ended by one newline. Text between them is dropped.
fn blocks(text: &[u8]) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for line in lines(text) {
        if line.starts_with(BEGIN) {
            open = Some(Vec::new());
        }
        let Some(block) = &mut open else { continue };
        block.extend_from_slice(line);
        block.push(b'\n');
        if line.starts_with(END) {
            blocks.extend(open.take());
        }
    }
    blocks
}

/// The lines, ended by `\n` or `\r\n`, without their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let whole = (!text.is_empty()).then_some(text);
    let lines = whole.into_iter().flat_map(|text| text.split(|b| *b == b'\n'));
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}
