//! Our reading of real packages against that of rpm.

use super::*;
use crate::fixture::root::corpus;
use crate::format::rpm::oracle;
use crate::format::rpm::package::header::tests::header;
use crate::format::rpm::package::header::{Type, Value};
use md5::Md5;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::process::Command;

/// All package files of the corpus: one that has lost some cannot pass.
pub(crate) fn packages(corpus: &Path) -> Vec<PathBuf> {
    let mut open = vec![corpus.to_owned()];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rpm" || e == "rpm-v3") {
                found.push(path);
            }
        }
    }
    assert!(found.len() >= 43, "the corpus has {} packages only", found.len());
    found.sort();
    found
}

fn open(path: &Path) -> Result<Archive> {
    Archive::open("x", &std::fs::read(path).unwrap().into())
}

/// Everything that we read of a file.
const QUERY: &str = "[%{FILENAMES}|%{LONGFILESIZES}|%{FILEMTIMES}|%{FILEDIGESTS}|%{FILEMODES}|\
    %{FILEUSERNAME}|%{FILEGROUPNAME}|%{FILEFLAGS}|%{FILECOLORS}|%{FILECAPS}|%{FILELINKTOS}\n]";

/// The answer to [`QUERY`], of what we read.
fn described(file: &File) -> String {
    let (kind, link) = match &file.kind {
        Kind::Regular => (REGULAR, Path::new("")),
        Kind::Directory => (DIRECTORY, Path::new("")),
        Kind::Symlink(target) => (SYMLINK, &**target),
        Kind::Special => (0, Path::new("")),
    };
    format!(
        "/{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
        file.path.display(),
        file.size,
        file.mtime,
        file.digest,
        kind | file.mode,
        file.user,
        file.group,
        file.flags.0,
        file.color,
        file.capability.as_deref().map(hex::encode).unwrap_or_default(),
        link.display()
    )
}

/// rpm's answer, with capabilities as the kernel has them, and without the kind of a device: no
/// layer has one.
fn answered(line: &str) -> String {
    let mut fields: Vec<String> = line.split('|').map(Into::into).collect();
    let mode: u32 = fields[4].parse().unwrap();
    if ![REGULAR, DIRECTORY, SYMLINK].contains(&(mode & TYPE)) {
        fields[4] = (mode & !TYPE).to_string();
    }
    let caps = fields[9].replace("(none)", "");
    fields[9] = if caps.is_empty() { caps } else { hex::encode(caps::encode(&caps).unwrap()) };
    fields.join("|")
}

/// Whether the package is of rpm 3, which the real one still reads; rpm 6 does not install it.
fn is_old(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rpm-v3")
}

#[test]
fn files_are_what_rpm_says_of_real_packages() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm") {
        return;
    }
    for path in packages(&corpus) {
        let options = ["-qp", "--nosignature", "--nodigest", "--qf", QUERY, path.to_str().unwrap()];
        let theirs = oracle::run("rpm", &options);
        let ours = open(&path);
        if is_old(&path) {
            assert!(ours.unwrap_err().to_string().contains("rpm 3 made it"), "{path:?}");
            continue;
        }
        let ours: Vec<String> = ours.unwrap().files.iter().map(described).collect();
        let theirs = theirs.lines().filter(|line| !line.starts_with("(none)|")).map(answered);
        assert_eq!(ours, theirs.collect::<Vec<_>>(), "{path:?}");
    }
}

/// What the real rpm unpacks: the content of files, `-> target` of links, `/` for directories.
/// `None` when it cannot.
fn unpacked(path: &Path) -> Option<BTreeMap<PathBuf, Vec<u8>>> {
    let source = std::fs::File::open(path).unwrap();
    let out = Command::new("rpm2archive").args(["-n", "-"]).stdin(source).output().unwrap();
    if !out.status.success() {
        return None;
    }
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(&out.stdout[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let link = entry.link_name().unwrap().map(|link| link.into_owned());
        let content = match entry.header().entry_type() {
            tar::EntryType::Directory => b"/".to_vec(),
            tar::EntryType::Symlink => as_link(&link.unwrap()),
            tar::EntryType::Link => found.get(&*clean(&link.unwrap()).unwrap()).cloned().unwrap(),
            _ => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                content
            }
        };
        found.insert(clean(&entry.path().unwrap()).unwrap(), content);
    }
    Some(found)
}

fn as_link(target: &Path) -> Vec<u8> {
    [b"-> ", target.as_os_str().as_bytes()].concat()
}

#[test]
fn payloads_are_what_rpm_unpacks() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm2archive") {
        return;
    }
    for path in packages(&corpus).into_iter().filter(|path| !is_old(path)) {
        let archive = open(&path).unwrap();
        let (ours, theirs) = (archive.contents(&mut Budget::installation()), unpacked(&path));
        assert_eq!(ours.is_ok(), theirs.is_some(), "{path:?}: {ours:?}");
        assert_eq!(ours.is_err(), path.to_str().unwrap().contains("corrupted"), "{path:?}");
        let (Ok(contents), Some(theirs)) = (ours, theirs) else { continue };
        let files = archive.files.iter().enumerate().filter(|(_, file)| !file.flags.is_ghost());
        let ours = files.map(|(i, file)| {
            let content = match &file.kind {
                Kind::Directory => b"/".to_vec(),
                Kind::Symlink(target) => as_link(target),
                _ => contents[&i].to_vec(),
            };
            (file.path.clone(), content)
        });
        assert_eq!(ours.collect::<BTreeMap<_, _>>(), theirs, "{path:?}");
    }
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
    let path = changed.path().to_str().unwrap();
    let theirs = oracle::run("rpm", &["-qp", "--nosignature", "--nodigest", "-l", path]);
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
        let Ok(contents) = archive.contents(&mut Budget::installation()) else {
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
    archive.contents(&mut Budget::installation()).unwrap();
    let first = *archive.linked().first().unwrap();
    archive.files[first].size += 1;
    let error = archive.contents(&mut Budget::installation()).unwrap_err().to_string();
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
                    let _ = archive.contents(&mut Budget::installation());
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_packages_unpack_to_is_bounded_in_sum() {
    let Some(bytes) = sample() else { return };
    let archive = Archive::open("x", &bytes.into()).unwrap();
    let (mut whole, mut half) = (Budget::of(1 << 20), Budget::of(1));
    let contents = archive.contents(&mut whole).unwrap();
    assert!(contents.values().any(|content| !content.is_empty()));
    assert!(whole.limit(u64::MAX) < 1 << 20);
    assert!(matches!(archive.contents(&mut half), Err(Error::TooLarge { .. })));
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
    for tag in FILE_TAGS {
        let header = header(&[array(tag, "", FILES_MAX + 1)], Vec::new());
        assert!(matches!(files("x", &header), Err(Error::TooLarge { .. })), "{tag:?}");
    }
}
