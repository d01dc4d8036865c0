//! What becomes of one entry of a package.

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::effect::certificates as cacerts;
use crate::error::Result;
use crate::format::deb::install::distroless::{Installing, Shipped, Work, file_of};
use crate::format::deb::install::part::Part;
use crate::format::deb::package::archive::{Entry, EntryKind};
use crate::install::change::{Change, Content, File};
use crate::install::installation::Why;
use crate::port::{FileKind, Stat};
use crate::warning::Code;

/// What becomes of a path.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The image has just this.
    Same,
    Write,
    /// It stays, and the user is told.
    Keep(Why),
    /// It stays, as it should.
    Leave,
    /// It is written if the directory there goes.
    OverDirectory,
}

/// Files of `base-files` and others that the builder of the image replaces by its own.
const BUILDERS: [&str; 5] =
    ["etc/group", "etc/nsswitch.conf", "etc/os-release", "etc/passwd", "usr/lib/os-release"];

impl Work<'_> {
    /// Installs one entry.
    pub(super) fn entry(&mut self, package: &mut Installing<'_>, entry: Entry) -> Result<()> {
        let path = self.paths.physical(&entry.path);
        if entry.kind == EntryKind::Directory {
            self.directory(package, path, entry);
            return Ok(());
        }
        self.shipped.insert(path.clone());
        match entry.kind.clone() {
            EntryKind::Regular(content) => {
                if package.name == cacerts::PACKAGE && cacerts::is_certificate(&entry.path) {
                    package.certificates.insert(entry.path.clone(), content.clone());
                }
                let sum = Md5::digest(&content).into();
                let file = file_of(entry, Content::Regular(content.clone()));
                let fate = self.fate_of_file(package, &path, &file, sum)?;
                let stays = !matches!(fate, Fate::Write | Fate::Same);
                let bare = File { content: Content::Directory, ..file.clone() };
                let shipped = Shipped { sum, content: stays.then_some(content), file: bare };
                package.files.insert(path.clone(), shipped);
                self.place(package, path, file, fate);
            }
            EntryKind::Hardlink(target) => self.hardlink(package, path, &target)?,
            EntryKind::Symlink(target) => {
                let fate = self.fate_of_link(package, &path, &target)?;
                self.place(package, path, file_of(entry, Content::Symlink(target)), fate);
            }
            EntryKind::Directory => {}
            EntryKind::Special => {
                let (path, package) = (path.display(), package.name);
                let text = format!("{path} of {package} is a device: left out");
                self.out.warn(Code::LeftOut, path, text);
            }
        }
        Ok(())
    }

    /// A link whose place a directory of the new version takes, as its maintainer says.
    pub(super) fn link_becomes_directory(&mut self, path: &Path) {
        let path = self.paths.physical(path);
        let is_link = |stat: Stat| matches!(stat.kind, FileKind::Symlink(_));
        if self.root.stat(&path).is_some_and(is_link) {
            self.paths.becomes_directory(&path);
        }
    }

    fn place(&mut self, package: &Installing<'_>, path: PathBuf, mut file: File, fate: Fate) {
        match fate {
            Fate::Same | Fate::Leave => {}
            Fate::Keep(why) => self.out.keep(package.name, &path, why),
            Fate::OverDirectory => {
                self.over_directory.insert(path, (package.name.into(), file));
            }
            Fate::Write if self.is_beside_itself(&path) => {
                self.out.keep(package.name, &path, Why::NoDirectory);
            }
            Fate::Write => {
                if let Some(stat) = self.root.stat(&path) {
                    inherit(&mut file, stat, package.part);
                }
                self.out.changes.write(path, file);
            }
        }
    }

    /// Whether what is written already is a file above the path, or is below it: a link of the
    /// image can lead one path of a package below another.
    fn is_beside_itself(&self, path: &Path) -> bool {
        let changes = &self.out.changes;
        let is_file = |dir| matches!(changes.get(dir), Some(Change::Write(f)) if f.content != Content::Directory);
        path.ancestors().skip(1).any(is_file) || changes.writes_below(path)
    }

    fn directory(&mut self, package: &Installing<'_>, path: PathBuf, entry: Entry) {
        let file = file_of(entry, Content::Directory);
        let there = self.root.stat(&path).map(|stat| stat.kind);
        let write = match there {
            Some(FileKind::Directory) => false,
            Some(FileKind::Symlink(_)) => self.paths.is_directory(&path),
            None => self.is_new_directory(package, &path),
            Some(_) => self.file_becomes_directory(package, &path),
        };
        if write {
            self.paths.becomes_directory(&path);
            self.out.changes.write(path.clone(), file.clone());
        }
        self.directories.insert(path, file);
    }

    /// Whether a directory that the image lacks is new, and not deleted or never chosen. Those
    /// come when something is written below them.
    fn is_new_directory(&self, package: &Installing<'_>, path: &Path) -> bool {
        let owner = self.owners.of_package(package.name);
        let had = |dir: &PathBuf| dir.starts_with(path);
        let had_files = owner.is_some_and(|owner| owner.directories.keys().any(had));
        let parent = path.parent().unwrap_or(Path::new(""));
        package.part != Part::Some && !had_files && self.paths.is_directory(parent)
    }

    fn file_becomes_directory(&mut self, package: &Installing<'_>, path: &Path) -> bool {
        let sum = self.root.md5(path).ok().flatten();
        let pristine = sum.is_some_and(|sum| self.owners.is_pristine(path, &sum));
        let free = pristine && !self.owners.is_needed(path);
        if !free {
            self.out.keep(package.name, path, Why::NoDirectory);
        }
        free
    }

    fn hardlink(&mut self, package: &Installing<'_>, path: PathBuf, target: &Path) -> Result<()> {
        let target = self.paths.physical(target);
        let Some(shipped) = package.files.get(&target) else {
            let (path, name) = (path.display(), package.name);
            let text = format!("{path} of {name} is another name of nothing: left out");
            self.out.warn(Code::LeftOut, path, text);
            return Ok(());
        };
        let fate = self.fate_of_file(package, &path, &shipped.file, shipped.sum)?;
        if fate == Fate::Same {
            return Ok(());
        }
        let content = match &shipped.content {
            Some(content) => Content::Regular(content.clone()),
            None if self.out.changes.get(&target).is_some() => Content::Hardlink(target),
            None => Content::Regular(self.root.read(&target)?.unwrap_or_default()),
        };
        let file = File { content, ..shipped.file.clone() };
        self.place(package, path, file, fate);
        Ok(())
    }

    fn fate_of_file(
        &self,
        package: &Installing<'_>,
        path: &Path,
        file: &File,
        sum: [u8; 16],
    ) -> Result<Fate> {
        let Some(stat) = self.root.stat(path) else {
            return Ok(self.fate_of_missing(package, path));
        };
        if !matches!(stat.kind, FileKind::Regular(_)) {
            return self.fate_over(package, path, &stat);
        }
        if self.root.md5(path)? != Some(sum) {
            return self.fate_over(package, path, &stat);
        }
        let attributes = |uid, gid, mode| (uid, gid, mode);
        let theirs = attributes(stat.uid, stat.gid, stat.mode);
        let same = theirs == attributes(file.uid, file.gid, file.mode);
        Ok(if same || package.part == Part::Some { Fate::Same } else { Fate::Write })
    }

    fn fate_of_link(&self, package: &Installing<'_>, path: &Path, target: &Path) -> Result<Fate> {
        match self.root.stat(path) {
            None => Ok(self.fate_of_missing(package, path)),
            Some(stat) if stat.kind == FileKind::Symlink(target.into()) => Ok(Fate::Same),
            Some(stat) => self.fate_over(package, path, &stat),
        }
    }

    /// The image has nothing there.
    fn fate_of_missing(&self, package: &Installing<'_>, path: &Path) -> Fate {
        let blocks = |dir: &Path| !self.paths.is_directory(dir) && self.root.stat(dir).is_some();
        if path.ancestors().skip(1).any(blocks) {
            return Fate::Keep(Why::NoDirectory);
        }
        if self.owners.lists(package.name, path) {
            let whole = package.part == Part::Whole;
            return if whole { Fate::Keep(Why::Deleted) } else { Fate::Leave };
        }
        match self.is_wanted(package.name, package.part, path) {
            true => Fate::Write,
            false => Fate::Leave,
        }
    }

    /// The image has something else there.
    fn fate_over(&self, package: &Installing<'_>, path: &Path, stat: &Stat) -> Result<Fate> {
        if stat.kind == FileKind::Directory {
            return Ok(Fate::OverDirectory);
        }
        let came = self.owners.came_with(package.name, stat);
        let owner = self.owners.of_package(package.name);
        let nothing_listed = owner.is_some_and(|owner| !owner.has_sums);
        let own = match stat.kind {
            FileKind::Regular(_) => {
                let sum = self.root.md5(path)?;
                let pristine = sum.is_some_and(|sum| self.owners.is_pristine(path, &sum));
                let conffile = package.conffiles.contains(path);
                pristine
                    || self.is_debian_version(path)?
                    || (conffile && !self.owners.is_listed(path) && came == Some(true))
                    || (!conffile && nothing_listed)
            }
            FileKind::Symlink(_) => {
                let new = package.part == Part::New;
                !self.owners.is_listed(path) && !new && came.unwrap_or(true)
            }
            _ => false,
        };
        if self.is_builders(path)? {
            return Ok(Fate::Leave);
        }
        let conffile = package.conffiles.contains(path) || self.owners.is_listed(path);
        let why = if conffile { Why::Changed } else { Why::Foreign };
        Ok(if own { Fate::Write } else { Fate::Keep(why) })
    }

    /// Whether the builder of the image put its own file there.
    pub(super) fn is_builders(&self, path: &Path) -> Result<bool> {
        if !BUILDERS.iter().any(|builders| path == Path::new(builders)) {
            return Ok(false);
        }
        if !path.ends_with("os-release") {
            return Ok(true);
        }
        let text = self.root.read(path)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).contains("PRETTY_NAME=\"Distroless\""))
    }

    /// `etc/debian_version` is configuration, whose checksum nothing lists: a version alone in it
    /// is not the user's.
    fn is_debian_version(&self, path: &Path) -> Result<bool> {
        if path != Path::new("etc/debian_version") {
            return Ok(false);
        }
        let text = self.root.read(path)?.unwrap_or_default();
        let text = text.trim_ascii();
        let legal = |b: &u8| b.is_ascii_alphanumeric() || b"./-".contains(b);
        Ok(!text.is_empty() && text.len() < 40 && text.iter().all(legal))
    }
}

/// What a new file takes over from the one in the image: its capabilities, which maintainer
/// scripts or users give and no package has; of a chosen part, mode and owner too.
fn inherit(file: &mut File, stat: Stat, part: Part) {
    if matches!(stat.kind, FileKind::Symlink(_) | FileKind::Directory) {
        return;
    }
    if part == Part::Some {
        (file.mode, file.uid, file.gid) = (stat.mode, stat.uid, stat.gid);
    }
    if file.xattrs.is_empty() {
        let capability = |(name, _): &(String, Vec<u8>)| name == "security.capability";
        file.xattrs = stat.xattrs.into_iter().filter(capability).collect();
    }
}
