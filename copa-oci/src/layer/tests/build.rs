use std::process::Command;

use super::*;
use crate::compress::compression::Compression;
use crate::error::Result;
use crate::layer::entry::{Entry, EntryKind, LayerOptions, Mtime};
use crate::rootfs::fixture::{scan, stack};
use crate::rootfs::index::LayerIndex;
use crate::rootfs::keep::Keep;
use crate::rootfs::limits::Limits;
use crate::spec::media_type::Family;

const OPTIONS: LayerOptions =
    LayerOptions { family: Family::Oci, compression: Compression::None, mtime: Mtime::Keep };

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry { path: path.into(), kind, mode: 0o640, uid: 1, gid: 2, mtime: 3, xattrs: vec![] }
}

fn file(path: &str) -> Entry {
    entry(path, EntryKind::Regular("new".into()))
}

fn gone(path: &str) -> Entry {
    entry(path, EntryKind::Whiteout)
}

fn link(path: &str, target: &str) -> Entry {
    entry(path, EntryKind::Hardlink(target.into()))
}

fn dir(path: &str) -> Entry {
    entry(path, EntryKind::Directory)
}

fn stored(layer: &Layer) -> Bytes {
    match &layer.blob {
        Blob::Bytes(bytes) => bytes.clone(),
        Blob::From(_) => unreachable!(),
    }
}

/// The names in the tar, in their order; or the error.
fn names(root: &RootFs, entries: Vec<Entry>) -> Result<String, String> {
    let layer = build_layer(entries, root, &OPTIONS).map_err(|e| e.to_string())?;
    let bytes = stored(&layer);
    let mut archive = ::tar::Archive::new(&bytes[..]);
    let name = |e: ::tar::Entry<'_, _>| String::from_utf8_lossy(&e.path_bytes()).into_owned();
    let names: Vec<_> = archive.entries().unwrap().map(|e| name(e.unwrap())).collect();
    Ok(names.join(" "))
}

#[test]
fn a_layer_is_sorted_and_complete() {
    let root =
        stack(&["d usr\nd usr/lib\nf usr/lib/a=1\nf usr/lib/z=1\nd dir\nf dir/x=1\nf etc/x=1"]);
    for (entries, expected) in [
        (
            vec![file("usr/lib/b"), gone("usr/lib/z"), gone("usr/lib/a")],
            "usr/ usr/lib/ usr/lib/.wh.a usr/lib/.wh.z usr/lib/b",
        ),
        (vec![file("/usr/lib/z"), file("./usr/b")], "usr/ usr/b usr/lib/ usr/lib/z"),
        (vec![gone("nothing/here"), gone("usr/lib/q")], ""),
        (vec![gone("dir"), gone("dir/x")], ".wh.dir"),
        (vec![file("dir"), gone("dir/x")], "dir"),
        (vec![dir("etc/x"), file("etc/x/y")], "etc/ etc/x/ etc/x/y"),
        (vec![link("a", "b"), file("b"), link("a/../c", "b")][..2].to_vec(), "b a"),
        (vec![link("a", "c"), link("c", "z"), file("z"), file("q/z")], "q/ q/z z a c"),
        (vec![dir("/")], "./"),
        (vec![dir("usr")], "usr/"),
    ] {
        assert_eq!(names(&root, entries.clone()).as_deref(), Ok(expected), "{entries:?}");
    }
}

#[test]
fn what_readers_would_misread_is_refused() {
    let root = stack(&["d usr/lib\nl lib>usr/lib\nf file=1\nf usr/lib/x=1"]);
    for (entries, reason) in [
        (vec![file("a"), file("./a")], "twice"),
        (vec![file("../a")], "`..`"),
        (vec![file("lib/x")], "parent lib is a link"),
        (vec![gone("lib/x")], "parent lib is a link"),
        (vec![file("file/x")], "parent file is a file"),
        (vec![gone("usr"), file("usr/x")], "becomes something else"),
        (vec![file("usr/.wh.x")], "whiteout"),
        (vec![link("a", "usr/lib/x")], "hard link"),
        (vec![link("a", "b"), link("b", "a")], "hard link"),
        (vec![file("/")], "root"),
        (vec![file("a\0b")], "zero byte"),
    ] {
        let error = names(&root, entries).unwrap_err();
        assert!(error.contains(reason), "{error}: {reason}");
    }
    let replaced = vec![dir("lib"), file("lib/y")];
    assert_eq!(names(&root, replaced).as_deref(), Ok("lib/ lib/y"));
}

/// An entry for everything that ustar has no room for.
fn odd_entries() -> Vec<Entry> {
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(99));
    let longer = format!("{}/{}", "e".repeat(200), "g".repeat(200));
    let capability =
        ("security.capability".to_owned(), b"\x01\0\0\x02\n=\n\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec());
    vec![
        file(&long),
        file(&longer),
        file("h\u{e9}.txt"),
        Entry { path: OsStr::from_bytes(b"n\xff").into(), ..file("") },
        Entry { xattrs: vec![capability, ("user.x".into(), b"y".to_vec())], ..file("cap") },
        Entry { uid: 3_000_000, gid: 4_000_000_000, mtime: -5, ..file("big") },
        Entry { mtime: 1 << 40, mode: 0o4755, ..file("late") },
        entry("sym", EntryKind::Symlink(longer.clone().into())),
        link("hard", &longer),
    ]
}

#[test]
fn what_is_written_is_read_again() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let options = LayerOptions { compression, ..OPTIONS };
        let layer = build_layer(odd_entries(), &RootFs::default(), &options).unwrap();
        let index = LayerIndex::scan(
            &stored(&layer)[..],
            Some(&layer.diff_id),
            &|_| Keep::Content,
            &Limits::default(),
        )
        .unwrap();
        let root = RootFs::merge([index]).unwrap();
        for entry in odd_entries() {
            let node = root.at(&entry.path).unwrap();
            match &entry.kind {
                EntryKind::Hardlink(_) => assert_eq!(root.names_of(&entry.path).len(), 2),
                EntryKind::Symlink(target) => assert_eq!(node.kind, NodeKind::Symlink(target)),
                _ => assert_eq!(node.content.unwrap(), "new"),
            }
            let found = (node.mode, node.uid, node.gid, node.mtime, node.xattrs);
            assert_eq!(found, (entry.mode, entry.uid, entry.gid, entry.mtime, &entry.xattrs[..]));
        }
    }
}

/// GNU tar and the `tar` crate read the same names as we wrote.
#[test]
fn gnu_tar_reads_it() {
    let layer = build_layer(odd_entries(), &RootFs::default(), &OPTIONS).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("layer.tar");
    std::fs::write(&path, stored(&layer)).unwrap();
    let output =
        Command::new("tar").arg("tf").arg(&path).arg("--quoting-style=literal").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.split(|&b| b == b'\n').filter(|l| !l.is_empty()).count(), 11);
    for name in [&b"n\xff"[..], "h\u{e9}.txt".as_bytes(), "g".repeat(200).as_bytes()] {
        assert!(output.stdout.windows(name.len()).any(|w| w == name), "{name:?}");
    }
}

/// A change of compression library or level changes layers: this test then says so.
#[test]
fn a_fixed_layer_has_a_fixed_digest() {
    let text: String = (0..20_000).map(|n| format!("{} {n}\n", n * n % 97)).collect();
    let entries =
        || vec![entry("usr/share/doc/x", EntryKind::Regular(text.clone().into())), gone("y")];
    let root = stack(&["f y=1"]);
    let mut digests = Vec::new();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let options = LayerOptions { compression, ..OPTIONS };
        let layer = build_layer(entries(), &root, &options).unwrap();
        digests.push(format!(
            "{} {}",
            layer.descriptor.media_type,
            &layer.descriptor.digest.hex()[..16]
        ));
    }
    let expected = [
        "application/vnd.oci.image.layer.v1.tar 9fd09dba50e960eb",
        "application/vnd.oci.image.layer.v1.tar+gzip f226a92b6ec90259",
        "application/vnd.oci.image.layer.v1.tar+zstd d1e496d265b3ac9d",
    ];
    assert_eq!(digests, expected);
}

#[test]
fn parents_keep_what_they_have() {
    let mut lower = odd_entries();
    let xattrs = vec![("user.a".to_owned(), b"b".to_vec())];
    lower.push(Entry {
        mode: 0o1777,
        uid: 9,
        gid: 8,
        mtime: 7,
        xattrs: xattrs.clone(),
        ..dir("opt")
    });
    let lower = build_layer(lower, &RootFs::default(), &OPTIONS).unwrap();
    let lower = scan(&stored(&lower)).unwrap();
    let root = RootFs::merge([lower]).unwrap();
    let options = LayerOptions { mtime: Mtime::Set(1), ..OPTIONS };
    let layer = build_layer([file("opt/x")], &root, &options).unwrap();
    let index = scan(&stored(&layer)).unwrap();
    let found: Vec<_> =
        index.iter().map(|(p, n)| (p.to_owned(), n.mode, n.uid, n.gid, n.mtime)).collect();
    assert_eq!(found, [("opt".into(), 0o1777, 9, 8, 7), ("opt/x".into(), 0o640, 1, 2, 1)]);
    assert_eq!(index.iter().next().unwrap().1.xattrs, xattrs);
}

#[test]
fn zstd_is_for_oci_manifests() {
    let options =
        LayerOptions { family: Family::Docker, compression: Compression::Zstd, ..OPTIONS };
    assert!(matches!(
        build_layer([], &RootFs::default(), &options),
        Err(Error::Unsupported { .. })
    ));
    let options =
        LayerOptions { family: Family::Docker, compression: Compression::Gzip, ..OPTIONS };
    let layer = build_layer([], &RootFs::default(), &options).unwrap();
    assert_eq!(
        layer.descriptor.media_type.as_str(),
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    );
}
