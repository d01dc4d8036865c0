//! What a format wants kept of a layer while it is streamed past, as data.

use std::path::Path;

use crate::port::Interest;

/// What a format wants kept of a layer. Wherever a link can stand for a directory, both names are
/// listed: a layer is streamed before its links are known.
#[derive(Debug)]
pub(crate) struct Interests {
    /// Files, and directories with all below them, whose content is kept.
    pub(crate) content: &'static [&'static str],
    /// Files right in one of the directories whose content is kept: directories, and names.
    pub(crate) files: (&'static [&'static str], &'static [&'static str]),
    /// Directories of which the checksum of each file is kept.
    pub(crate) checksums: &'static [&'static str],
}

impl Interests {
    /// What is wanted of the file at this path.
    pub(crate) fn of(&self, path: &Path) -> Interest {
        let inside = |dirs: &[&str]| dirs.iter().any(|dir| path.starts_with(dir));
        if inside(self.content) || self.is_file(path) {
            Interest::Content
        } else if inside(self.checksums) {
            Interest::Checksum
        } else {
            Interest::Existence
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        let (directories, names) = self.files;
        let in_directory = directories.iter().any(|dir| path.parent() == Some(Path::new(dir)));
        in_directory && names.iter().any(|name| path.file_name() == Some(name.as_ref()))
    }
}
