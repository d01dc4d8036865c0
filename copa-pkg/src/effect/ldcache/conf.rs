//! `etc/ld.so.conf`: the directories that hold libraries, besides those that the loader knows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

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
        let hidden = |other: &[u8]| other.starts_with(b".") && !name.starts_with(b".");
        for other in self.root.list(dir) {
            if matches(name, other.as_bytes()) && !hidden(other.as_bytes()) {
                self.file(&dir.join(other), depth)?;
            }
        }
        Ok(())
    }
}

/// Whether the pattern, with `*` and `?` in it, matches the name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when a `*` takes one byte more.
    let (mut p, mut n, mut retry) = (0, 0, None);
    loop {
        match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((p, n + 1));
                p += 1;
            }
            (Some(a), Some(b)) if a == b || *a == b'?' => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((star, next)) if next <= name.len() => {
                    (p, n, retry) = (star + 1, next, Some((star, next + 1)));
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.conf", "libc.conf", true),
            ("*.conf", "libc.conf.dpkg-old", false),
            ("l?b*c*", "libc.conf", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

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
