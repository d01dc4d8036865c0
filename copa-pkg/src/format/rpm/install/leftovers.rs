//! What the old versions of RPM packages had and the new ones have not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::rpm::db::record::State;
use crate::format::rpm::install::fate::is_pristine;
use crate::format::rpm::install::ownership::{OldFile, Ownership};
use crate::format::rpm::package::archive::Kind;
use crate::install::fate::Leftovers;
use crate::install::installer::Installer;
use crate::port::FileKind;

/// What the packages that go have, and that no package has any more. `unlinked` are files whose
/// names the links of new packages no longer point at.
///
/// # Errors
///
/// When the image cannot be read.
pub(super) fn leftovers(
    image: &mut Installer<'_>,
    ownership: &Ownership<'_>,
    unlinked: BTreeSet<PathBuf>,
) -> Result<Leftovers> {
    let mut leftovers = Leftovers::default();
    for old in &ownership.gone {
        for (path, _) in &old.files {
            if image.is_nobodys(path, ownership.is_needed(path)) {
                stale(image, ownership, (&old.name, path), &mut leftovers)?;
            }
        }
    }
    let is_nobodys = |path: &PathBuf| image.is_nobodys(path, ownership.is_needed(path));
    leftovers.files.extend(unlinked.into_iter().filter(is_nobodys));
    Ok(leftovers)
}

/// One path that a package has which goes.
fn stale(
    image: &mut Installer<'_>,
    ownership: &Ownership<'_>,
    (package, path): (&str, &Path),
    leftovers: &mut Leftovers,
) -> Result<()> {
    let (Some(stat), Some(old)) = (image.root.stat(path), ownership.old(path)) else {
        return Ok(());
    };
    let is_directory = stat.kind == FileKind::Directory;
    if old.file.kind == Kind::Directory || is_directory {
        if is_directory && old.file.kind == Kind::Directory {
            leftovers.directories.insert(path.into());
        }
        return Ok(());
    }
    if old.state != State::NORMAL {
        return Ok(());
    }
    let is_users = is_saved(old) && !is_pristine(path, old, &stat, image.root)?;
    if !is_users || image.save(path, package, ".rpmsave")? {
        leftovers.files.insert(path.into());
    }
    Ok(())
}

/// Whether what the user made of the file is put aside when it goes.
fn is_saved(old: OldFile<'_>) -> bool {
    old.file.flags.is_config() && !old.file.flags.is_ghost()
}
