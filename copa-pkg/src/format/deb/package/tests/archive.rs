use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use proptest::prelude::*;

use super::*;

/// A package tree in a temporary directory, built by the real dpkg-deb.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.file("DEBIAN/control", CONTROL, 0o644);
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.0.path().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn file(&self, path: &str, content: &str, mode: u32) {
        fs::write(self.path(path), content).unwrap();
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The file name and the bytes of the package.
    fn build(&self, options: &[&str]) -> (PathBuf, Vec<u8>) {
        let deb = self.0.path().join("p.deb");
        let root = self.0.path().join("root");
        let mut command = Command::new("dpkg-deb");
        command.args(options).args(["--root-owner-group", "-b"]).args([&root, &deb]);
        let out = command.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let bytes = fs::read(&deb).unwrap();
        (deb, bytes)
    }
}

#[test]
fn what_packages_unpack_to_is_bounded_in_sum() {
    let (_, bytes) = sample().build(&["-Zgzip"]);
    let archive = Archive::open("p", &bytes).unwrap();
    let mut budget = Budget::of(1 << 20);
    archive.walk(&mut budget, |_| Ok(())).unwrap();
    assert_eq!(budget.limit(u64::MAX), (1 << 20) - 4 - 10 - 4 - 5);
    let error = archive.walk(&mut Budget::of(1000), |_| Ok(())).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

const CONTROL: &str =
    "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n";

fn sample() -> Tree {
    let tree = Tree::new();
    tree.file("DEBIAN/md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/p\n", 0o644);
    tree.file("DEBIAN/conffiles", "/etc/p.conf\nremove-on-upgrade /etc/old.conf\n", 0o644);
    tree.file("DEBIAN/triggers", "activate-noawait ldconfig\n", 0o644);
    tree.file("DEBIAN/postinst", "#!/bin/sh\ntrue\n", 0o755);
    tree.file("etc/p.conf", "a=1\n", 0o644);
    tree.file("usr/bin/p", "#!/bin/sh\n", 0o4755);
    tree.file(&format!("usr/share/{}/n", "long-name-".repeat(14)), "long", 0o644);
    tree.file("usr/share/h\u{e9}t\u{e9}", "utf-8", 0o600);
    symlink("../bin/p", tree.path("usr/lib/q")).unwrap();
    fs::hard_link(tree.path("usr/bin/p"), tree.path("usr/bin/z")).unwrap();
    tree
}

fn entries(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    Archive::open("p", bytes)?.walk(&mut Budget::installation(), |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

/// A package with this `data.tar`, uncompressed.
fn with_data(data: &[u8]) -> Vec<u8> {
    let control = tar_of(&[("./control", tar::EntryType::Regular, "", b"Package: p\n")]);
    let mut out = b"!<arch>\n".to_vec();
    let members = [("debian-binary", &b"2.0\n"[..]), ("control.tar", &control), ("data.tar", data)];
    for (name, data) in members {
        out.extend(
            format!("{name:<16}0           0     0     100644  {:<10}`\n", data.len()).bytes(),
        );
        out.extend(data);
        out.extend((data.len() % 2 == 1).then_some(b'\n'));
    }
    out
}

/// A tar with names written as they are: the tar crate refuses to write hostile ones.
fn tar_of(entries: &[(&str, tar::EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, target, data) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        builder.append(&header, *data).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn what_is_repacked_is_the_same() {
    for (option, slow) in [("-Zxz", true), ("-Zgzip", false), ("-Zzstd", false), ("-Znone", false)]
    {
        let (_, bytes) = sample().build(&[option]);
        let archive = Archive::open("p", &bytes).unwrap();
        let repacked = archive.repack().unwrap();
        assert_eq!(repacked.is_some(), slow, "{option}");
        let mut found = Vec::new();
        let archive = archive.with_repacked(repacked.as_deref());
        let all = archive.walk(&mut Budget::installation(), |entry| {
            found.push(entry);
            Ok(())
        });
        all.unwrap();
        assert_eq!(found, entries(&bytes).unwrap(), "{option}");
    }
}

#[test]
fn what_cannot_be_unpacked_is_not_repacked_and_what_is_damaged_is_an_error() {
    let (_, mut bytes) = sample().build(&["-Zxz"]);
    let whole = bytes.clone();
    let archive = Archive::open("p", &whole).unwrap();
    let mut repacked = archive.repack().unwrap().unwrap();
    repacked.truncate(repacked.len() - 5);
    let error = archive
        .with_repacked(Some(&repacked))
        .walk(&mut Budget::installation(), |_| Ok(()))
        .unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    let end = bytes.len() - 40;
    bytes[end] ^= 1;
    assert!(Archive::open("p", &bytes).unwrap().repack().is_err());
}

#[test]
fn control_members_are_read() {
    let (_, bytes) = sample().build(&[]);
    let control = Archive::open("p", &bytes).unwrap().control;
    assert_eq!(control.control.bytes, CONTROL);
    assert!(control.control.mtime > 0);
    assert_eq!(control.md5sums.unwrap().bytes, "d41d8cd98f00b204e9800998ecf8427e  usr/bin/p\n");
    assert_eq!(control.conffiles, [Path::new("etc/p.conf"), Path::new("etc/old.conf")]);
    assert_eq!(control.triggers, ["activate-noawait ldconfig"]);
    assert_eq!(control.scripts["postinst"], "#!/bin/sh\ntrue\n");
}

#[test]
fn entries_have_their_kind_mode_and_owner() {
    let (_, bytes) = sample().build(&[]);
    let all = entries(&bytes).unwrap();
    let find = |path: &str| all.iter().find(|e| e.path == Path::new(path)).unwrap();
    assert_eq!(find("usr").kind, EntryKind::Directory);
    assert_eq!((find("usr/bin/p").mode, find("usr/bin/p").uid), (0o4755, 0));
    assert_eq!(find("usr/lib/q").kind, EntryKind::Symlink("../bin/p".into()));
    assert_eq!(find("usr/bin/z").kind, EntryKind::Hardlink("usr/bin/p".into()));
    assert_eq!(find("usr/share/h\u{e9}t\u{e9}").kind, EntryKind::Regular("utf-8".into()));
    let long = format!("usr/share/{}/n", "long-name-".repeat(14));
    assert_eq!(find(&long).kind, EntryKind::Regular("long".into()));
}

#[test]
fn every_compression_that_dpkg_writes_is_read_and_dpkg_sees_the_same_paths() {
    let tree = sample();
    let mut kinds = BTreeSet::new();
    for kind in ["gzip", "xz", "zstd", "none"] {
        let (deb, bytes) = tree.build(&["-Z", kind]);
        let all = entries(&bytes).unwrap();
        let out = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).output().unwrap();
        let mut theirs = tar::Archive::new(&out.stdout[..]);
        let theirs: Vec<_> =
            theirs.entries().unwrap().map(|e| clean(&e.unwrap().path_bytes()).unwrap()).collect();
        let ours: Vec<_> = all.iter().map(|e| e.path.clone()).collect();
        assert_eq!(ours, theirs[1..], "{kind}");
        kinds.insert(ar::members("p", &bytes).unwrap()[2].name.to_owned());
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

#[test]
fn hostile_names_are_refused() {
    let regular = tar::EntryType::Regular;
    let cases = [
        ("/etc/passwd", regular, ""),
        ("./../etc/passwd", regular, ""),
        ("usr/../../etc/passwd", regular, ""),
        ("usr/x", tar::EntryType::Link, "../../etc/passwd"),
        ("usr/x", tar::EntryType::Link, "/etc/passwd"),
        ("usr/x", tar::EntryType::Symlink, ""),
    ];
    for (name, kind, target) in cases {
        let bytes = with_data(&tar_of(&[(name, kind, target, b"")]));
        let error = entries(&bytes).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{name}: {error}");
    }
    let fine = with_data(&tar_of(&[("./usr/./x", regular, "", b"1")]));
    assert_eq!(entries(&fine).unwrap()[0].path, Path::new("usr/x"));
}

#[test]
fn a_bomb_is_refused() {
    let mut tar = tar_of(&[("./zero", tar::EntryType::Regular, "", &vec![0; 100 << 20])]);
    tar.truncate(101 << 20);
    let bytes = with_data(&zstd::encode_all(&tar[..], 3).unwrap());
    assert!(bytes.len() < 64 << 10, "{} bytes", bytes.len());
    assert!(matches!(entries(&bytes).unwrap_err(), Error::TooLarge { .. }));
}

#[test]
fn what_is_no_package_is_refused() {
    let good = with_data(&tar_of(&[("./x", tar::EntryType::Regular, "", b"1")]));
    assert!(entries(&good).is_ok());
    let text = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    for bad in [
        text("2.0\n", "3.0\n"),
        text("control.tar", "control.rar"),
        text("data.tar", "data.rar"),
        text("./control", "./xontrol"),
        good[..good.len() - 1200].to_vec(),
    ] {
        assert!(entries(&bad).is_err());
    }
}

/// Against dpkg-deb, on real packages from the machine's own sources.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
fn real_packages_unpack_as_dpkg_unpacks_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut apt = Command::new("apt-get");
    apt.args(["-q", "download", "libc6", "tzdata", "passwd"]).current_dir(&dir);
    if !apt.output().is_ok_and(|out| out.status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "apt-get download failed");
        eprintln!("SKIPPED: apt-get download failed, no real package was read");
        return;
    }
    for deb in fs::read_dir(&dir).unwrap().map(|deb| deb.unwrap().path()) {
        let out = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(&deb).output().unwrap();
        let mut theirs = tar::Archive::new(&out.stdout[..]);
        let theirs: Vec<_> = theirs
            .entries()
            .unwrap()
            .map(|entry| read_entry(&mut entry.unwrap()).unwrap())
            .filter(|entry| !entry.path.as_os_str().is_empty())
            .collect();
        let bytes = fs::read(&deb).unwrap();
        assert!(theirs.len() > 20 && entries(&bytes).unwrap() == theirs, "{}", deb.display());
        let out = Command::new("dpkg-deb").arg("-I").arg(&deb).arg("control").output().unwrap();
        assert_eq!(Archive::open("p", &bytes).unwrap().control.control.bytes, out.stdout);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index) {
        let tar = tar_of(&[("./x", tar::EntryType::Regular, "", b"1"), ("y", tar::EntryType::Symlink, "x", b"")]);
        for data in [tar.clone(), zstd::encode_all(&tar[..], 1).unwrap()] {
            let mut bytes = with_data(&data);
            for (at, byte) in &edits {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = entries(&bytes);
            let _ = entries(&bytes[..cut.index(bytes.len())]);
        }
    }
}
