//! Where the two sides meet: an image's layers as copa-pkg's file system, and its words for
//! platforms and changes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::oci::{
    self, Entry, EntryKind, Image, Keep, LayerIndex, Limits, Node, NodeKind, Origin, Platform,
    RootFs,
};
use crate::pkg::{
    self, Algorithms, Arch, Change, ChangeSet, Content, Digests, Error, File, FileKind, Interest,
    Result, Root, Stat,
};

/// The merged layers of an image as the file system that packages are looked for in.
///
/// What was not kept while the layers were streamed is read by streaming a layer again. Used from
/// a thread of the blocking pool only.
#[derive(Debug)]
pub(crate) struct ImageRoot {
    root: Arc<RootFs>,
    image: Image,
    runtime: Handle,
    again: Mutex<Again>,
}

/// What was not kept at first, and was read again.
#[derive(Debug, Default)]
struct Again {
    /// How often a layer was streamed for it.
    passes: usize,
    /// What was found, by real path; of this many bytes.
    found: BTreeMap<PathBuf, Bytes>,
    held: usize,
    /// Digests that were found, by real path.
    digests: BTreeMap<PathBuf, Digests>,
}

/// A file whose digests were not kept.
struct Missing<'a> {
    path: &'a Path,
    real: PathBuf,
    origin: Origin<'a>,
    algorithms: Algorithms,
}

/// Each pass streams a whole layer: images that want more are not patched.
const MOST_PASSES: usize = 256;
/// How many bytes are remembered: 128 MiB.
const MOST_HELD: usize = 128 << 20;

impl ImageRoot {
    pub(crate) fn new(root: Arc<RootFs>, image: Image, runtime: Handle) -> Self {
        Self { root, image, runtime, again: Mutex::default() }
    }

    /// The node of a regular file, links followed, and its real path.
    fn file(&self, path: &Path) -> Option<(PathBuf, Node<'_>)> {
        let real = self.root.real_path(path)?;
        let node = self.root.at(&real)?;
        matches!(node.kind, NodeKind::Regular { .. }).then_some((real, node))
    }

    /// Streams the layer that a file comes from once more, for one thing about that file.
    fn again<T>(
        &self,
        origin: Option<Origin<'_>>,
        keep: Keep,
        take: impl Fn(Node<'_>) -> Option<T>,
    ) -> oci::Result<Option<T>> {
        let Some(origin) = origin else { return Ok(None) };
        let Some(layer) = self.image.layers().get(origin.layer) else { return Ok(None) };
        self.pass(origin.path)?;
        let wanted = origin.path.to_owned();
        tracing::debug!(path = %wanted.display(), layer = %layer.diff_id, "read again");
        let only = move |path: &Path| if path == wanted { keep } else { Keep::Nothing };
        let limits = Limits::default();
        let index = oci::index_layer(self.image.source(), layer, Arc::new(only), &limits);
        let index: LayerIndex = self.runtime.block_on(index)?;
        let found = index.iter().find(|(path, _)| *path == origin.path);
        Ok(found.and_then(|(_, node)| take(node)))
    }

    /// Streams a layer once for the digests of these files.
    fn hash_again(
        &self,
        layer: usize,
        files: &[Missing<'_>],
        found: &mut BTreeMap<PathBuf, Digests>,
    ) -> Result<()> {
        let Some(layer) = self.image.layers().get(layer) else { return Ok(()) };
        let Some(first) = files.first() else { return Ok(()) };
        self.pass(first.path).map_err(|e| unreadable(first.path, e))?;
        let keep = |file: &Missing<'_>| {
            (file.origin.path.to_owned(), Keep::Digests(algorithms(file.algorithms)))
        };
        let asked = files.iter().map(keep).collect();
        let limits = Limits::default();
        let read = oci::read_files(self.image.source(), layer, asked, &limits);
        let read = self.runtime.block_on(read).map_err(|e| unreadable(first.path, e))?;
        for file in files {
            let Some(content) = read.get(file.origin.path) else { continue };
            let digests = converted(content.digests);
            self.remembered().digests.insert(file.real.clone(), digests);
            found.insert(file.path.to_owned(), digests);
        }
        Ok(())
    }

    fn remembered(&self) -> MutexGuard<'_, Again> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more pass over a layer.
    fn pass(&self, path: &Path) -> oci::Result<()> {
        let mut again = self.remembered();
        again.passes += 1;
        if again.passes <= MOST_PASSES {
            return Ok(());
        }
        let limit = format!("{MOST_PASSES} passes over layers for files that were not kept");
        Err(oci::Error::TooLarge { what: path.display().to_string(), limit })
    }
}

impl Root for ImageRoot {
    fn stat(&self, path: &Path) -> Option<Stat> {
        self.root.lookup(path).map(stat)
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.root.real_path(path)
    }

    fn read(&self, path: &Path) -> Result<Option<Bytes>> {
        let Some((real, node)) = self.file(path) else { return Ok(None) };
        if let Some(content) =
            node.content.cloned().or_else(|| self.remembered().found.get(&real).cloned())
        {
            return Ok(Some(content));
        }
        let content = self.again(node.origin, Keep::Content, |node| node.content.cloned());
        let content = content.map_err(|e| unreadable(path, e))?;
        let content = content.ok_or_else(|| too_large(path))?;
        let mut again = self.remembered();
        if again.held.saturating_add(content.len()) <= MOST_HELD {
            again.held += content.len();
            again.found.insert(real, content.clone());
        }
        Ok(Some(content))
    }

    /// What was not kept is read by streaming each layer that has some of it once more.
    fn digests(
        &self,
        wanted: &BTreeMap<PathBuf, Algorithms>,
    ) -> Result<BTreeMap<PathBuf, Digests>> {
        let mut found = BTreeMap::new();
        let mut missing: BTreeMap<usize, Vec<Missing<'_>>> = BTreeMap::new();
        for (path, algorithms) in wanted {
            let Some((real, node)) = self.file(path) else { continue };
            let known = |at: &PathBuf| self.remembered().digests.get(at).copied();
            let kept = Some(converted(node.digests)).filter(|kept| has(kept, *algorithms));
            let kept = kept.or_else(|| known(&real).filter(|known| has(known, *algorithms)));
            match (kept, node.origin) {
                (Some(digests), _) => drop(found.insert(path.clone(), digests)),
                (None, Some(origin)) => {
                    let file = Missing { path, real, origin, algorithms: *algorithms };
                    missing.entry(origin.layer).or_default().push(file);
                }
                (None, None) => {}
            }
        }
        for (layer, files) in missing {
            self.hash_again(layer, &files, &mut found)?;
        }
        Ok(found)
    }

    fn list(&self, dir: &Path) -> Vec<OsString> {
        self.root.list(dir).map(ToOwned::to_owned).collect()
    }
}

/// The digests of the one side in the words of the other.
fn converted(digests: oci::FileDigests) -> Digests {
    Digests { md5: digests.md5, sha1: digests.sha1, sha256: digests.sha256 }
}

/// Whether all digests that are asked for are there.
fn has(digests: &Digests, asked: Algorithms) -> bool {
    (!asked.md5 || digests.md5.is_some())
        && (!asked.sha1 || digests.sha1.is_some())
        && (!asked.sha256 || digests.sha256.is_some())
}

fn algorithms(asked: Algorithms) -> oci::Algorithms {
    let one = |wanted, algorithm| if wanted { algorithm } else { oci::Algorithms::NONE };
    one(asked.md5, oci::Algorithms::MD5)
        | one(asked.sha1, oci::Algorithms::SHA1)
        | one(asked.sha256, oci::Algorithms::SHA256)
}

fn unreadable(path: &Path, error: oci::Error) -> Error {
    Error::Root { path: path.display().to_string(), source: Box::new(error) }
}

fn too_large(path: &Path) -> Error {
    let limit = format!("{} MiB", Limits::default().file >> 20);
    Error::TooLarge { what: path.display().to_string(), limit }
}

fn stat(node: Node<'_>) -> Stat {
    let kind = match node.kind {
        NodeKind::Regular { size } => FileKind::Regular(size),
        NodeKind::Directory => FileKind::Directory,
        NodeKind::Symlink(target) => FileKind::Symlink(target.to_owned()),
        _ => FileKind::Special,
    };
    let Node { mode, uid, gid, mtime, xattrs, .. } = node;
    Stat { kind, mode, uid, gid, mtime, xattrs: xattrs.to_vec() }
}

/// What to keep of a file while its layer is streamed.
pub(crate) fn keep(path: &Path) -> Keep {
    match pkg::System::interest(path) {
        Interest::Content => Keep::Content,
        Interest::Checksum => Keep::Md5,
        _ => Keep::Nothing,
    }
}

/// The distribution's word for a platform; `None` where there is none or more than one.
pub(crate) fn arch(platform: &Platform) -> Option<Arch> {
    Some(match (platform.architecture.as_str(), platform.variant.as_deref()) {
        ("amd64", _) => Arch::Amd64,
        ("arm64", _) => Arch::Arm64,
        ("arm", Some("v5" | "5")) => Arch::Armel,
        ("arm", Some("v7" | "7")) => Arch::Armhf,
        ("386", _) => Arch::I386,
        ("mips64le", _) => Arch::Mips64el,
        ("ppc64le", _) => Arch::Ppc64el,
        ("riscv64", _) => Arch::Riscv64,
        ("s390x", _) => Arch::S390x,
        _ => return None,
    })
}

/// The changes, as the entries of a layer.
pub(crate) fn entries(changes: ChangeSet) -> oci::Result<Vec<Entry>> {
    let entries = changes.into_iter().map(|(path, change)| match change {
        Change::Write(file) => written(path, file),
        Change::Remove => Ok(whiteout(path)),
        _ => Err(unknown(&path)),
    });
    entries.collect()
}

fn written(path: PathBuf, file: File) -> oci::Result<Entry> {
    let kind = match file.content {
        Content::Regular(bytes) => EntryKind::Regular(bytes),
        Content::Directory => EntryKind::Directory,
        Content::Symlink(target) => EntryKind::Symlink(target),
        Content::Hardlink(other) => EntryKind::Hardlink(other),
        _ => return Err(unknown(&path)),
    };
    let File { mode, uid, gid, mtime, xattrs, .. } = file;
    Ok(Entry { path, kind, mode, uid, gid, mtime, xattrs })
}

/// For kinds of changes that come after this was written.
fn unknown(path: &Path) -> oci::Error {
    let reason = "no layer can hold a change of this kind".into();
    oci::Error::Unsupported { what: path.display().to_string(), reason }
}

fn whiteout(path: PathBuf) -> Entry {
    let kind = EntryKind::Whiteout;
    Entry { path, kind, mode: 0, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() }
}

#[cfg(test)]
#[path = "tests/adapt.rs"]
mod tests;
