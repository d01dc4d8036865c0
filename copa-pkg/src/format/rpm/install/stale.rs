//! What the old versions had and the new ones have not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::format::rpm::db::record::State;
use crate::format::rpm::install::owners::OldFile;
use crate::format::rpm::install::transaction::Work;
use crate::format::rpm::package::archive::Kind;
use crate::install::change::Change;
use crate::install::installation::Why;
use crate::port::FileKind;

impl Work<'_> {
    /// Removes what the old versions of these packages had and no package has any more.
    pub(super) fn remove_stale(&mut self) -> Result<()> {
        let (mut gone, mut directories) = (BTreeSet::new(), BTreeSet::new());
        for (package, path) in self.listed_by_old() {
            self.stale(&package, path, &mut gone, &mut directories)?;
        }
        let unlinked = std::mem::take(&mut self.unlinked);
        gone.extend(unlinked.into_iter().filter(|path| self.is_nobodys(path)));
        let over = std::mem::take(&mut self.over_directory);
        directories.extend(over.keys().cloned());
        // The deepest first.
        for dir in directories.iter().rev() {
            if self.is_emptied(dir, &gone) {
                gone.retain(|path| !path.starts_with(dir));
                gone.insert(dir.clone());
            }
        }
        for (path, (package, file)) in over {
            match gone.remove(&path) {
                true => self.out.changes.write(path, file),
                false => self.out.keep(&package, &path, Why::Directory),
            }
        }
        gone.into_iter().for_each(|path| self.out.changes.remove(path));
        Ok(())
    }

    /// What the packages that go have, and that no other has.
    fn listed_by_old(&self) -> Vec<(String, PathBuf)> {
        let files = self
            .owners
            .gone
            .iter()
            .flat_map(|old| old.files.iter().map(|(path, _)| (old.name.clone(), path.clone())));
        files.filter(|(_, path)| self.is_nobodys(path)).collect()
    }

    /// Whether no package has the path from here on.
    fn is_nobodys(&self, path: &Path) -> bool {
        !path.as_os_str().is_empty()
            && !self.shipped.contains(path)
            && !self.owners.is_needed(path)
            && !matches!(self.out.changes.get(path), Some(Change::Write(_)))
    }

    fn stale(
        &mut self,
        package: &str,
        path: PathBuf,
        gone: &mut BTreeSet<PathBuf>,
        directories: &mut BTreeSet<PathBuf>,
    ) -> Result<()> {
        let (Some(stat), Some(old)) = (self.root.stat(&path), self.owners.old(&path)) else {
            return Ok(());
        };
        let is_directory = stat.kind == FileKind::Directory;
        if old.file.kind == Kind::Directory || is_directory {
            if is_directory && old.file.kind == Kind::Directory {
                directories.insert(path);
            }
            return Ok(());
        }
        if old.state != State::NORMAL {
            return Ok(());
        }
        let is_users = is_saved(old) && !self.is_pristine(&path, old, &stat)?;
        if !is_users || self.save(&path, package, ".rpmsave")? {
            gone.insert(path);
        }
        Ok(())
    }

    /// Whether everything in the directory goes and nothing comes.
    fn is_emptied(&self, dir: &Path, gone: &BTreeSet<PathBuf>) -> bool {
        let goes = |path: PathBuf| gone.contains(&path);
        let names = self.root.list(dir);
        names.into_iter().all(|name| goes(dir.join(name))) && !self.out.changes.writes_below(dir)
    }
}

/// Whether what the user made of the file is put aside when it goes.
fn is_saved(old: OldFile<'_>) -> bool {
    old.file.flags.is_config() && !old.file.flags.is_ghost()
}
