//! What the versions that go had and no package has any more, removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::install::change::Change;
use crate::install::fate::Leftovers;
use crate::install::installer::Installer;
use crate::install::outcome::Why;

impl Installer<'_> {
    /// Removes what remains of the versions that go: their files, and the directories of which
    /// nothing is left. Then files and links of the new packages take the place of directories that
    /// went. `may_go_along` says of a directory that is not itself among the leftovers whether it may
    /// go with the one that it is in, when nothing is left in it either.
    pub(crate) fn remove_stale(
        &mut self,
        leftovers: Leftovers,
        may_go_along: &dyn Fn(&Path) -> bool,
    ) {
        let Leftovers { files: mut gone, mut directories } = leftovers;
        let over = std::mem::take(&mut self.over_directory);
        let coming = self.directories_with_writes(over.keys());
        directories.extend(over.keys().cloned());
        // The deepest first: a directory stands for what was below it.
        for dir in directories.iter().rev() {
            if self.is_emptied(dir, &coming, &gone, may_go_along) {
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
    }

    /// All directories that something is written into, at any depth, or may be.
    fn directories_with_writes<'p>(
        &'p self,
        perhaps: impl Iterator<Item = &'p PathBuf>,
    ) -> BTreeSet<PathBuf> {
        let writes = self.out.changes.iter().filter(|(_, c)| matches!(c, Change::Write(_)));
        let paths = writes.map(|(path, _)| path).chain(perhaps.map(PathBuf::as_path));
        paths.flat_map(|path| path.ancestors().skip(1)).map(Path::to_owned).collect()
    }

    /// Whether everything in the directory goes and nothing comes.
    fn is_emptied(
        &self,
        dir: &Path,
        coming: &BTreeSet<PathBuf>,
        gone: &BTreeSet<PathBuf>,
        may_go_along: &dyn Fn(&Path) -> bool,
    ) -> bool {
        let goes_along = |path: &Path| {
            may_go_along(path)
                && self.has_directory(path)
                && self.is_emptied(path, coming, gone, may_go_along)
        };
        let goes = |path: PathBuf| gone.contains(&path) || goes_along(&path);
        !coming.contains(dir) && self.root.list(dir).into_iter().all(|name| goes(dir.join(name)))
    }
}
