use super::*;
use crate::error::Kind;
use crate::rootfs::fixture::{stack, tar};
use crate::rootfs::keep::Keep;
use crate::rootfs::limits::Limits;
use crate::spec::digest::Digest;

/// Paths and what is there, in one line: `a/ a/b=text c>target`.
fn sketch(root: &RootFs) -> String {
    let one = |(path, node): (&Path, Node<'_>)| match node.kind {
        NodeKind::Regular { .. } => {
            let text = node.content.map_or("?".into(), |c| String::from_utf8_lossy(c).into_owned());
            format!("{}={text}", path.display())
        }
        NodeKind::Directory if node.origin.is_none() => format!("{}/?", path.display()),
        NodeKind::Directory => format!("{}/", path.display()),
        NodeKind::Symlink(target) => format!("{}>{}", path.display(), target.display()),
        _ => format!("{}!", path.display()),
    };
    root.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn layers_hide_what_is_below_them() {
    for (layers, merged) in [
        // An opaque directory hides lower layers only, wherever its marker stands.
        (vec!["d a\nf a/x=1", "d a\nf a/y=2\nf a/.wh..wh..opq="], "a/ a/y=2"),
        (vec!["d a\nf a/x=1", "f a/.wh..wh..opq=\nf a/y=2"], "a/ a/y=2"),
        (vec!["d a\nf a/x=1", "f a/x=2\nf a/.wh.x="], "a/ a/x=2"),
        (vec!["f a/b/c=1\nf a/bc=2", "f a/.wh.b="], "a/? a/bc=2"),
        (vec!["f .x=1\nd d", "f .wh.d="], ".x=1"),
        (vec!["f a=1", "f .wh..wh..opq=\nf b=2"], "b=2"),
        // A whiteout of nothing, and what AUFS leaves behind.
        (vec!["f a=1", "f .wh.b=\nf .wh..wh.aufs=\nd .wh..wh.plnk"], "a=1"),
        // Replacement: a directory over a directory keeps what is in it.
        (vec!["d a\nf a/x=1", "d a"], "a/ a/x=1"),
        (vec!["d a\nf a/x=1", "f a=2"], "a=2"),
        (vec!["d a\nf a/x=1", "l a>b"], "a>b"),
        (vec!["f a=2", "d a\nf a/x=1"], "a/ a/x=1"),
        (vec!["l a>b\nd b\nf b/x=1", "d a"], "a/ b/ b/x=1"),
        // A link of a lower layer is no parent: an implied directory replaces it.
        (vec!["l a>b\nd b", "f a/x=1"], "a/? a/x=1 b/"),
        // A link of the same layer is.
        (vec!["d b\nl a>b\nf a/x=1"], "a>b b/ b/x=1"),
        (vec!["d u/b\nl u/a>b\nl c>/u/a\nf c/x=1"], "c>/u/a u/? u/a>b u/b/ u/b/x=1"),
    ] {
        assert_eq!(sketch(&stack(&layers)), merged, "{layers:?}");
    }
}

#[test]
fn the_later_of_two_entries_counts() {
    for (layer, merged) in [
        ("f a=1\nf a=2", "a=2"),
        ("f a=1\nf a/b=2", "a/? a/b=2"),
        ("f a/b=2\nf a=1", "a=1"),
        ("d a\nf a/x=1\nf a=2\nd a\nf a/y=3", "a/ a/y=3"),
        ("d a\nf a/x=1\nd a", "a/ a/x=1"),
        ("f a/b/c=1\nf a=2\nf a/d=3", "a/? a/d=3"),
        (
            "f stargz.index.json=1\nf .no.prefetch.landmark=1\nf d/.prefetch.landmark=2",
            "d/? d/.prefetch.landmark=2",
        ),
        ("f /abs=1\nf ../up=2\nf ./x//y=3", "abs=1 up=2 x/? x/y=3"),
    ] {
        assert_eq!(sketch(&stack(&[layer])), merged, "{layer:?}");
    }
}

#[test]
fn hard_links_are_what_they_name() {
    for (layers, merged) in [
        (vec!["f a=1\nh b>a"], "a=1 b=1"),
        (vec!["h b>a\nf a=1"], "a=1 b=1"),
        (vec!["h c>b\nh b>./a\nf a=1"], "a=1 b=1 c=1"),
        (vec!["h a>b\nh b>a\nf c=1"], "c=1"),
        (vec!["d a\nh b>a\nh c>gone"], "a/"),
        (vec!["f a=1\nh b>a", "f a=2"], "a=2 b=1"),
        (vec!["f a=1", "h b>a"], "a=1 b=1"),
        (vec!["f a=1\nl l>a\nh m>l"], "a=1 l>a m>a"),
    ] {
        assert_eq!(sketch(&stack(&layers)), merged, "{layers:?}");
    }
    let root = stack(&["f a=1\nh b>a\nh d/c>b\nf e=1", "f b=2", "h x>e"]);
    let names = |path: &str| {
        let names = root.names_of(Path::new(path));
        names.iter().map(|p| p.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((names("a"), names("b"), names("e")), ("a d/c".into(), "b".into(), "e x".into()));
    assert_eq!(root.lookup(Path::new("d/c")).unwrap().origin.unwrap().path, Path::new("a"));
}

#[test]
fn paths_are_followed_inside_the_root() {
    let root = stack(&["d usr/lib\nl lib>usr/lib\nf usr/lib/x=1\nl usr/lib/y>x\nl up>../../etc
        d etc\nf etc/p=1\nl abs>/usr/../etc/./p\nl loop>loop\nl gone>nowhere\nl dots>lib/.."]);
    for (path, real) in [
        ("lib/x", Some("usr/lib/x")),
        ("/lib/y", Some("usr/lib/x")),
        ("up/p", Some("etc/p")),
        ("abs", Some("etc/p")),
        ("lib/../../etc", Some("etc")),
        ("dots", Some("usr")),
        ("/", Some("")),
        ("lib/x/..", None),
        ("loop", None),
        ("gone", None),
        ("etc/p/q", None),
    ] {
        let found = root.real_path(Path::new(path));
        assert_eq!(found.as_deref(), real.map(Path::new), "{path}");
    }
    let symlink = root.lookup(Path::new("lib/y")).unwrap();
    assert_eq!(symlink.kind, NodeKind::Symlink(Path::new("x")));
    assert!(root.at(Path::new("lib/x")).is_none() && root.at(Path::new("/usr/lib/x")).is_some());
    let list: Vec<_> = root.list(Path::new("lib")).collect();
    assert_eq!(list, ["x", "y"]);
    assert_eq!(root.list(Path::new("")).count(), 8);
    let below: Vec<_> = root.below(Path::new("usr")).map(|(p, _)| p.to_owned()).collect();
    assert_eq!(below, ["usr/lib", "usr/lib/x", "usr/lib/y"].map(PathBuf::from));
    assert_eq!(root.below(Path::new("etc/p")).count(), 0);
}

#[test]
fn the_digest_covers_what_follows_the_end_marker() {
    let mut bytes = tar("f a=1");
    bytes.extend(vec![0; 9000]);
    bytes.extend(b"trailing");
    let digest = Digest::sha256(&bytes);
    let scan = |bytes: &[u8], digest: &Digest| {
        LayerIndex::scan(bytes, Some(digest), &|_| Keep::Md5, &Limits::default())
    };
    assert_eq!(scan(&bytes, &digest).unwrap().diff_id(), &digest);
    bytes.push(b'!');
    let error = scan(&bytes, &digest).unwrap_err();
    assert_eq!(error.kind(), Kind::Trust, "{error}");
}
