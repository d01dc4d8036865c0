//! `etc/ld.so.cache`: where the dynamic loader finds libraries; what `ldconfig` makes.
//!
//! [`update`] makes it again when an image has one and its libraries change. The old cache says
//! what the libraries are that stay; only those that come with the changes are read. So a library
//! that the old cache does not list, because nobody called `ldconfig` after it came, stays
//! unlisted. Links that `ldconfig` would make are not made: packages bring theirs.

use crate::effect::ldcache::entries;
use std::path::{Path, PathBuf};

use ::bytes::Bytes;

use crate::effect::ldcache::entries::Renewed;
use crate::effect::ldcache::file_format::Cache;
use crate::error::Result;
use crate::install::change::{Change, ChangeSet, Content, File};
use crate::install::outcome::Installation;
use crate::install::overlay::Overlay;
use crate::port::Root;
use crate::warning::Code;

const CACHE: &str = "etc/ld.so.cache";
/// A cache has some sixty bytes a library.
const BYTES_MAX: usize = 16 << 20;

/// Makes the cache again, if the image has one and it would change.
pub(crate) fn update(root: &dyn Root, out: &mut Installation) -> Result<()> {
    let path = Path::new(CACHE);
    let Some((bytes, physical)) = root.read(path)?.zip(root.real_path(path)) else {
        return Ok(());
    };
    let after = Overlay::new(root, &out.changes);
    let is_same_file = entries::real_file(&after, &physical).as_ref() == Some(&physical);
    if !is_same_file || after.is_written(&physical) {
        return Ok(());
    }
    let small = Some(&bytes).filter(|bytes| bytes.len() <= BYTES_MAX);
    let renewed = match small.and_then(Cache::read) {
        Some(cache) => entries::renew(&after, &cache)?,
        None => Renewed::Impossible("it is not in a format that this program writes".into()),
    };
    match renewed {
        Renewed::Same => {}
        Renewed::Cache(cache) => write(root, physical, &cache, &mut out.changes),
        Renewed::Impossible(reason) => remove_if_wrong(root, &bytes, physical, &reason, out),
    }
    Ok(())
}

fn write(root: &dyn Root, path: PathBuf, cache: &Cache, changes: &mut ChangeSet) {
    let Some(stat) = root.stat(&path) else { return };
    let content = Content::Regular(cache.write().into());
    let (mode, uid, gid) = (stat.mode, stat.uid, stat.gid);
    changes.write(path, File { content, mode, uid, gid, mtime: stat.mtime, xattrs: stat.xattrs });
}

/// Removes a cache that lists a path that is removed. The loader does without: it looks into its
/// own directories for what the cache does not list.
fn remove_if_wrong(
    root: &dyn Root,
    bytes: &Bytes,
    physical: PathBuf,
    reason: &str,
    out: &mut Installation,
) {
    let removed = |path: &Path| {
        path.ancestors().any(|path| matches!(out.changes.get(path), Some(Change::Remove)))
    };
    let listed = bytes.split(|b| *b == 0).filter_map(|text| std::str::from_utf8(text).ok());
    let gone = listed.filter_map(|text| text.strip_prefix('/')).find_map(|path| {
        let real: PathBuf = root.real_path(Path::new(path))?;
        let link = root.real_path(Path::new(path).parent()?)?.join(Path::new(path).file_name()?);
        (removed(&link) || (removed(&real) && out.changes.get(&link).is_none())).then_some(path)
    });
    if let Some(gone) = gone {
        let text = format!(
            "{CACHE} lists /{gone}, which is gone, and cannot be made again: {reason}; removed, \
             the loader does without"
        );
        out.warn(Code::Removed, CACHE, text);
        out.changes.remove(physical);
    }
}

#[cfg(test)]
#[path = "tests/update.rs"]
mod tests;
