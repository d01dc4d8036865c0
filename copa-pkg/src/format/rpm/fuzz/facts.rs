//! What is understood of a header, for comparison with another reader.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use bytes::Bytes;

use crate::format::rpm::db::installed;
use crate::format::rpm::package::archive;
use crate::format::rpm::package::archive::Kind;
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::{Entry, Header, Type};
use crate::format::rpm::package::tag::Tag;
use crate::version::any::Version;

/// The values of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Numbers of so many bytes.
    Numbers(usize, Vec<u64>),
    /// What is no UTF-8 is replaced.
    Strings(Vec<String>),
    /// Bytes without a meaning.
    Bytes(Vec<u8>),
}

/// The values of all tags of a header: of a tag that is there twice the first.
pub type Values = BTreeMap<u32, Value>;

/// What a header says of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// All that is in it, but for the region.
    pub values: Values,
    /// Name, epoch, version, release, architecture. `None` when they are not those of a package.
    pub package: Option<[String; 5]>,
    /// What it requires, provides, conflicts with, obsoletes: names, flags, versions.
    pub relations: [Vec<(String, u64, String)>; 4],
    /// Its files, or why they are refused.
    pub files: Result<Vec<File>, String>,
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of rpm")]
pub struct File {
    /// Below the root.
    pub path: String,
    /// As `ls -l` shows it; `s` of all that is no file, directory or link.
    pub kind: char,
    /// The permission bits.
    pub mode: u32,
    pub size: u64,
    pub mtime: i64,
    pub user: String,
    pub group: String,
    pub digest: String,
    pub flags: u32,
    /// Of a symbolic link its target.
    pub link: String,
}

/// What a package file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What is in its signature header.
    pub signature: Values,
    /// Its main header.
    pub header: Facts,
    /// Where its payload begins.
    pub payload: u64,
}

/// A header as a database holds it.
///
/// # Errors
///
/// Why it is refused.
pub fn facts(blob: &[u8]) -> Result<Facts, String> {
    let header = Header::parse("a header", Bytes::copy_from_slice(blob));
    header.map(|header| of_header(&header)).map_err(|e| e.to_string())
}

/// The headers of a package file.
///
/// # Errors
///
/// Why it is refused.
pub fn parts(bytes: &[u8]) -> Result<Parts, String> {
    let file = PackageFile::parse("a package", &Bytes::copy_from_slice(bytes));
    let file = file.map_err(|e| e.to_string())?;
    Ok(Parts {
        signature: values(&file.signature),
        header: of_header(&file.header),
        payload: (bytes.len() - file.payload.len()) as u64,
    })
}

fn of_header(header: &Header) -> Facts {
    let relations = [
        [Tag::REQUIRENAME, Tag::REQUIREFLAGS, Tag::REQUIREVERSION],
        [Tag::PROVIDENAME, Tag::PROVIDEFLAGS, Tag::PROVIDEVERSION],
        [Tag::CONFLICTNAME, Tag::CONFLICTFLAGS, Tag::CONFLICTVERSION],
        [Tag::OBSOLETENAME, Tag::OBSOLETEFLAGS, Tag::OBSOLETEVERSION],
    ];
    let files = archive::files("a header", header).map_err(|e| e.to_string());
    Facts {
        values: values(header),
        package: package(header),
        relations: relations.map(|tags| {
            let all = installed::list(header, tags).into_iter();
            all.map(|of| (of.name.into(), of.flags, of.version.into())).collect()
        }),
        files: files.map(|files| files.into_iter().map(file).collect()),
    }
}

fn values(header: &Header) -> Values {
    let mut values = Values::new();
    for entry in header.entries() {
        values.entry(entry.tag.0).or_insert_with(|| value(header, entry));
    }
    values
}

fn value(header: &Header, entry: &Entry) -> Value {
    match (entry.kind, entry.kind.size()) {
        (Type::Bin, _) => Value::Bytes(header.bin(entry.tag).unwrap_or_default().into()),
        (_, Some(size)) => Value::Numbers(size, header.numbers(entry.tag).collect()),
        (_, None) => Value::Strings(header.texts(entry.tag).map(Into::into).collect()),
    }
}

fn package(header: &Header) -> Option<[String; 5]> {
    let package = installed::package(header).ok()??;
    let Version::Rpm(version) = package.version else { return None };
    let [epoch, release] = [version.epoch().to_string(), version.release()?.into()];
    Some([package.name, epoch, version.version().into(), release, package.arch])
}

fn file(file: archive::File) -> File {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (kind, link) = match &file.kind {
        Kind::Regular => ('-', String::new()),
        Kind::Directory => ('d', String::new()),
        Kind::Symlink(target) => ('l', text(target.as_os_str().as_bytes())),
        Kind::Special => ('s', String::new()),
    };
    File {
        path: text(file.path.as_os_str().as_bytes()),
        kind,
        mode: file.mode,
        size: file.size,
        mtime: file.mtime,
        user: file.user,
        group: file.group,
        digest: file.digest,
        flags: file.flags.0,
        link,
    }
}
