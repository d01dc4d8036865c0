//! Paths inside an image: bytes, relative to the root, clean.

use std::cmp::Ordering;

/// A path that sorts as a tree is walked: what is in a directory follows it directly, because
/// `/` comes before every other byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key<'a>(pub(super) &'a [u8]);

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |byte: Option<&u8>| match byte {
            None => 0,
            Some(b'/') => 1,
            Some(&byte) => u16::from(byte) + 2,
        };
        let same = common(self.0, other.0);
        rank(self.0.get(same)).cmp(&rank(other.0.get(same)))
    }
}

/// How many bytes are the same from the start. Neighbours share most of their directories, so
/// whole blocks are compared first.
fn common(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK));
    let same = blocks.take_while(|(a, b)| a == b).count() * BLOCK;
    let rest = a.iter().skip(same).zip(b.iter().skip(same));
    same + rest.take_while(|(a, b)| a == b).count()
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Appends a path to a clean one: `.`, empty components and the leading `/` go, `..` goes up, but
/// not above the root. This is what runtimes do with the names in a layer.
pub(super) fn push_clean(path: &mut Vec<u8>, more: &[u8]) {
    for component in more.split(|&b| b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => path.truncate(parent(path).unwrap_or_default().len()),
            _ => push(path, component),
        }
    }
}

/// Appends one component.
pub(super) fn push(path: &mut Vec<u8>, component: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(component);
}

/// The directory of a clean path; `None` for the root.
pub(super) fn parent(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    let slash = path.iter().rposition(|&b| b == b'/').unwrap_or_default();
    path.get(..slash)
}

/// The last component of a clean path.
pub(super) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or_default()
}

/// Whether a path is below a directory. Nothing is below itself.
pub(super) fn is_below(path: &[u8], dir: &[u8]) -> bool {
    match path.strip_prefix(dir) {
        Some(rest) if dir.is_empty() => !rest.is_empty(),
        Some(rest) => rest.starts_with(b"/"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_inside_the_root() {
        for (name, clean) in [
            ("./", ""),
            ("./usr//lib/", "usr/lib"),
            ("/etc/passwd", "etc/passwd"),
            ("../../etc/x", "etc/x"),
            ("a/./b/../c", "a/c"),
            ("a/..", ""),
            ("...", "..."),
        ] {
            let mut path = Vec::new();
            push_clean(&mut path, name.as_bytes());
            assert_eq!(path, clean.as_bytes(), "{name}");
        }
    }

    #[test]
    fn a_tree_is_sorted_as_it_is_walked() {
        let mut paths = ["a-b", "a", "a/b/c", "a.d", "a/b", "", "a/b-c", "a\x01"];
        paths.sort_by_key(|path| Key(path.as_bytes()));
        assert_eq!(paths, ["", "a", "a/b", "a/b/c", "a/b-c", "a\x01", "a-b", "a.d"]);
        assert!(is_below(b"a/b", b"a") && is_below(b"a", b"") && !is_below(b"ab", b"a"));
        assert!(!is_below(b"a", b"a") && !is_below(b"", b""));
        assert_eq!(
            (parent(b"a/b"), parent(b"a"), parent(b"")),
            (Some(&b"a"[..]), Some(&b""[..]), None)
        );
    }
}
