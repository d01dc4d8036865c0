//! One line a path, as `tar -tv` and `ls -l` write them: to look at, and to compare.

use std::fmt;
use std::path::Path;

use crate::rootfs::index::LayerIndex;
use crate::rootfs::node::{Node, NodeKind};
use crate::rootfs::root::RootFs;

/// Writes `-rw-r--r-- 0/0 1234 usr/lib/x`, and ` -> target` after a link.
fn line(f: &mut fmt::Formatter<'_>, path: &Path, node: &Node<'_>) -> fmt::Result {
    let path = path.to_string_lossy();
    let path = if path.is_empty() { "." } else { &path };
    let (letter, detail) = match node.kind {
        NodeKind::Regular { size } => ('-', format!("{size} ")),
        NodeKind::Directory => ('d', String::new()),
        NodeKind::Symlink(_) => ('l', String::new()),
        NodeKind::Char { major, minor } => ('c', format!("{major},{minor} ")),
        NodeKind::Block { major, minor } => ('b', format!("{major},{minor} ")),
        NodeKind::Fifo => ('p', String::new()),
    };
    let (mode, uid, gid) = (permissions(node.mode), node.uid, node.gid);
    write!(f, "{letter}{mode} {uid}/{gid} {detail}{path}")?;
    if let NodeKind::Symlink(target) = node.kind {
        write!(f, " -> {}", target.display())?;
    }
    writeln!(f)
}

/// Permission bits as `ls -l` writes them.
fn permissions(mode: u32) -> String {
    let special = [(0o4000, 's', 'S'), (0o2000, 's', 'S'), (0o1000, 't', 'T')];
    let triple = |(class, (bit, with, without)): (u32, (u32, char, char))| {
        let bits = mode >> (6 - 3 * class);
        let execute = match (mode & bit != 0, bits & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        };
        [if bits & 4 != 0 { 'r' } else { '-' }, if bits & 2 != 0 { 'w' } else { '-' }, execute]
    };
    (0..).zip(special).flat_map(triple).collect()
}

/// The listing of all paths, then what is hidden: `whiteout PATH` and `opaque PATH`.
impl fmt::Display for LayerIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(path, node)| line(f, path, &node))?;
        self.whiteouts().try_for_each(|path| writeln!(f, "whiteout {}", path.display()))?;
        self.opaque_directories().try_for_each(|path| writeln!(f, "opaque {}", path.display()))
    }
}

/// The listing of all paths but the root.
impl fmt::Display for RootFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(path, node)| line(f, path, &node))
    }
}
