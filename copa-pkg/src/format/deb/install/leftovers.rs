//! What the old versions of Debian packages had and the new ones have not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::deb::install::fate::is_builders;
use crate::format::deb::install::ownership::Ownership;
use crate::install::fate::Leftovers;
use crate::install::installer::Installer;
use crate::install::outcome::Why;
use crate::port::FileKind;

/// Directories that `base-files` or the builder of the image made: they stay when they become
/// empty. So does everything right below the root, and right below that.
const STANDING: [&str; 12] = [
    "usr/lib/locale",
    "usr/share/base-files",
    "usr/share/common-licenses",
    "usr/share/dict",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/lintian/overrides",
    "usr/share/man",
    "usr/share/misc",
    "var/lib/dpkg",
    "var/lib/misc",
];

/// What the old versions of these packages had and no package has any more.
///
/// # Errors
///
/// When the image cannot be read.
pub(super) fn leftovers(
    image: &mut Installer<'_>,
    ownership: &Ownership,
    updated: &BTreeSet<&str>,
) -> Result<Leftovers> {
    let mut files = BTreeSet::new();
    for package in updated {
        stale_files(image, ownership, package, &mut files)?;
    }
    for package in updated {
        stale_links(image, ownership, package, &mut files);
    }
    let above = files.iter().flat_map(|path| path.ancestors().skip(1));
    let may_go = |dir: &&Path| may_go(dir) && !image.is_shipped(dir);
    let directories = above.filter(may_go).map(Path::to_owned).collect();
    Ok(Leftovers { files, directories })
}

fn stale_files(
    image: &mut Installer<'_>,
    ownership: &Ownership,
    package: &str,
    gone: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    for (path, _) in ownership.sums_of(package) {
        let is_nobodys = image.is_nobodys(&path, ownership.is_needed(&path));
        let Some(stat) = image.root.stat(&path).filter(|_| is_nobodys) else { continue };
        let regular = matches!(stat.kind, FileKind::Regular(_));
        let sum = if regular { image.root.md5(&path)? } else { None };
        if sum.is_some_and(|sum| ownership.is_pristine(&path, &sum)) {
            gone.insert(path);
        } else if !is_builders(image.root, &path)? {
            image.out.keep(package, &path, Why::Changed);
        }
    }
    Ok(())
}

/// Links in the package's directories that point at what goes, or were built with the package.
fn stale_links(
    image: &Installer<'_>,
    ownership: &Ownership,
    package: &str,
    gone: &mut BTreeSet<PathBuf>,
) {
    let Some(owner) = ownership.of_package(package) else { return };
    let mut links = BTreeMap::new();
    for dir in owner.directories.keys() {
        for path in image.root.list(dir).into_iter().map(|name| dir.join(name)) {
            let stat = image.root.stat(&path);
            let link = stat.filter(|stat| matches!(stat.kind, FileKind::Symlink(_)));
            let is_nobodys = |path: &Path| image.is_nobodys(path, ownership.is_needed(path));
            links.extend(link.filter(|_| is_nobodys(&path)).map(|stat| (path, stat)));
        }
    }
    for (path, stat) in links {
        let target = image.root.real_path(&path);
        let dangles = target.is_some_and(|target| gone.contains(&target));
        let own = ownership.came_with(package, &stat).unwrap_or(true);
        let dir = path.parent().unwrap_or(Path::new(""));
        if (dangles && own) || ownership.built_with(package, dir, &stat) {
            gone.insert(path);
        }
    }
}

fn may_go(dir: &Path) -> bool {
    dir.components().count() > 2 && !STANDING.iter().any(|standing| dir == Path::new(standing))
}
