//! The merged file system against what other programs unpack: umoci, and podman's storage.
//!
//! Both make device nodes and owners, so they run as root. Without them the tests say so loudly.
#![allow(clippy::disallowed_methods, reason = "a test asks where the corpus is")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "this is a test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use copa_oci::{
    Blob, Compression, Descriptor, Digest, Entry, EntryKind, Family, Image, Keep, Layer,
    LayerIndex, LayerOptions, LayoutSource, Limits, Mtime, NodeKind, RootFs, Source, build_layer,
    index_layer, read_file,
};
use serde_json::{Value, json};

/// Whether the peers can run here; loud when not, and an error in CI.
fn peers(names: &[&str]) -> bool {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let root = fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    let all = root && names.iter().all(runs);
    assert!(
        all || std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "no {names:?}, or not root"
    );
    if !all {
        eprintln!("NOT TESTED: {names:?} are missing, or this is not root");
    }
    all
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

/// Writes an OCI layout with one image, tagged `it`, by hand.
fn write_layout(dir: &Path, layers: &[Layer]) {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| fs::write(blobs.join(Digest::sha256(bytes).hex()), bytes).unwrap();
    let put_json = |kind: &str, value: &Value| {
        let bytes = serde_json::to_vec(value).unwrap();
        put(&bytes);
        Descriptor::of(kind, &bytes)
    };
    layers.iter().for_each(|layer| put(&stored(layer)));
    let history: Vec<_> = layers.iter().map(|_| json!({"created_by": "test"})).collect();
    let diff_ids: Vec<_> = layers.iter().map(|l| &l.diff_id).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {}, "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = put_json("application/vnd.oci.image.config.v1+json", &config);
    let descriptors: Vec<_> = layers.iter().map(|l| &l.descriptor).collect();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": descriptors});
    let mut manifest = put_json(kind, &manifest);
    manifest.annotations.insert("org.opencontainers.image.ref.name".into(), "it".into());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn stored(layer: &Layer) -> Bytes {
    match &layer.blob {
        Blob::Bytes(bytes) => bytes.clone(),
        Blob::From(_) => unreachable!("layers of these tests are in memory"),
    }
}

/// One line a path: type, mode, owner, time, link or content, attributes.
type Facts = BTreeMap<PathBuf, String>;

fn expected(root: &RootFs) -> Facts {
    let one = |(path, node): (&Path, copa_oci::Node<'_>)| {
        let what = match node.kind {
            NodeKind::Regular { size } => format!("file {size} {}", hex::encode(node.md5.unwrap())),
            NodeKind::Directory => "dir".into(),
            NodeKind::Symlink(target) => format!("link {}", target.display()),
            NodeKind::Char { major, minor } => format!("char {major}:{minor}"),
            NodeKind::Block { major, minor } => format!("block {major}:{minor}"),
            _ => "fifo".into(),
        };
        // The mode of a link is nothing, and that of what no layer lists is the unpacker's choice.
        let mode = if matches!(node.kind, NodeKind::Symlink(_)) { 0o777 } else { node.mode };
        let mtime = if node.origin.is_some() { node.mtime } else { -1 };
        let links = root.names_of(path).len();
        (path.to_owned(), format!("{what} {mode:o} {}/{} {mtime} x{links}", node.uid, node.gid))
    };
    root.iter().map(one).collect()
}

/// The same of a directory on disk; `implied` are the directories whose time nobody said.
fn unpacked(top: &Path, dir: &Path, root: &RootFs, facts: &mut Facts) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, meta) = (entry.path(), entry.path().symlink_metadata().unwrap());
        let kind = meta.file_type();
        let (major, minor) = (meta.rdev() >> 8 & 0xfff, meta.rdev() & 0xff);
        let what = if kind.is_file() {
            use md5::Digest as _;
            format!(
                "file {} {}",
                meta.len(),
                hex::encode(md5::Md5::digest(fs::read(&path).unwrap()))
            )
        } else if kind.is_dir() {
            "dir".into()
        } else if kind.is_symlink() {
            format!("link {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_char_device() {
            format!("char {major}:{minor}")
        } else if kind.is_block_device() {
            format!("block {major}:{minor}")
        } else {
            "fifo".into()
        };
        let name = path.strip_prefix(top).unwrap().to_owned();
        let implied = root.at(&name).is_some_and(|node| node.origin.is_none());
        let mtime = if implied { -1 } else { meta.mtime() };
        let links = if kind.is_dir() { 1 } else { meta.nlink() };
        let mode = meta.mode() & 0o7777;
        facts.insert(
            name,
            format!("{what} {mode:o} {}/{} {mtime} x{links}", meta.uid(), meta.gid()),
        );
        if kind.is_dir() {
            unpacked(top, &path, root, facts);
        }
    }
}

async fn merged(source: &Arc<dyn Source>, image: &Image) -> RootFs {
    let mut indexes = Vec::new();
    for layer in image.layers() {
        let keep = Arc::new(|_: &Path| Keep::Md5);
        indexes.push(index_layer(source, layer, keep, &Limits::default()).await.unwrap());
    }
    RootFs::merge(indexes).unwrap()
}

/// Unpacks `DIR:TAG` with umoci, and compares path by path with what we read.
async fn compare(layout: &Path, tag: &str) -> RootFs {
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(layout).await.unwrap());
    let manifest = source.resolve(tag).await.unwrap();
    let image = Image::open(Arc::clone(&source), manifest).await.unwrap();
    let root = merged(&source, &image).await;
    let bundle = tempfile::tempdir().unwrap();
    let reference = format!("{}:{tag}", layout.display());
    run(Command::new("umoci").args(["unpack", "--image", &reference]).arg(bundle.path().join("b")));
    let top = bundle.path().join("b/rootfs");
    let mut facts = Facts::new();
    unpacked(&top, &top, &root, &mut facts);
    let ours = expected(&root);
    let all: std::collections::BTreeSet<_> = ours.keys().chain(facts.keys()).collect();
    let differ: Vec<_> = all.into_iter().filter(|p| ours.get(*p) != facts.get(*p)).collect();
    let show =
        |p: &&PathBuf| format!("{p:?}\n  ours  {:?}\n  umoci {:?}", ours.get(*p), facts.get(*p));
    assert!(differ.is_empty(), "{}", differ.iter().map(show).collect::<Vec<_>>().join("\n"));
    root
}

fn entry(path: &[u8], kind: EntryKind) -> Entry {
    let path = OsStr::from_bytes(path).into();
    Entry { path, kind, mode: 0o644, uid: 0, gid: 0, mtime: 1_000_000_000, xattrs: vec![] }
}

fn file(path: &str, text: &str) -> Entry {
    entry(path.as_bytes(), EntryKind::Regular(text.to_owned().into()))
}

fn dir(path: &str, mode: u32) -> Entry {
    Entry {
        mode,
        uid: 5,
        gid: 6,
        mtime: 900_000_000,
        ..entry(path.as_bytes(), EntryKind::Directory)
    }
}

fn link(path: &str, target: &str) -> Entry {
    entry(path.as_bytes(), EntryKind::Symlink(target.into()))
}

fn base() -> Vec<Entry> {
    let long = format!("long/{}/{}", "d".repeat(120), "f".repeat(200));
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    vec![
        dir("usr", 0o755),
        dir("usr/lib", 0o711),
        file("usr/lib/kept", "1"),
        file("usr/lib/gone", "1"),
        link("lib", "usr/lib"),
        dir("opaque", 0o1777),
        file("opaque/lower", "1"),
        dir("swap", 0o755),
        file("swap/x", "1"),
        file("other", "1"),
        file("group/a", "same"),
        entry(b"group/b", EntryKind::Hardlink("group/a".into())),
        entry(b"group/c", EntryKind::Hardlink("group/a".into())),
        entry(b"n\xff\xfe", EntryKind::Regular("bytes".into())),
        file("umlaut-\u{e4}", "1"),
        file(&long, "long"),
        link("far", &"t/".repeat(90)),
        Entry { mode: 0o4755, uid: 70_000, gid: 3_000_000, ..file("setuid", "1") },
        Entry { xattrs: vec![("security.capability".into(), capability)], ..file("ping", "1") },
    ]
}

fn changes() -> Vec<Entry> {
    vec![
        entry(b"usr/lib/gone", EntryKind::Whiteout),
        file("usr/lib/new", "2"),
        file("swap", "now a file"),
        dir("other", 0o700),
        file("other/x", "2"),
        file("group/a", "replaced"),
        entry(b"n\xff\xfe", EntryKind::Whiteout),
        entry(b"not/there", EntryKind::Whiteout),
        file("fresh/dir/x", "2"),
    ]
}

/// A layer with what `build_layer` never writes: devices, an opaque directory, `./` names.
fn foreign() -> Layer {
    let mut builder = tar::Builder::new(Vec::new());
    let mut put = |name: &str, kind: tar::EntryType, data: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o750 } else { 0o600 });
        header.set_mtime(800_000_000);
        header.set_size(data.len() as u64);
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
        builder.append_data(&mut header, name, data).unwrap();
    };
    put("./", tar::EntryType::Directory, b"");
    put("./opaque/", tar::EntryType::Directory, b"");
    put("./opaque/upper", tar::EntryType::Regular, b"3");
    put("./opaque/.wh..wh..opq", tar::EntryType::Regular, b"");
    put("./dev/", tar::EntryType::Directory, b"");
    put("./dev/null", tar::EntryType::Char, b"");
    put("./dev/disk", tar::EntryType::Block, b"");
    put("./dev/pipe", tar::EntryType::Fifo, b"");
    let bytes = Bytes::from(builder.into_inner().unwrap());
    let kind = "application/vnd.oci.image.layer.v1.tar";
    let descriptor = Descriptor::of(kind, &bytes);
    Layer { diff_id: descriptor.digest.clone(), descriptor, blob: Blob::Bytes(bytes) }
}

fn index(layer: &Layer) -> LayerIndex {
    let bytes = stored(layer);
    LayerIndex::scan(&bytes[..], Some(&layer.diff_id), &|_| Keep::Md5, &Limits::default()).unwrap()
}

/// Three layers: one of everything, one from elsewhere, and changes to both.
fn layers(compression: Compression) -> Vec<Layer> {
    let options = LayerOptions { family: Family::Oci, compression, mtime: Mtime::Keep };
    let lowest = build_layer(base(), &RootFs::default(), &options).unwrap();
    let middle = foreign();
    let root = RootFs::merge([index(&lowest), index(&middle)]).unwrap();
    let top = build_layer(changes(), &root, &options).unwrap();
    vec![lowest, middle, top]
}

#[tokio::test(flavor = "multi_thread")]
async fn umoci_unpacks_what_we_read_and_write() {
    if !peers(&["umoci"]) {
        return;
    }
    let layout = tempfile::tempdir().unwrap();
    write_layout(layout.path(), &layers(Compression::Gzip));
    let root = compare(layout.path(), "it").await;
    assert_eq!(root.lookup(Path::new("lib/new")).unwrap().mtime, 1_000_000_000);
    assert_eq!(root.names_of(Path::new("group/b")).len(), 2);
    assert_eq!(root.lookup(Path::new("ping")).unwrap().xattrs.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_not_kept_is_read_again() {
    let layout = tempfile::tempdir().unwrap();
    write_layout(layout.path(), &layers(Compression::Zstd));
    let source: Arc<dyn Source> = Arc::new(LayoutSource::open(layout.path()).await.unwrap());
    let image =
        Image::open(Arc::clone(&source), source.resolve("it").await.unwrap()).await.unwrap();
    let root = merged(&source, &image).await;
    let node = root.lookup(Path::new("group/b")).unwrap();
    let origin = node.origin.unwrap();
    assert!(node.content.is_none() && origin.path == Path::new("group/a"));
    let layer = &image.layers()[origin.layer];
    let found = read_file(&source, layer, origin.path, 100).await.unwrap();
    assert_eq!(found.unwrap(), "same");
    assert!(read_file(&source, layer, origin.path, 3).await.is_err());
    assert!(read_file(&source, layer, Path::new("usr"), 3).await.unwrap().is_none());
}

/// Damage anywhere in a stored layer is reported as damage, not as a bad archive.
#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_layer_is_told_from_a_broken_one() {
    for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
        let layout = tempfile::tempdir().unwrap();
        let all = layers(compression);
        write_layout(layout.path(), &all);
        let path = layout.path().join("blobs/sha256").join(all[0].descriptor.digest.hex());
        let good = fs::read(&path).unwrap();
        let source: Arc<dyn Source> = Arc::new(LayoutSource::open(layout.path()).await.unwrap());
        for at in [1, good.len() / 2, good.len() - 3] {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            fs::write(&path, &bad).unwrap();
            let keep = Arc::new(|_: &Path| Keep::Nothing);
            let layer = Layer { blob: Blob::From(Arc::clone(&source)), ..all[0].clone() };
            let error = index_layer(&source, &layer, keep, &Limits::default()).await.unwrap_err();
            assert_eq!(error.kind(), copa_oci::Kind::Trust, "{compression:?} {at}: {error}");
            assert!(error.to_string().contains(all[0].descriptor.digest.hex()), "{error}");
        }
    }
}

/// podman's storage unpacks each layer on its own, and refuses a path twice.
#[test]
fn podmans_storage_takes_the_layers() {
    if !peers(&["skopeo"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let layout = scratch.path().join("layout");
    write_layout(&layout, &layers(Compression::Gzip));
    let store = scratch.path().display();
    let target = format!("containers-storage:[vfs@{store}/root+{store}/run]localhost/copa:it");
    let from = format!("oci:{}:it", layout.display());
    run(Command::new("skopeo").args(["--insecure-policy", "copy", "-q", &from, &target]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_image_is_read_as_umoci_unpacks_it() {
    let Some(corpus) = std::env::var_os("COPA_CORPUS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "COPA_CORPUS is not set");
        eprintln!("NOT TESTED: COPA_CORPUS is not set, no real image was read");
        return;
    };
    if !peers(&["umoci", "skopeo"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let archive = scratch.path().join("alpine.tar");
    let packed =
        fs::File::open(corpus.join("aquasecurity+trivy/images/alpine-310.tar.gz")).unwrap();
    let mut unpacked = flate2::read::MultiGzDecoder::new(packed);
    std::io::copy(&mut unpacked, &mut fs::File::create(&archive).unwrap()).unwrap();
    let layout = scratch.path().join("layout");
    let (from, to) =
        (format!("docker-archive:{}", archive.display()), format!("oci:{}:it", layout.display()));
    run(Command::new("skopeo").args(["--insecure-policy", "copy", "-q", &from, &to]));
    assert!(compare(&layout, "it").await.len() > 400);
}
