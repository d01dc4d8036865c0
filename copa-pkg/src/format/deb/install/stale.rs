//! What the old versions had and the new ones have not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::deb::install::distroless::Work;
use crate::install::change::Change;
use crate::install::installation::Why;
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

impl Work<'_> {
    /// Removes what the old versions of these packages had and no package has any more.
    pub(super) fn remove_stale(&mut self, updated: &BTreeSet<&str>) -> Result<()> {
        let mut gone = BTreeSet::new();
        for package in updated {
            self.stale_files(package, &mut gone)?;
        }
        for package in updated {
            self.stale_links(package, &mut gone);
        }
        let coming = self.directories_with_writes();
        self.emptied(&coming, &mut gone);
        for (path, (package, file)) in std::mem::take(&mut self.over_directory) {
            if self.is_emptied(&path, &coming, &gone) {
                gone.retain(|below| !below.starts_with(&path));
                self.out.changes.write(path, file);
            } else {
                self.out.keep(&package, &path, Why::Directory);
            }
        }
        for path in &gone {
            self.out.changes.remove(path);
        }
        Ok(())
    }

    fn stale_files(&mut self, package: &str, gone: &mut BTreeSet<PathBuf>) -> Result<()> {
        for (path, _) in self.owners.sums_of(package) {
            let stat = self.root.stat(&path);
            let Some(stat) = stat.filter(|_| self.is_nobodys(&path)) else { continue };
            let regular = matches!(stat.kind, FileKind::Regular(_));
            let sum = if regular { self.root.md5(&path)? } else { None };
            if sum.is_some_and(|sum| self.owners.is_pristine(&path, &sum)) {
                gone.insert(path);
            } else if !self.is_builders(&path)? {
                self.out.keep(package, &path, Why::Changed);
            }
        }
        Ok(())
    }

    /// Whether no package has the path, or anything below it, from here on.
    fn is_nobodys(&self, path: &Path) -> bool {
        let below = self.shipped.range(path.to_owned()..).next();
        let shipped = below.is_some_and(|next| next.starts_with(path));
        !shipped && !self.directories.contains_key(path) && !self.owners.is_needed(path)
    }

    /// Links in the package's directories that point at what goes, or were built with the package.
    fn stale_links(&self, package: &str, gone: &mut BTreeSet<PathBuf>) {
        let Some(owner) = self.owners.of_package(package) else { return };
        let mut links = BTreeMap::new();
        for dir in owner.directories.keys() {
            for path in self.root.list(dir).into_iter().map(|name| dir.join(name)) {
                let stat = self.root.stat(&path);
                let link = stat.filter(|stat| matches!(stat.kind, FileKind::Symlink(_)));
                links.extend(link.filter(|_| self.is_nobodys(&path)).map(|stat| (path, stat)));
            }
        }
        for (path, stat) in links {
            let target = self.root.real_path(&path);
            let dangles = target.is_some_and(|target| gone.contains(&target));
            let own = self.owners.came_with(package, &stat).unwrap_or(true);
            let dir = path.parent().unwrap_or(Path::new(""));
            if (dangles && own) || self.owners.built_with(package, dir, &stat) {
                gone.insert(path);
            }
        }
    }

    /// Directories of which nothing is left go too, and stand for what was below them.
    fn emptied(&self, coming: &BTreeSet<PathBuf>, gone: &mut BTreeSet<PathBuf>) {
        let mut open: Vec<PathBuf> = gone.iter().filter_map(|p| Some(p.parent()?.into())).collect();
        while let Some(dir) = open.pop() {
            let ships = self.directories.contains_key(&dir) || self.shipped.contains(&dir);
            if !may_go(&dir) || ships || gone.contains(&dir) {
                continue;
            }
            if self.is_emptied(&dir, coming, gone) {
                gone.retain(|path| !path.starts_with(&dir));
                open.extend(dir.parent().map(Path::to_owned));
                gone.insert(dir);
            }
        }
    }

    /// All directories that something is written into, at any depth.
    fn directories_with_writes(&self) -> BTreeSet<PathBuf> {
        let writes = self.out.changes.iter().filter(|(_, c)| matches!(c, Change::Write(_)));
        let writes = writes.map(|(path, _)| path);
        let perhaps = self.over_directory.keys().map(PathBuf::as_path);
        writes
            .chain(perhaps)
            .flat_map(|path| path.ancestors().skip(1))
            .map(Path::to_owned)
            .collect()
    }

    /// Whether everything in the directory goes and nothing comes. Of a directory in it that no
    /// package has files in, nobody knows: it may be where something is mounted.
    fn is_emptied(&self, dir: &Path, coming: &BTreeSet<PathBuf>, gone: &BTreeSet<PathBuf>) -> bool {
        let goes = |path: PathBuf| {
            let is_dir = || self.root.stat(&path).is_some_and(|s| s.kind == FileKind::Directory);
            let known = || self.owners.lists_below(&path) && is_dir();
            gone.contains(&path) || (known() && self.is_emptied(&path, coming, gone))
        };
        !coming.contains(dir) && self.root.list(dir).into_iter().all(|name| goes(dir.join(name)))
    }
}

fn may_go(dir: &Path) -> bool {
    dir.components().count() > 2 && !STANDING.iter().any(|standing| dir == Path::new(standing))
}
