//! `etc/ld.so.cache`: where the dynamic loader finds libraries.
//!
//! It lists names that updates of one release keep (`libssl.so.3`), so it usually stays right. The
//! loader falls back on its default directories for what the cache does not list; only a path
//! that is listed and gone makes programs fail. Then the cache is removed.

use std::path::{Path, PathBuf};

use crate::{Change, Installation, Result, Root};

const CACHE: &str = "etc/ld.so.cache";

/// Removes the cache when it lists a path that is removed.
pub(crate) fn check(root: &dyn Root, out: &mut Installation) -> Result<()> {
    let cache = Path::new(CACHE);
    let Some((bytes, physical)) = root.read(cache)?.zip(root.real_path(cache)) else {
        return Ok(());
    };
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
        let text =
            format!("{CACHE} lists /{gone}, which is gone: removed; the loader does without");
        out.warnings.push(text);
        out.changes.remove(physical);
    }
    Ok(())
}
