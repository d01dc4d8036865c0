use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::oci::{Access, Keeper, Location};

/// The image of the quick start, indexed with this much kept of each file.
async fn root(keep: Arc<Keeper>) -> Arc<ImageRoot> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/quickstart/image.tar");
    let location: Location = format!("oci-archive:{file}").parse().unwrap();
    let source = location.source(&Access::anonymous().unwrap()).await.unwrap();
    let top = source.resolve(location.name()).await.unwrap();
    let image = Image::open(source, top).await.unwrap();
    let mut indexes = Vec::new();
    for layer in image.layers() {
        let limits = Limits::default();
        let keep = Arc::clone(&keep);
        indexes.push(oci::index_layer(image.source(), layer, keep, &limits).await.unwrap());
    }
    Arc::new(ImageRoot::new(Arc::new(RootFs::merge(indexes).unwrap()), image, Handle::current()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_is_read_again() {
    let kept = root(Arc::new(keep)).await;
    let lost = root(Arc::new(|_: &Path| Keep::Nothing)).await;
    let compare = move || {
        for path in ["etc/os-release", "usr/lib/os-release", "var/lib/dpkg/status.d/libssl3"] {
            let path = Path::new(path);
            assert!(kept.file(path).unwrap().1.content.is_some());
            assert!(lost.file(path).unwrap().1.content.is_none());
            let content = lost.read(path).unwrap();
            assert!(content.as_ref().is_some_and(|content| !content.is_empty()));
            assert_eq!(content, kept.read(path).unwrap());
            assert_eq!(lost.read(path).unwrap(), content);
            assert_eq!(lost.md5(path).unwrap(), kept.md5(path).unwrap());
        }
        let library = Path::new("usr/lib/x86_64-linux-gnu/libssl.so.3");
        let sum = kept.file(library).unwrap().1.md5;
        assert!(sum.is_some());
        assert_eq!(lost.md5(library).unwrap(), sum);
        assert_eq!(kept.read(library).unwrap(), lost.read(library).unwrap());
        let nothing = Path::new("etc/no-such-file");
        assert_eq!((lost.read(nothing).unwrap(), lost.md5(nothing).unwrap()), (None, None));
        assert_eq!(lost.read(Path::new("etc")).unwrap(), None);
    };
    tokio::task::spawn_blocking(compare).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_is_a_file_system() {
    let root = root(Arc::new(keep)).await;
    let dir = root.stat(Path::new("var/lib/dpkg")).unwrap();
    assert_eq!((dir.kind, dir.mode), (FileKind::Directory, 0o755));
    let link = root.stat(Path::new("etc/os-release")).unwrap();
    assert!(matches!(link.kind, FileKind::Symlink(_)), "{link:?}");
    let real = root.real_path(Path::new("etc/os-release")).unwrap();
    assert_eq!(real, Path::new("usr/lib/os-release"));
    let names = root.list(Path::new("var/lib/dpkg/status.d"));
    assert!(names.is_sorted() && names.iter().any(|name| name == "libssl3"), "{names:?}");
    assert!(root.stat(Path::new("none")).is_none());
    assert!(root.list(Path::new("none")).is_empty());
}

#[test]
fn platforms_have_the_distribution_s_names() {
    for (platform, expected) in [
        ("linux/amd64", Some("amd64")),
        ("linux/arm64/v8", Some("arm64")),
        ("linux/arm/v7", Some("armhf")),
        ("linux/arm/v5", Some("armel")),
        ("linux/arm/v6", None),
        ("linux/arm", None),
        ("linux/386", Some("i386")),
        ("linux/ppc64le", Some("ppc64el")),
        ("linux/s390x", Some("s390x")),
        ("linux/riscv64", Some("riscv64")),
        ("windows/wasm", None),
    ] {
        let found = arch(&platform.parse().unwrap());
        assert_eq!(found.map(Arch::as_str), expected, "{platform}");
    }
}

#[test]
fn changes_become_entries() {
    let mut changes = ChangeSet::new();
    let file = |content| File { content, mode: 0o4755, uid: 1, gid: 2, mtime: 3, xattrs: vec![] };
    changes.write("a", file(Content::Regular("x".into())));
    changes.write("b", file(Content::Hardlink("a".into())));
    changes.write("c", file(Content::Symlink("/a".into())));
    changes.write("d", file(Content::Directory));
    changes.remove("e");
    let entries = entries(changes).unwrap();
    let kinds: Vec<EntryKind> = entries.iter().map(|entry| entry.kind.clone()).collect();
    let expected = [
        EntryKind::Regular("x".into()),
        EntryKind::Hardlink("a".into()),
        EntryKind::Symlink("/a".into()),
        EntryKind::Directory,
        EntryKind::Whiteout,
    ];
    assert_eq!(kinds, expected);
    let first = &entries[0];
    assert_eq!((first.mode, first.uid, first.gid, first.mtime), (0o4755, 1, 2, 3));
}
