//! Streams a layer once, and indexes what passes.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use crate::compress::decompress::Decompressed;
use crate::compress::hashed::Hashed;
use crate::error::{Error, Result};
use crate::rootfs::digests::{Algorithms, FileHasher};
use crate::rootfs::header::TarType;
use crate::rootfs::index::{
    CONTENT, LayerIndex, NONE, Record, Span, What, Xattrs, as_path, size_of_xattrs,
};
use crate::rootfs::keep::Keep;
use crate::rootfs::limits::Limits;
use crate::rootfs::links::Links;
use crate::rootfs::normal;
use crate::rootfs::path::{base, parent, push, push_clean};
use crate::rootfs::tar::{TarEntry, TarReader};
use crate::spec::digest::{Digest, Hasher};

impl LayerIndex {
    /// Streams a layer as stored (gzip, zstd or plain tar) to its very end, and indexes it.
    ///
    /// `keep` says what to keep of the regular file at a path. With `diff_id`, the digest of the
    /// uncompressed bytes must be that one.
    ///
    /// The tar is read as Go's `archive/tar` reads it, and its names are cleaned as containerd
    /// cleans them: `..` and absolute names stay inside the root. A sparse file whose unpacked
    /// length is over [`Limits::file`] is indexed without its digests.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when it is not a tar or has another digest, [`Error::TooLarge`] beyond
    /// the limits, [`Error::Unsupported`] for foreign compression or entry types, and whatever
    /// `reader` fails with.
    pub fn scan(
        reader: impl Read,
        diff_id: Option<&Digest>,
        keep: &dyn Fn(&Path) -> Keep,
        limits: &Limits,
    ) -> Result<Self> {
        let hasher = diff_id.map_or_else(Hasher::sha256, Hasher::like);
        let bytes = Hashed::new(Decompressed::new(reader, limits.expansion)?, hasher);
        let mut tar = TarReader::new(bytes);
        let mut scan = Scan::new(keep, limits);
        let mut entry = TarEntry::default();
        while tar.next_entry(&mut entry)? {
            scan.take(&mut entry, &mut tar)?;
        }
        let found = tar.into_inner().finish().map_err(|e| Error::from_io("layer", e))?;
        match diff_id.filter(|&expected| *expected != found) {
            Some(expected) => Err(Error::Corrupt {
                what: format!("layer {expected}"),
                reason: format!("its uncompressed digest is {found}"),
            }),
            None => Ok(scan.finish(found)),
        }
    }
}

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// AUFS' own files: no runtime unpacks them.
const AUFS: &[u8] = b".wh..wh.";
/// What eStargz adds at the root for its own use.
const ESTARGZ: [&[u8]; 3] = [b"stargz.index.json", b".prefetch.landmark", b".no.prefetch.landmark"];
/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// The bytes of a layer's tar.
type TarBytes<R> = Hashed<Decompressed<R>>;

struct Scan<'a> {
    keep: &'a dyn Fn(&Path) -> Keep,
    limits: &'a Limits,
    names: Vec<u8>,
    records: Vec<Record>,
    whiteouts: Vec<Span>,
    opaque: Vec<Span>,
    xattrs: Vec<Xattrs>,
    digests: Vec<u8>,
    contents: Vec<Bytes>,
    kept: u64,
    /// Entries so far, and the bytes of their names.
    entries: usize,
    named: usize,
    /// Bytes of paths that links led to.
    followed: usize,
    /// Symbolic links seen so far: parents of later entries lead through them.
    links: Links,
    path: Vec<u8>,
}

impl<'a> Scan<'a> {
    fn new(keep: &'a dyn Fn(&Path) -> Keep, limits: &'a Limits) -> Self {
        Self {
            keep,
            limits,
            names: Vec::new(),
            records: Vec::new(),
            whiteouts: Vec::new(),
            opaque: Vec::new(),
            xattrs: Vec::new(),
            digests: Vec::new(),
            contents: Vec::new(),
            kept: 0,
            entries: 0,
            named: 0,
            followed: 0,
            links: Links::default(),
            path: Vec::new(),
        }
    }

    /// Indexes one entry.
    fn take<R: Read>(
        &mut self,
        entry: &mut TarEntry,
        tar: &mut TarReader<TarBytes<R>>,
    ) -> Result<()> {
        self.count(entry)?;
        let mut path = std::mem::take(&mut self.path);
        self.resolve(&entry.path, &mut path)?;
        let result = match base(&path) {
            OPAQUE => self.hide(parent(&path).unwrap_or_default(), true),
            name if name.starts_with(AUFS) => Ok(()),
            name if name.starts_with(WHITEOUT) => self.take_whiteout(&path),
            b"" if entry.kind != TarType::Directory => Err(Error::Corrupt {
                what: "the root of a layer".into(),
                reason: "it is not a directory".into(),
            }),
            name if name.len() == path.len() && ESTARGZ.contains(&name) => Ok(()),
            _ => self.take_file(&path, entry, tar),
        };
        self.path = path;
        result
    }

    fn take_whiteout(&mut self, path: &[u8]) -> Result<()> {
        let name = base(path).strip_prefix(WHITEOUT).unwrap_or_default();
        if matches!(name, b"" | b"." | b"..") {
            return Err(Error::Corrupt {
                what: format!("layer entry {}", String::from_utf8_lossy(path)),
                reason: "it is a whiteout of nothing".into(),
            });
        }
        let mut hidden = parent(path).unwrap_or_default().to_vec();
        push(&mut hidden, name);
        self.hide(&hidden, false)
    }

    fn hide(&mut self, path: &[u8], content_only: bool) -> Result<()> {
        let span = self.name(path)?;
        let list = if content_only { &mut self.opaque } else { &mut self.whiteouts };
        list.push(span);
        Ok(())
    }

    fn take_file<R: Read>(
        &mut self,
        path: &[u8],
        entry: &mut TarEntry,
        tar: &mut TarReader<TarBytes<R>>,
    ) -> Result<()> {
        let owner = |id| {
            u32::try_from(id).map_err(|_| Error::Corrupt {
                what: format!("layer entry {}", String::from_utf8_lossy(path)),
                reason: format!("no owner can have the number {id}"),
            })
        };
        let mut record = Record {
            path: self.name(path)?,
            target: Span::default(),
            what: what(entry),
            mode: (entry.mode & 0o7777) as u16,
            uid: owner(entry.uid)?,
            gid: owner(entry.gid)?,
            mtime: entry.mtime,
            xattrs: self.take_xattrs(entry)?,
            digests: 0,
            algorithms: Algorithms::NONE,
            content: NONE,
            linked: false,
        };
        match entry.kind {
            TarType::Symlink => record.target = self.name(&entry.link)?,
            TarType::Hardlink => {
                let mut target = Vec::new();
                self.resolve(&entry.link, &mut target)?;
                record.target = self.name(&target)?;
            }
            TarType::Regular => self.take_content(&mut record, path, entry, tar)?,
            _ => {}
        }
        let link = (entry.kind == TarType::Symlink).then_some(self.records.len() as u32);
        self.links.set(path, link);
        self.records.push(record);
        Ok(())
    }

    fn take_content<R: Read>(
        &mut self,
        record: &mut Record,
        path: &[u8],
        entry: &TarEntry,
        tar: &mut TarReader<TarBytes<R>>,
    ) -> Result<()> {
        let keep = (self.keep)(as_path(path));
        let kept = self.kept.saturating_add(entry.size).saturating_add(CONTENT as u64);
        let fits = entry.size <= self.limits.file && kept <= self.limits.kept;
        if keep.is_nothing() || (entry.holes().is_some() && entry.size > self.limits.file) {
            return Ok(());
        }
        if let Some(holes) = entry.holes() {
            let charged = tar.input().inner().charge(holes);
            charged.map_err(|e| Error::from_io("layer", e))?;
        }
        let mut hasher = FileHasher::new(keep.algorithms());
        let whole = keep.content() && fits;
        // Exactly as long: a vector that grows takes up to twice as much.
        let length = usize::try_from(entry.size).ok().filter(|_| whole);
        let mut content = Vec::with_capacity(length.unwrap_or_default());
        tar.read_data(entry, &mut |bytes| {
            hasher.update(bytes);
            if whole {
                content.extend_from_slice(bytes);
            }
        })?;
        record.digests = u32::try_from(self.digests.len())
            .map_err(|_| too_much_kept(format!("{} bytes of digests", u32::MAX)))?;
        record.algorithms = keep.algorithms();
        hasher.finish(&mut self.digests);
        if whole {
            self.kept = kept;
            record.content = self.contents.len() as u32;
            self.contents.push(content.into());
        }
        Ok(())
    }

    fn take_xattrs(&mut self, entry: &mut TarEntry) -> Result<u32> {
        if entry.xattrs.is_empty() {
            return Ok(NONE);
        }
        let xattrs = std::mem::take(&mut entry.xattrs);
        if self.xattrs.last() != Some(&xattrs) {
            self.kept += size_of_xattrs(&xattrs) as u64;
            if self.kept > self.limits.kept {
                return Err(too_much_kept(format!("{} bytes", self.limits.kept)));
            }
            self.xattrs.push(xattrs);
        }
        Ok(self.xattrs.len() as u32 - 1)
    }

    /// Cleans a name, and follows the links of this layer in its parents.
    fn resolve(&mut self, name: &[u8], path: &mut Vec<u8>) -> Result<()> {
        path.clear();
        push_clean(path, name);
        let mut hops = 0;
        while let Some(resolved) = self.follow_parent(path) {
            *path = resolved;
            self.check(path)?;
            self.followed = self.within_names(self.followed, path)?;
            hops += 1;
            if hops > MAX_LINKS {
                return Err(Error::Corrupt {
                    what: format!("layer entry {}", String::from_utf8_lossy(name)),
                    reason: "its parents are links in a circle".into(),
                });
            }
        }
        Ok(())
    }

    /// The path with the first link among its parents replaced by its target.
    fn follow_parent(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (at, record) = self.links.above(path).next()?;
        let (dir, rest) = path.split_at_checked(at)?;
        let target = self.text(self.records.get(record as usize)?.target);
        let mut resolved = Vec::new();
        if !target.starts_with(b"/") {
            resolved.extend_from_slice(parent(dir).unwrap_or_default());
        }
        push_clean(&mut resolved, target);
        push_clean(&mut resolved, rest);
        Some(resolved)
    }

    fn name(&mut self, text: &[u8]) -> Result<Span> {
        self.check(text)?;
        let len = u16::try_from(text.len()).map_err(|_| too_long(format!("{} bytes", u16::MAX)))?;
        if text.contains(&0) {
            return Err(Error::Corrupt {
                what: format!("layer entry {}", String::from_utf8_lossy(text).escape_debug()),
                reason: "its name holds a zero byte".into(),
            });
        }
        self.within_names(self.names.len(), text)?;
        let all = |_| too_long(format!("{} bytes for all of a layer", u32::MAX));
        let start = u32::try_from(self.names.len()).map_err(all)?;
        self.names.extend_from_slice(text);
        Ok(Span { start, len })
    }

    /// Counts an entry, whatever it is, before its names are looked at.
    fn count(&mut self, entry: &TarEntry) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let limit = format!("{} entries", self.limits.entries);
            return Err(Error::TooLarge { what: "layer".into(), limit });
        }
        for name in [&entry.path, &entry.link] {
            self.check(name)?;
            self.named = self.within_names(self.named, name)?;
        }
        Ok(())
    }

    /// Refuses a name that is too long or too deep.
    fn check(&self, name: &[u8]) -> Result<()> {
        let Limits { path, depth, .. } = *self.limits;
        if name.len() > path {
            return Err(too_long(format!("{path} bytes")));
        }
        if name.iter().filter(|&&byte| byte == b'/').count() >= depth {
            return Err(too_long(format!("{depth} components")));
        }
        Ok(())
    }

    /// The sum of this name and those before it.
    fn within_names(&self, before: usize, name: &[u8]) -> Result<usize> {
        let (sum, most) = (before + name.len(), self.limits.names);
        let all = || too_long(format!("{most} bytes for all of a layer"));
        (sum <= most).then_some(sum).ok_or_else(all)
    }

    fn text(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.names.get(start..start + usize::from(span.len)).unwrap_or_default()
    }

    fn finish(self, diff_id: Digest) -> LayerIndex {
        let mut index = LayerIndex {
            diff_id,
            names: self.names,
            records: self.records,
            whiteouts: self.whiteouts,
            opaque: self.opaque,
            xattrs: self.xattrs,
            digests: self.digests,
            contents: self.contents,
        };
        normal::normalise(&mut index);
        index
    }
}

fn too_much_kept(limit: String) -> Error {
    Error::TooLarge { what: "what is kept of a layer".into(), limit }
}

fn too_long(limit: String) -> Error {
    Error::TooLarge { what: "path of a layer entry".into(), limit }
}

fn what(entry: &TarEntry) -> What {
    let (major, minor) = entry.device;
    match entry.kind {
        TarType::Regular => What::Regular { size: entry.size },
        TarType::Directory => What::Directory,
        TarType::Symlink => What::Symlink,
        TarType::Char => What::Char { major, minor },
        TarType::Block => What::Block { major, minor },
        TarType::Fifo => What::Fifo,
        TarType::Hardlink => What::Hardlink { record: NONE },
    }
}

#[cfg(test)]
#[path = "tests/scan.rs"]
mod tests;
