//! What scripts ask of files, answered by the image.

use std::path::Path;

use crate::port::{FileKind, Root, Stat};

/// Where commands are.
const BIN: [&str; 6] = ["bin", "sbin", "usr/bin", "usr/local/bin", "usr/local/sbin", "usr/sbin"];
/// What is in these is there only while a system runs.
const RUNNING: [&str; 7] = ["dev", "proc", "run", "sys", "tmp", "var/lock", "var/run"];
/// Permission to run.
const EXECUTABLE: u32 = 0o111;

/// How a test of a file comes out: `-e PATH`.
pub(super) fn test(files: &dyn Root, operator: &str, path: &str) -> Option<bool> {
    let path = Path::new(path.strip_prefix('/')?);
    let itself = match operator {
        "-L" | "-h" => true,
        "-e" | "-f" | "-d" | "-x" | "-s" => false,
        _ => return None,
    };
    if RUNNING.iter().any(|dir| path.starts_with(dir)) {
        return None;
    }
    let stat = if itself { files.stat(path) } else { followed(files, path) };
    let Some(stat) = stat else { return Some(false) };
    Some(match (operator, &stat.kind) {
        ("-L" | "-h", kind) => matches!(kind, FileKind::Symlink(_)),
        ("-f", kind) => matches!(kind, FileKind::Regular(_)),
        ("-d", kind) => *kind == FileKind::Directory,
        ("-x", _) => stat.mode & EXECUTABLE != 0,
        ("-s", kind) => *kind != FileKind::Regular(0),
        _ => true,
    })
}

/// Whether there is a command of this name.
pub(super) fn has_command(files: &dyn Root, name: &str) -> Option<bool> {
    let is_name = !name.is_empty() && !name.contains('/') && !name.starts_with('-');
    let there = |dir: &str| {
        let stat = followed(files, &Path::new(dir).join(name));
        stat.is_some_and(|stat| stat.kind != FileKind::Directory)
    };
    is_name.then(|| BIN.iter().any(|dir| there(dir)))
}

fn followed(files: &dyn Root, path: &Path) -> Option<Stat> {
    files.stat(&files.real_path(path)?)
}
