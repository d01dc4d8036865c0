//! Our reading of real packages against that of rpm.

use super::*;
use crate::memory_root::corpus;
use crate::rpm::header::tests::header;
use crate::rpm::header::{Type, Value};
use crate::rpm::oracle;
use md5::Md5;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::process::Command;

/// All package files of the corpus.
pub(crate) fn packages(corpus: &Path) -> Vec<PathBuf> {
    let mut open =
        vec![corpus.join("rpm-software-management+rpm/RPMS"), corpus.join("rpm-rs+rpm/RPMS")];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().contains(".rpm") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn open(path: &Path) -> Result<Archive> {
    Archive::open("x", &std::fs::read(path).unwrap().into())
}

fn rpm(arguments: &[&str], path: &Path) -> Option<String> {
    let output = Command::new("rpm").args(arguments).arg(path).output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `rpm -qp --dump`, of what we read.
fn dump(archive: &Archive) -> String {
    let line = |file: &File| {
        let kind = match &file.kind {
            Kind::Regular => REGULAR,
            Kind::Directory => DIRECTORY,
            Kind::Symlink(_) => SYMLINK,
            Kind::Special => 0,
        };
        let digest = match file.digest.is_empty() {
            true => "0".repeat(64),
            false => file.digest.clone(),
        };
        let link = match &file.kind {
            Kind::Symlink(target) => target.display().to_string(),
            _ => "X".into(),
        };
        format!(
            "/{} {} {} {digest} 0{:o} {} {} {} {} 0 {link}\n",
            file.path.display(),
            file.size,
            file.mtime,
            kind | file.mode,
            file.user,
            file.group,
            u32::from(file.flags.is_config()),
            u32::from(file.flags.is_doc()),
        )
    };
    archive.files.iter().map(line).collect()
}

#[test]
fn files_are_what_rpm_says_of_real_packages() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm") {
        return;
    }
    let mut compared = 0;
    for path in packages(&corpus) {
        let Some(theirs) = rpm(&["-qp", "--nosignature", "--nodigest", "--dump"], &path) else {
            continue;
        };
        let ours = match open(&path) {
            Err(e) if e.to_string().contains("rpm 3 made it") => continue,
            ours => ours.unwrap(),
        };
        // What a device is numbered is not kept: no layer has one.
        let special: Vec<String> = ours
            .files
            .iter()
            .filter(|file| file.kind == Kind::Special)
            .map(|file| format!("/{} ", file.path.display()))
            .collect();
        let plain = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| *line != "(contains no files)");
            let lines = lines.filter(|line| !special.iter().any(|path| line.starts_with(path)));
            // Digests that are none are zeros, as many as the algorithm of the package has.
            lines.map(|line| line.replace(&"0".repeat(64), &"0".repeat(32))).collect()
        };
        assert_eq!(plain(&dump(&ours)), plain(&theirs), "{path:?}");
        compared += 1;
    }
    assert!(compared >= 30, "only {compared} packages were compared");
}

/// A package whose address became a second list of files, named as rpm 3 did.
#[test]
fn of_two_lists_of_files_the_one_that_rpm_believes_counts() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm") {
        return;
    }
    let mut bytes =
        std::fs::read(corpus.join("rpm-rs+rpm/RPMS/v4/rpm-basic-2.3.4-5.el9.noarch.rpm")).unwrap();
    let start_of = |tag: u32, kind: u32| [tag.to_be_bytes(), kind.to_be_bytes()].concat();
    let at = bytes.windows(8).position(|window| window == start_of(1020, 6)).unwrap();
    bytes[at..at + 8].copy_from_slice(&start_of(Tag::OLDFILENAMES.0, 8));
    let changed = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(changed.path(), &bytes).unwrap();
    let theirs = rpm(&["-qp", "--nosignature", "--nodigest", "-l"], changed.path()).unwrap();
    let ours = open(changed.path()).unwrap().files;
    let ours: String = ours.iter().map(|file| format!("/{}\n", file.path.display())).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn contents_are_what_the_digests_say() {
    let Some(corpus) = corpus() else { return };
    let (mut checked, mut archives) = (0, 0);
    for path in packages(&corpus) {
        let Ok(archive) = open(&path) else { continue };
        let Ok(contents) = archive.contents() else {
            assert!(path.to_str().unwrap().contains("corrupted"), "{path:?}");
            continue;
        };
        archives += 1;
        for (number, data) in contents {
            let file = &archive.files[number];
            let found = match file.digest.len() {
                32 => hex::encode(Md5::digest(&data)),
                _ => hex::encode(Sha256::digest(&data)),
            };
            assert_eq!((found, data.len() as u64), (file.digest.clone(), file.size), "{path:?}");
            checked += 1;
        }
    }
    assert!(checked > 100 && archives > 30, "{checked} files of {archives} packages");
}

#[test]
fn hard_links_capabilities_and_ghosts_are_known() {
    let Some(corpus) = corpus() else { return };
    let rpms = corpus.join("rpm-software-management+rpm/RPMS");
    let links = open(&rpms.join("hlinktest-1.0-1.noarch.rpm")).unwrap();
    assert!(links.files.iter().enumerate().any(|(i, file)| file.first != i));
    let caps = open(&rpms.join("capstest-1.0-1.noarch.rpm")).unwrap();
    assert!(caps.files.iter().any(|file| file.capability.is_some()));
    let special = corpus.join("rpm-rs+rpm/RPMS/v6/rpm-file-attrs-1.0-1.noarch.rpm");
    let files = open(&special).unwrap().files;
    for is in [Flags::is_ghost, Flags::is_config, Flags::is_no_replace, Flags::is_doc] {
        assert!(files.iter().any(|file| is(file.flags)));
    }
}

#[test]
fn hard_links_of_different_sizes_are_refused() {
    let Some(bytes) = sample() else { return };
    let mut archive = Archive::open("x", &bytes.into()).unwrap();
    archive.contents().unwrap();
    let first = *archive.linked().first().unwrap();
    archive.files[first].size += 1;
    let error = archive.contents().unwrap_err().to_string();
    assert!(error.contains("differ in size"), "{error}");
}

#[test]
fn paths_below_the_root_only() {
    for (path, clean_path) in [
        ("a/b", Some("a/b")),
        ("./a", Some("a")),
        ("/a", Some("a")),
        ("a//b/", Some("a/b")),
        ("", Some("")),
        ("../a", None),
        ("a/../b", None),
    ] {
        assert_eq!(clean(Path::new(path)), clean_path.map(Into::into), "{path}");
    }
}

fn sample() -> Option<Vec<u8>> {
    let path = "rpm-software-management+rpm/RPMS/hlinktest-1.0-1.noarch.rpm";
    Some(std::fs::read(corpus()?.join(path)).unwrap())
}

#[test]
fn a_damaged_package_never_panics() {
    let Some(bytes) = sample() else { return };
    let mut runner = proptest::test_runner::TestRunner::default();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    runner
        .run(&(edits, any::<prop::sample::Index>()), |(edits, cut)| {
            let mut bytes = bytes.clone();
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            for bytes in [bytes[..cut.index(bytes.len())].to_vec(), bytes] {
                if let Ok(archive) = Archive::open("x", &bytes.into()) {
                    let _ = archive.contents();
                }
            }
            Ok(())
        })
        .unwrap();
}

/// Few bytes of a header would make gigabytes of paths: refused before they do.
#[test]
fn too_many_files_are_refused_before_their_paths_are_made() {
    let array = |tag, text: &str, count: usize| {
        let (data, count) = (format!("{text}\0").repeat(count).into_bytes(), count as u32);
        Value { tag, kind: Type::StringArray, count, data }
    };
    let long = format!("/{}", "d/".repeat(2000));
    for (directory, count, limit) in
        [("/", FILES_MAX + 1, "500000 files"), (&*long, 100_000, "134217728 bytes of paths")]
    {
        let values = [
            Value::int32(Tag::DIRINDEXES, &vec![0; count]),
            array(Tag::BASENAMES, "x", count),
            array(Tag::DIRNAMES, directory, 1),
        ];
        let header = header(&values, Vec::new());
        match files("x", &header) {
            Err(Error::TooLarge { limit: found, .. }) => assert_eq!(found, limit),
            other => panic!("{:?}", other.map(|files| files.len())),
        }
    }
}
