//! What becomes of a path of a Debian package in a distroless image.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::error::Result;
use crate::format::deb::install::ownership::Ownership;
use crate::format::deb::install::part::Part;
use crate::install::change::{Content, File};
use crate::install::fate::{Fate, Incoming, Policy};
use crate::install::installer::Installer;
use crate::install::outcome::Why;
use crate::port::{FileKind, Root, Stat};
use crate::warning::Warning;

/// Files of `base-files` and others that the builder of the image replaces by its own.
const BUILDERS: [&str; 5] =
    ["etc/group", "etc/nsswitch.conf", "etc/os-release", "etc/passwd", "usr/lib/os-release"];

/// The policy for one package.
#[derive(Debug)]
pub(super) struct Distroless<'p> {
    pub(super) package: &'p str,
    pub(super) ownership: &'p Ownership,
    pub(super) part: Part,
    /// The physical paths of the package's configuration.
    pub(super) conffiles: &'p BTreeSet<PathBuf>,
}

impl Policy for Distroless<'_> {
    fn missing(&self, at: &Incoming<'_>, _: &Installer<'_>) -> Result<Fate> {
        if self.ownership.lists(self.package, &at.path) {
            let whole = self.part == Part::Whole;
            return Ok(if whole { Fate::Keep(Why::Deleted) } else { Fate::Leave });
        }
        let wanted = self.ownership.wants(self.package, self.part, &at.path);
        Ok(if wanted { Fate::Write } else { Fate::Leave })
    }

    fn over(&self, at: &Incoming<'_>, there: &Stat, image: &Installer<'_>) -> Result<Fate> {
        match &at.file.content {
            Content::Symlink(target) if there.kind == FileKind::Symlink(target.clone()) => {
                return Ok(Fate::Same);
            }
            Content::Regular(content) if matches!(there.kind, FileKind::Regular(_)) => {
                let sum: [u8; 16] = Md5::digest(content).into();
                if image.root.md5(&at.path)? == Some(sum) {
                    let attributes = |uid, gid, mode| (uid, gid, mode);
                    let same = attributes(there.uid, there.gid, there.mode)
                        == attributes(at.file.uid, at.file.gid, at.file.mode);
                    let same = same || self.part == Part::Some;
                    return Ok(if same { Fate::Same } else { Fate::Write });
                }
            }
            _ => {}
        }
        if is_builders(image.root, &at.path)? {
            return Ok(Fate::Leave);
        }
        let conffile = self.conffiles.contains(&at.path) || self.ownership.is_listed(&at.path);
        let why = if conffile { Why::Changed } else { Why::Foreign };
        let own = self.is_packages(&at.path, there, image.root)?;
        Ok(if own { Fate::Write } else { Fate::Keep(why) })
    }

    /// Directories that exist keep their mode and owner, as with dpkg.
    fn directory(
        &self,
        at: &Incoming<'_>,
        there: Option<&Stat>,
        image: &Installer<'_>,
    ) -> Result<Fate> {
        let write = match there.map(|stat| &stat.kind) {
            Some(FileKind::Directory) => false,
            Some(FileKind::Symlink(_)) => image.paths.is_directory(&at.path),
            None => self.is_new_directory(&at.path, image),
            Some(_) => {
                let sum = image.root.md5(&at.path).ok().flatten();
                let pristine = sum.is_some_and(|sum| self.ownership.is_pristine(&at.path, &sum));
                if !pristine || self.ownership.is_needed(&at.path) {
                    return Ok(Fate::Keep(Why::NoDirectory));
                }
                true
            }
        };
        Ok(if write { Fate::Write } else { Fate::Leave })
    }

    /// A new file takes over the capabilities of the one in the image, which maintainer scripts or
    /// users give and no package has; of a chosen part, mode and owner too.
    fn adopt(&self, file: &mut File, there: Option<Stat>) -> Vec<Warning> {
        let is_file = |stat: &Stat| matches!(stat.kind, FileKind::Regular(_) | FileKind::Special);
        let Some(stat) = there.filter(is_file) else { return Vec::new() };
        if file.content == Content::Directory {
            return Vec::new();
        }
        if self.part == Part::Some {
            (file.mode, file.uid, file.gid) = (stat.mode, stat.uid, stat.gid);
        }
        if file.xattrs.is_empty() {
            let capability = |(name, _): &(String, Vec<u8>)| name == "security.capability";
            file.xattrs = stat.xattrs.into_iter().filter(capability).collect();
        }
        Vec::new()
    }
}

impl Distroless<'_> {
    /// Whether what the image has there came with the package, as far as that can be told.
    fn is_packages(&self, path: &Path, there: &Stat, root: &dyn Root) -> Result<bool> {
        let came = self.ownership.came_with(self.package, there);
        let listed = self.ownership.is_listed(path);
        Ok(match there.kind {
            FileKind::Regular(_) => {
                let sum = root.md5(path)?;
                let conffile = self.conffiles.contains(path);
                sum.is_some_and(|sum| self.ownership.is_pristine(path, &sum))
                    || is_debian_version(root, path)?
                    || (conffile && !listed && came == Some(true))
                    || (!conffile && self.ownership.lists_nothing_for(self.package))
            }
            FileKind::Symlink(_) => !listed && self.part != Part::New && came.unwrap_or(true),
            _ => false,
        })
    }

    /// Whether a directory that the image lacks is new, and not deleted or never chosen. Those
    /// come when something is written below them.
    fn is_new_directory(&self, path: &Path, image: &Installer<'_>) -> bool {
        let owner = self.ownership.of_package(self.package);
        let had = |dir: &PathBuf| dir.starts_with(path);
        let had_files = owner.is_some_and(|owner| owner.directories.keys().any(had));
        let parent = path.parent().unwrap_or(Path::new(""));
        self.part != Part::Some && !had_files && image.paths.is_directory(parent)
    }
}

/// Whether the builder of the image put its own file there.
///
/// # Errors
///
/// When the image cannot be read.
pub(super) fn is_builders(root: &dyn Root, path: &Path) -> Result<bool> {
    if !BUILDERS.iter().any(|builders| path == Path::new(builders)) {
        return Ok(false);
    }
    if !path.ends_with("os-release") {
        return Ok(true);
    }
    let text = root.read(path)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).contains("PRETTY_NAME=\"Distroless\""))
}

/// `etc/debian_version` is configuration, whose checksum nothing lists: a version alone in it
/// is not the user's.
fn is_debian_version(root: &dyn Root, path: &Path) -> Result<bool> {
    if path != Path::new("etc/debian_version") {
        return Ok(false);
    }
    let text = root.read(path)?.unwrap_or_default();
    let text = text.trim_ascii();
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"./-".contains(b);
    Ok(!text.is_empty() && text.len() < 40 && text.iter().all(legal))
}
