use std::collections::BTreeMap;

use super::*;
use crate::fixture::root::MemoryRoot;
use proptest::prelude::*;

fn control(name: &str, version: &str) -> String {
    format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\nDescription: x\n")
}

fn open(files: &[(&str, &str)]) -> StatusD {
    StatusD::open(&MemoryRoot::of(files)).unwrap().unwrap()
}

fn names(db: &StatusD) -> Vec<&str> {
    db.installed().iter().map(|package| package.name.as_str()).collect()
}

const SUM: &str = "bbc1b562224116da2e6634bc33b7d200";

#[test]
fn files_are_told_by_content_whatever_they_are_called() {
    let [base, ssl, tz] = ["base-files", "libssl1.1", "tzdata"].map(|name| control(name, "1"));
    let sums = format!("{SUM}  usr/lib/a\n");
    let db = open(&[
        ("var/lib/dpkg/status.d/base", &base),
        ("var/lib/dpkg/status.d/base.md5sums", &sums),
        ("var/lib/dpkg/status.d/bGlic3NsMS4x", &ssl),
        ("var/lib/dpkg/status.d/dHpkYXRh_w==", &tz),
        ("var/lib/dpkg/status.d/dHpkYXRh_w==.md5sums", ""),
    ]);
    assert_eq!(names(&db), ["base-files", "libssl1.1", "tzdata"]);
    let entry = db.entries_of("base-files", "amd64").next().unwrap();
    assert_eq!(entry.file, Path::new("var/lib/dpkg/status.d/base"));
    assert_eq!(entry.md5sums.as_deref(), Some(Path::new("var/lib/dpkg/status.d/base.md5sums")));
    assert_eq!(entry.files.keys().collect::<Vec<_>>(), [Path::new("usr/lib/a")]);
    let [base, ssl, tz] = db.installed() else { panic!("three") };
    assert_eq!(db.files(base).map(BTreeMap::len), Some(1));
    assert!(db.files(ssl).is_none(), "no md5sums: unknown");
    assert_eq!(db.files(tz).map(BTreeMap::len), Some(0));
}

#[test]
fn what_is_no_package_is_left_alone_and_said_when_it_claims_to_be_one() {
    let good = control("a", "1");
    let two = format!("{good}\n{}", control("b", "1"));
    let db = open(&[
        ("var/lib/dpkg/status.d/a", &good),
        ("var/lib/dpkg/status.d/a.preinst", "#!/bin/sh\n"),
        ("var/lib/dpkg/status.d/below/b", &control("below", "1")),
        ("var/lib/dpkg/status.d/empty", ""),
        ("var/lib/dpkg/status.d/orphan.md5sums", SUM),
        ("var/lib/dpkg/status.d/no-version", "Package: c\nArchitecture: all\n"),
        ("var/lib/dpkg/status.d/path", &control("../c", "1")),
        ("var/lib/dpkg/status.d/two", &two),
        (
            "var/lib/dpkg/status.d/gone",
            &format!("{}Status: deinstall ok config-files\n", control("d", "1")),
        ),
    ]);
    assert_eq!(names(&db), ["a"]);
    let warned: Vec<&str> =
        db.warnings().iter().filter_map(|w| w.text.split([' ', '/']).nth(4)).collect();
    assert_eq!(warned, ["gone", "no-version", "path", "two"], "{:?}", db.warnings());
}

#[test]
fn two_files_for_one_package_are_both_kept_and_the_lower_version_counts() {
    let (old, new) = (control("base-files", "12.4"), control("base-files", "12.5"));
    for (first, second) in [(&old, &new), (&new, &old)] {
        let db = open(&[
            ("var/lib/dpkg/status.d/base", first),
            ("var/lib/dpkg/status.d/base-files", second),
        ]);
        assert_eq!(db.installed().len(), 1);
        assert_eq!(db.installed()[0].version.to_string(), "12.4");
        assert_eq!(db.entries_of("base-files", "amd64").count(), 2);
    }
}

#[test]
fn status_is_optional_and_may_hold() {
    for (status, held) in [
        ("", false),
        ("Status: install ok installed\n", false),
        ("Status: hold ok installed\n", true),
    ] {
        let db = open(&[("var/lib/dpkg/status.d/a", &format!("{}{status}", control("a", "1")))]);
        assert_eq!(db.installed()[0].held, held, "{status}");
    }
}

#[test]
fn the_directory_may_be_behind_a_link() {
    let mut root = MemoryRoot::of(&[("usr/lib/dpkg/status.d/a", &control("a", "1"))]);
    root.link("var/lib/dpkg", "../../usr/lib/dpkg");
    let db = StatusD::open(&root).unwrap().unwrap();
    assert_eq!(db.entries[0].file, Path::new("usr/lib/dpkg/status.d/a"));
}

#[test]
fn a_full_database_is_refused_unless_it_is_empty() {
    let a = control("a", "1");
    let both = MemoryRoot::of(&[("var/lib/dpkg/status.d/a", &a), ("var/lib/dpkg/status", &a)]);
    let error = StatusD::open(&both).unwrap_err().to_string();
    assert!(error.contains("two package databases"), "{error}");
    open(&[("var/lib/dpkg/status.d/a", &a), ("var/lib/dpkg/status", "\n")]);
    for files in [&[("var/lib/dpkg/status", &*a)][..], &[("var/lib/dpkg/status.d/empty", "")], &[]]
    {
        assert!(StatusD::open(&MemoryRoot::of(files)).unwrap().is_none());
    }
}

#[test]
fn text_that_is_not_utf8_is_read() {
    let mut root = MemoryRoot::default();
    let bytes = b"Package: a\nVersion: 1\nArchitecture: all\nMaintainer: J\xf6rg\n";
    root.file("var/lib/dpkg/status.d/a", bytes);
    let db = StatusD::open(&root).unwrap().unwrap();
    assert_eq!(names(&db), ["a"]);
}

#[test]
fn paths_of_checksums_cannot_leave_the_root() {
    let text: String = ["a/b", "./c", "d//e", "../f", "/g", "h/../../i", "", ".", "with blank  s"]
        .iter()
        .map(|path| format!("{SUM}  {path}\n"))
        .collect();
    let (files, refused) = parse_md5sums(text.as_bytes());
    let paths: Vec<_> = files.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(paths, ["a/b", "c", "d/e", "with blank  s"]);
    assert_eq!(refused, 5);
    let (files, refused) = parse_md5sums(b"xyz\n0123\nbbc1b562224116da2e6634bc33b7d20g  a\n");
    assert_eq!((files.len(), refused), (0, 3));
}

#[test]
fn more_files_than_anybody_has_are_refused() {
    let mut root = MemoryRoot::default();
    for i in 0..=FILES {
        root.file(format!("var/lib/dpkg/status.d/{i}"), b"");
    }
    assert!(matches!(StatusD::open(&root), Err(Error::TooLarge { .. })));
}

#[test]
fn a_file_is_read_once_whatever_links_lead_to_it() {
    let mut root = MemoryRoot::of(&[
        ("var/lib/dpkg/status.d/b", &control("a", "1")),
        ("var/lib/dpkg/status.d/b.md5sums", &format!("{SUM}  usr/lib/a\n")),
        ("elsewhere", &control("c", "1")),
        ("var/lib/dpkg/status.d/d.md5sums", &format!("{SUM}  usr/lib/c\n")),
    ]);
    root.link("var/lib/dpkg/status.d/a", "b");
    (0..9).for_each(|i| root.link(format!("var/lib/dpkg/status.d/d{i}"), "/elsewhere"));
    root.link("var/lib/dpkg/status.d/d", "/elsewhere");
    let db = StatusD::open(&root).unwrap().unwrap();
    let files: Vec<_> =
        db.entries.iter().map(|e| (e.file.to_str().unwrap(), e.files.len())).collect();
    assert_eq!(files, [("elsewhere", 1), ("var/lib/dpkg/status.d/b", 1)]);
    assert_eq!(db.dir, Path::new("var/lib/dpkg/status.d"));
}

#[test]
fn the_directory_as_a_whole_is_bounded() {
    let needs = format!("{}Depends: x | y, z\n", control("a", "1"));
    let mut root = MemoryRoot::of(&[("sums", &format!("{SUM}  a\n"))]);
    for i in 0..3 {
        root.file(format!("var/lib/dpkg/status.d/{i}"), needs.as_bytes());
        root.link(format!("var/lib/dpkg/status.d/{i}.md5sums"), "/sums");
    }
    let exact = Left { control: 3 * needs.len() as u64, sums: 3 * 36, lines: 3, relations: 9 };
    assert_eq!(StatusD::open_within(&root, exact).unwrap().unwrap().entries.len(), 3);
    for less in [
        Left { control: exact.control - 1, ..exact },
        Left { sums: exact.sums - 1, ..exact },
        Left { lines: 2, ..exact },
        Left { relations: 8, ..exact },
    ] {
        let error = StatusD::open_within(&root, less).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{less:?}: {error}");
    }
}

#[test]
fn paths_that_no_package_can_have_are_not_listed() {
    let (deep, long) = ("a/".repeat(DEPTH_MAX), "a".repeat(PATH_MAX));
    for (path, fits) in
        [(format!("{deep}a"), false), (deep, true), (format!("{long}a"), false), (long, true)]
    {
        let (files, refused) = parse_md5sums(format!("{SUM}  {path}\n").as_bytes());
        assert_eq!((files.len() == 1, refused == 0), (fits, fits));
    }
}

#[test]
fn real_databases_are_read() {
    let Some(corpus) = crate::fixture::root::corpus() else { return };
    let root = MemoryRoot::copy(&corpus.join("derived/distroless-debian12"));
    let db = StatusD::open(&root).unwrap().unwrap();
    assert!(db.warnings().is_empty(), "{:?}", db.warnings());
    let expected =
        ["base-files", "ca-certificates", "libc6", "libssl3", "media-types", "netbase", "tzdata"];
    assert_eq!(names(&db), expected);
    assert!(db.installed().iter().all(|package| !db.files(package).unwrap().is_empty()));
    let libc6 = db.installed().iter().find(|package| package.name == "libc6").unwrap();
    assert_eq!(libc6.source, "glibc");
    assert_eq!(libc6.relations.requires.len(), 1);

    let root = MemoryRoot::copy(&corpus.join("anchore+syft/debian/testdata/image-distroless-deb"));
    let db = StatusD::open(&root).unwrap().unwrap();
    assert_eq!(names(&db), ["libsqlite3-0"], "its preinst is no package");
    assert_eq!(db.installed()[0].arch, "arm64");

    let root = MemoryRoot::copy(&corpus.join("anchore+syft/debian/testdata"));
    let db = StatusD::open(&root).unwrap().unwrap();
    assert!(names(&db).contains(&"apt"));
    assert!(db.warnings().iter().any(|w| w.text.contains("/multiple ")), "{:?}", db.warnings());
}

proptest! {
    #[test]
    fn no_content_makes_it_panic(control in proptest::collection::vec(any::<u8>(), 0..80), sums in "[0-9a-f]{30,33} {0,3}[./a\\n]{0,9}") {
        let mut root = MemoryRoot::default();
        root.file("var/lib/dpkg/status.d/a", &control);
        root.file("var/lib/dpkg/status.d/a.md5sums", sums.as_bytes());
        let _ = StatusD::open(&root);
        let mut package = b"Package: a\nVersion: 1\nArchitecture: all\n".to_vec();
        package.extend(&control);
        root.file("var/lib/dpkg/status.d/a", &package);
        if let Ok(Some(db)) = StatusD::open(&root) {
            prop_assert!(db.entries[0].files.keys().all(|path| path.is_relative()));
        }
    }
}
