//! `etc/ld.so.conf`: the directories that hold libraries, besides those that the loader knows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::effect::glob::Glob;
use crate::error::Result;
use crate::port::Root;

const CONF: &str = "etc/ld.so.conf";
/// Longer files, more of them, and deeper inclusion are left out.
const BYTES_MAX: usize = 1 << 16;
const FILES_MAX: u32 = 256;
const DEPTH_MAX: u32 = 8;
const DIRECTORIES_MAX: usize = 1024;

/// The directories that the configuration names, in its order.
pub(super) fn directories(root: &dyn Root) -> Result<Vec<PathBuf>> {
    let mut reader = Reader { root, directories: Vec::new(), files: FILES_MAX };
    reader.file(Path::new(CONF), DEPTH_MAX)?;
    Ok(reader.directories)
}

struct Reader<'a> {
    root: &'a dyn Root,
    directories: Vec<PathBuf>,
    files: u32,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, depth: u32) -> Result<()> {
        let Some((files, depth)) = self.files.checked_sub(1).zip(depth.checked_sub(1)) else {
            return Ok(());
        };
        let Some(content) = self.root.read(path)? else { return Ok(()) };
        self.files = files;
        for line in content.get(..BYTES_MAX).unwrap_or(&content).split(|b| *b == b'\n') {
            self.line(path, line, depth)?;
        }
        Ok(())
    }

    fn line(&mut self, file: &Path, line: &[u8], depth: u32) -> Result<()> {
        let line = line.split(|b| *b == b'#').next().unwrap_or_default().trim_ascii();
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        match line.strip_prefix(b"include").filter(|rest| rest.first().is_some_and(blank)) {
            Some(patterns) => {
                for pattern in patterns.split(blank).filter(|pattern| !pattern.is_empty()) {
                    let dir = file.parent().unwrap_or(Path::new(""));
                    self.include(&dir.join(OsStr::from_bytes(pattern)), depth)?;
                }
            }
            None if line.starts_with(b"/") && self.directories.len() < DIRECTORIES_MAX => {
                self.directories.push(OsStr::from_bytes(line).into());
            }
            None => {}
        }
        Ok(())
    }

    /// Reads the files that the pattern matches. Only its last component may be one.
    fn include(&mut self, pattern: &Path, depth: u32) -> Result<()> {
        let Some((dir, name)) = pattern.parent().zip(pattern.file_name()) else { return Ok(()) };
        let name = name.as_bytes();
        // Sets of characters are left out.
        let Some(glob) = Glob::parse(name) else { return Ok(()) };
        let hidden = |other: &[u8]| other.starts_with(b".") && !name.starts_with(b".");
        for other in self.root.list(dir) {
            if Glob::matches(&glob, other.as_bytes()) && !hidden(other.as_bytes()) {
                self.file(&dir.join(other), depth)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;

    #[test]
    fn directories_come_in_the_order_of_the_files() {
        let root = MemoryRoot::of(&[
            ("etc/ld.so.conf", "# x\n /opt/a/lib/ # mine\ninclude ld.so.conf.d/*.conf\t/x.conf\n"),
            ("etc/ld.so.conf.d/b.conf", "/b\ninclude b.conf"),
            ("etc/ld.so.conf.d/a.conf", "/a\nrelative\nhwcap 1 x\nincluded"),
            ("etc/ld.so.conf.d/.c.conf", "/hidden"),
            ("etc/ld.so.conf.d/c.conf~", "/old"),
            ("x.conf", "/x"),
        ]);
        let mut found = directories(&root).unwrap();
        found.dedup();
        assert_eq!(found, ["/opt/a/lib/", "/a", "/b", "/x"].map(PathBuf::from));
    }
}
