//! Layers for tests, written as lines of text.

use crate::error::Error;
use crate::rootfs::index::LayerIndex;
use crate::rootfs::keep::Keep;
use crate::rootfs::limits::Limits;
use crate::rootfs::root::RootFs;

/// A tar of lines: `d DIR`, `f FILE=TEXT`, `l LINK>TARGET`, `h NAME>TARGET`, `c DEVICE`, `p PIPE`.
pub(crate) fn tar(lines: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (kind, rest) = line.split_at(1);
        let (name, value) = rest.trim().split_once(['=', '>']).unwrap_or((rest.trim(), ""));
        let mut header = tar::Header::new_gnu();
        header.set_mode(if kind == "d" { 0o755 } else { 0o644 });
        header.set_mtime(7);
        header.set_entry_type(match kind {
            "d" => tar::EntryType::Directory,
            "l" => tar::EntryType::Symlink,
            "h" => tar::EntryType::Link,
            "c" => tar::EntryType::Char,
            "p" => tar::EntryType::Fifo,
            _ => tar::EntryType::Regular,
        });
        let data = if kind == "f" { value.as_bytes() } else { b"" };
        header.set_size(data.len() as u64);
        if matches!(kind, "l" | "h") {
            header.as_old_mut().linkname[..value.len()].copy_from_slice(value.as_bytes());
        }
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn scan(tar: &[u8]) -> Result<LayerIndex, Error> {
    LayerIndex::scan(tar, None, &|_| Keep::Content, &Limits::default())
}

/// The merged file system of layers given as [`tar`] takes them.
pub(crate) fn stack(layers: &[&str]) -> RootFs {
    RootFs::merge(layers.iter().map(|lines| scan(&tar(lines)).unwrap())).unwrap()
}
