//! Changes to a file system, written as one more layer.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::compress::compressor::Compressor;
use crate::error::{Error, Result};
use crate::layer::entry::{Entry, EntryKind, LayerOptions, Mtime};
use crate::layer::stored::Layer;
use crate::layer::write::{Member, MemberType, TarWriter};
use crate::rootfs::node::{Node, NodeKind};
use crate::rootfs::root::RootFs;
use crate::spec::descriptor::Descriptor;
use crate::spec::digest::Hasher;
use crate::store::blob::Blob;

/// Writes changes to `root` as a layer. The same changes give the same bytes.
///
/// Parent directories come before what is in them, once, with exactly the attributes they have in
/// `root`; a parent that is nowhere becomes mode 0755, owned by root, of time 0. Whiteouts come
/// before their siblings, and are left out where `root` has nothing to hide or where something
/// above them goes. Hard links come last. The root directory is written only when an entry asks
/// for it.
///
/// # Errors
///
/// [`Error::Invalid`], naming the path: one that is there twice, holds `..` or a zero byte, has a
/// parent that is a link or file, would read as a whiteout; a hard link to what is not a regular
/// file among the entries. [`Error::Unsupported`] for Zstandard in a Docker manifest.
///
/// # Examples
///
/// ```
/// use copa_oci::{Compression, Entry, EntryKind, Family, LayerOptions, Mtime, RootFs, build_layer};
/// let entry = Entry {
///     path: "etc/motd".into(),
///     kind: EntryKind::Regular("hello\n".into()),
///     mode: 0o644,
///     uid: 0,
///     gid: 0,
///     mtime: 0,
///     xattrs: vec![],
/// };
/// let options =
///     LayerOptions { family: Family::Oci, compression: Compression::Gzip, mtime: Mtime::Keep };
/// let layer = build_layer([entry], &RootFs::default(), &options).unwrap();
/// assert!(layer.descriptor.media_type.as_str().ends_with("tar+gzip"));
/// ```
pub fn build_layer(
    entries: impl IntoIterator<Item = Entry>,
    root: &RootFs,
    options: &LayerOptions,
) -> Result<Layer> {
    let media_type = options.compression.media_type(options.family)?;
    let plan = Plan::new(entries, root, options.mtime)?;
    let failed = |e| Error::from_io("new layer", e);
    let compressor = Compressor::new(options.compression, Vec::new()).map_err(failed)?;
    let mut tar = TarWriter::new(compressor, Hasher::sha256());
    for (path, entry) in plan.ordered() {
        tar.append(&plan.member(&path, entry)?).map_err(failed)?;
    }
    let (compressor, diff_id) = tar.finish().map_err(failed)?;
    let bytes = Bytes::from(compressor.finish().map_err(failed)?);
    let descriptor = Descriptor::of(media_type, &bytes);
    Ok(Layer { descriptor, diff_id, blob: Blob::Bytes(bytes) })
}

/// Everything that goes into a layer, by path.
struct Plan {
    entries: BTreeMap<PathBuf, Entry>,
}

impl Plan {
    fn new(entries: impl IntoIterator<Item = Entry>, root: &RootFs, mtime: Mtime) -> Result<Self> {
        let mut wanted: BTreeMap<PathBuf, Entry> = BTreeMap::new();
        for mut entry in entries {
            let path = clean(&entry.path)?;
            check(&path, &entry)?;
            entry.mtime = mtime.of(entry.mtime);
            if wanted.insert(path.clone(), entry).is_some() {
                return Err(invalid(&path, "it is there twice"));
            }
        }
        let mut parents = BTreeMap::new();
        let mut idle = Vec::new();
        for (path, entry) in &wanted {
            if entry.kind == EntryKind::Whiteout && hides_nothing(path, &wanted, root)? {
                idle.push(path.clone());
                continue;
            }
            add_parents(path, &wanted, root, &mut parents)?;
        }
        idle.iter().for_each(|path| drop(wanted.remove(path)));
        wanted.append(&mut parents);
        Ok(Self { entries: wanted })
    }

    /// All entries under the names they have in the tar: parents first, whiteouts before their
    /// siblings, hard links last.
    fn ordered(&self) -> Vec<(PathBuf, &Entry)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_cached_key(|(path, entry)| {
            let last = path.components().count();
            let rank = |(n, c): (usize, Component<'_>)| {
                let stays = n + 1 < last || entry.kind != EntryKind::Whiteout;
                (stays, c.as_os_str().to_owned())
            };
            let is_link = matches!(entry.kind, EntryKind::Hardlink(_));
            (is_link, path.components().enumerate().map(rank).collect::<Vec<_>>())
        });
        entries.into_iter().map(|(path, entry)| (stored_name(path, entry), entry)).collect()
    }

    fn member<'a>(&'a self, path: &'a Path, entry: &'a Entry) -> Result<Member<'a>> {
        let (kind, link, data) = match &entry.kind {
            EntryKind::Regular(content) => (MemberType::Regular, None, &content[..]),
            EntryKind::Directory => (MemberType::Directory, None, &b""[..]),
            EntryKind::Symlink(target) => (MemberType::Symlink, Some(target.as_path()), &b""[..]),
            EntryKind::Hardlink(target) => {
                let (target, original) = self.original(path, target)?;
                return Ok(Member {
                    link: bytes(target),
                    ..member(path, original, MemberType::Hardlink)
                });
            }
            EntryKind::Whiteout => return Ok(Member::whiteout(bytes(path))),
        };
        let link = link.map_or(&b""[..], bytes);
        Ok(Member { link, data, ..member(path, entry, kind) })
    }

    /// The regular file that a hard link names, through other hard links.
    fn original(&self, path: &Path, target: &Path) -> Result<(&Path, &Entry)> {
        let mut target = clean(target)?;
        for _ in 0..=self.entries.len() {
            match self.entries.get_key_value(&target) {
                Some((_, Entry { kind: EntryKind::Hardlink(next), .. })) => target = clean(next)?,
                Some((found, entry)) if matches!(entry.kind, EntryKind::Regular(_)) => {
                    return Ok((found, entry));
                }
                _ => break,
            }
        }
        Err(invalid(path, "it is a hard link to what is not a regular file of this layer"))
    }
}

fn member<'a>(path: &'a Path, entry: &'a Entry, kind: MemberType) -> Member<'a> {
    Member {
        name: bytes(path),
        kind,
        link: b"",
        data: b"",
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        mtime: entry.mtime,
        xattrs: &entry.xattrs,
    }
}

/// Whether a whiteout may be left out: nothing is there, or something above it goes anyway.
fn hides_nothing(path: &Path, wanted: &BTreeMap<PathBuf, Entry>, root: &RootFs) -> Result<bool> {
    for dir in parents(path) {
        match wanted.get(dir).map(|entry| &entry.kind) {
            Some(EntryKind::Directory) | None => {}
            Some(_) => return Ok(true),
        }
        let is_link = |node: Node<'_>| matches!(node.kind, NodeKind::Symlink(_));
        if !wanted.contains_key(dir) && root.at(dir).is_some_and(is_link) {
            return Err(invalid(path, &format!("its parent {} is a link", dir.display())));
        }
    }
    Ok(root.at(path).is_none())
}

/// Adds the parents of a path that are not entries themselves, as they are in `root`.
fn add_parents(
    path: &Path,
    wanted: &BTreeMap<PathBuf, Entry>,
    root: &RootFs,
    found: &mut BTreeMap<PathBuf, Entry>,
) -> Result<()> {
    for dir in parents(path) {
        match wanted.get(dir).map(|entry| &entry.kind) {
            Some(EntryKind::Directory) => continue,
            Some(_) => {
                let reason = format!("its parent {} becomes something else", dir.display());
                return Err(invalid(path, &reason));
            }
            None => {}
        }
        let node = root.at(dir).unwrap_or(Node::IMPLIED);
        if node.kind != NodeKind::Directory {
            let what = if matches!(node.kind, NodeKind::Symlink(_)) { "link" } else { "file" };
            return Err(invalid(path, &format!("its parent {} is a {what}", dir.display())));
        }
        found.entry(dir.to_owned()).or_insert_with(|| directory(dir, &node));
    }
    Ok(())
}

fn directory(path: &Path, node: &Node<'_>) -> Entry {
    Entry {
        path: path.to_owned(),
        kind: EntryKind::Directory,
        mode: node.mode,
        uid: node.uid,
        gid: node.gid,
        mtime: node.mtime,
        xattrs: node.xattrs.to_vec(),
    }
}

/// The parents of a path but the root, the nearest first.
fn parents(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty())
}

fn stored_name(path: &Path, entry: &Entry) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    match entry.kind {
        EntryKind::Whiteout => {
            path.with_file_name(OsStr::from_bytes(&[b".wh.", name.as_bytes()].concat()))
        }
        EntryKind::Directory if path.as_os_str().is_empty() => PathBuf::from("./"),
        EntryKind::Directory => path.join(""),
        _ => path.to_owned(),
    }
}

/// The path without the leading `/` and `.` components.
fn clean(path: &Path) -> Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::CurDir => {}
            _ => return Err(invalid(path, "it holds `..`")),
        }
    }
    Ok(clean)
}

fn check(path: &Path, entry: &Entry) -> Result<()> {
    let has_zero = |path: &Path| bytes(path).contains(&0);
    let is_root = path.as_os_str().is_empty();
    let link = match &entry.kind {
        EntryKind::Symlink(target) | EntryKind::Hardlink(target) => Some(target),
        _ => None,
    };
    if has_zero(path) || link.is_some_and(|target| has_zero(target)) {
        return Err(invalid(path, "it holds a zero byte"));
    }
    if is_root && entry.kind != EntryKind::Directory {
        return Err(invalid(Path::new("/"), "the root must stay a directory"));
    }
    if path.components().any(|c| c.as_os_str().as_bytes().starts_with(b".wh.")) {
        return Err(invalid(path, "readers would take it for a whiteout"));
    }
    let wrong = |(name, _): &(String, Vec<u8>)| name.is_empty() || name.contains(['=', '\0']);
    if entry.xattrs.iter().any(wrong) {
        return Err(invalid(path, "it has an extended attribute that no tar can hold"));
    }
    Ok(())
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn invalid(path: &Path, reason: &str) -> Error {
    let text = path.display().to_string();
    Error::Invalid { what: "layer entry", text, reason: reason.to_owned() }
}

#[cfg(test)]
#[path = "tests/build.rs"]
mod tests;
