use proptest::prelude::*;

use super::*;
use crate::fixture::root::MemoryRoot;
use crate::format::rpm::package::header::tests::header;
use crate::format::rpm::package::header::{Type, Value};

const TOOLKIT: &str = "zlib\t1.3-1.azl3\t1700000001\t1690000000\tMicrosoft\t(none)\t200\tx86_64\t0\tzlib-1.3-1.azl3.src.rpm
gpg-pubkey\t3135ce90-5e6fda74\t1\t2\t(none)\t(none)\t0\t(none)\t0\t(none)
ca-certs\t3.0-1.azl3\t1700000001\t1690000000\tMicrosoft\t(none)\t5\tnoarch\t1\tca-certs-3.0-1.azl3.src.rpm
openssl-libs\t3.3-1.azl3\t1700000001\t1690000000\tMicrosoft\t(none)\t900\tx86_64\t0\topenssl-3.3-1.azl3.src.rpm
";
const NAMES_DASHED: &str = "zlib-1.3-1.azl3.x86_64
gpg-pubkey-3135ce90-5e6fda74
ca-certs-3.0-1.azl3.noarch
openssl-libs-3.3-1.azl3.x86_64
";

fn package(name: &str, evr: (u32, &str, &str), arch: &str) -> Header {
    let source = format!("{name}-{}-{}.src.rpm", evr.1, evr.2);
    let mut values = vec![
        Value::string(Tag::NAME, name),
        Value::string(Tag::VERSION, evr.1),
        Value::string(Tag::RELEASE, evr.2),
        Value::int32(Tag::BUILDTIME, &[7]),
        Value::int32(Tag::SIZE, &[1234]),
        Value { kind: Type::String, ..Value::string(Tag::VENDOR, "A\tvendor") },
        Value::string(Tag::ARCH, arch),
        Value::string(Tag::SOURCERPM, &source),
    ];
    if evr.0 > 0 {
        values.insert(3, Value::int32(Tag::EPOCH, &[evr.0]));
    }
    header(&values, vec![Value::int32(Tag::INSTALLTIME, &[1_800_000_000])])
}

fn manifests(table: &str, names: Option<&str>) -> Manifests {
    let mut root = MemoryRoot::of(&[("var/lib/rpmmanifest/container-manifest-2", table)]);
    if let Some(names) = names {
        root.file("var/lib/rpmmanifest/container-manifest-1", names.as_bytes());
    }
    Manifests::open(&root).unwrap().unwrap()
}

fn updated(manifests: &Manifests, new: &[&Header], erased: &[(String, String)]) -> Vec<String> {
    let files = manifests.updated(new, erased).into_iter();
    files.map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap()).collect()
}

#[test]
fn packages_are_listed() {
    let manifests = manifests(TOOLKIT, None);
    let shown: Vec<String> = manifests
        .rows()
        .iter()
        .map(|row| format!("{} {} {} {}", row.name, row.version, row.arch, row.source))
        .collect();
    assert_eq!(
        shown,
        [
            "zlib 1.3-1.azl3 x86_64 zlib-1.3-1.azl3.src.rpm",
            "ca-certs 1:3.0-1.azl3 noarch ca-certs-3.0-1.azl3.src.rpm",
            "openssl-libs 3.3-1.azl3 x86_64 openssl-3.3-1.azl3.src.rpm"
        ]
    );
    assert!(manifests.warnings.is_empty());
    let odd = self::manifests(&format!("{TOOLKIT}what\n"), None);
    let path = "var/lib/rpmmanifest/container-manifest-2";
    assert_eq!(odd.warnings[0].text, format!("{path} line 5 is left alone: it is no package"));
    assert_eq!(odd.warnings.len(), 1);
}

#[test]
fn only_the_line_of_the_package_changes() {
    let manifests = manifests(TOOLKIT, Some(NAMES_DASHED));
    let new = package("openssl-libs", (0, "3.5", "2.azl3"), "x86_64");
    let files = updated(&manifests, &[&new], &[]);
    let line = "openssl-libs\t3.5-2.azl3\t1800000000\t7\tA vendor\t(none)\t1234\tx86_64\t0\t\
                openssl-libs-3.5-2.azl3.src.rpm\n";
    let kept: String = TOOLKIT.split_inclusive('\n').take(3).collect();
    assert_eq!(files[0], kept + line);
    assert_eq!(files[1], NAMES_DASHED.replace("3.3-1", "3.5-2"));
    assert_eq!(updated(&manifests, &[], &[]), [TOOLKIT, NAMES_DASHED]);
}

#[test]
fn both_dialects_are_kept() {
    let dotted = NAMES_DASHED.replace("libs-3.3", "libs.3.3").replace("zlib-1", "zlib.1");
    let new = [
        package("openssl-libs", (0, "3.5", "2.azl3"), "x86_64"),
        package("brandnew", (0, "1", "1"), "noarch"),
        package("ca-certs", (1, "3.1", "1.azl3"), "noarch"),
    ];
    let new: Vec<&Header> = new.iter().collect();
    let files = updated(&manifests(TOOLKIT, Some(&dotted)), &new, &[]);
    let expected = "zlib.1.3-1.azl3.x86_64\ngpg-pubkey-3135ce90-5e6fda74\n\
                    ca-certs-3.1-1.azl3.noarch\nopenssl-libs.3.5-2.azl3.x86_64\n\
                    brandnew.1-1.noarch\n";
    assert_eq!(files[1], expected);
    // An epoch is written in both columns, whatever the line had.
    assert!(
        files[0].contains("ca-certs\t3.1-1.azl3\t1800000000\t7\tA vendor\t1\t1234\tnoarch\t1\t")
    );
    let ends = |text: &str| text.lines().last().unwrap().starts_with("brandnew\t1-1\t");
    assert!(ends(&files[0]), "{}", files[0]);
}

#[test]
fn a_sorted_list_stays_sorted() {
    let sorted: String = {
        let mut lines: Vec<&str> = TOOLKIT.split_inclusive('\n').collect();
        lines.sort_unstable();
        lines.concat()
    };
    let new = package("middle", (0, "1", "1"), "noarch");
    let files = updated(&manifests(&sorted, None), &[&new], &[]);
    let names: Vec<&str> = files[0].lines().map(|l| l.split('\t').next().unwrap()).collect();
    assert_eq!(names, ["ca-certs", "gpg-pubkey", "middle", "openssl-libs", "zlib"]);
    assert_eq!(files.len(), 1);
}

#[test]
fn doubles_and_erased_packages_go() {
    let twice = format!("{TOOLKIT}{}", TOOLKIT.lines().next().unwrap());
    let manifests = manifests(&twice, Some(NAMES_DASHED));
    let new = package("zlib", (0, "1.4", "1.azl3"), "x86_64");
    let erased = [("ca-certs".to_owned(), "noarch".to_owned())];
    let files = updated(&manifests, &[&new], &erased);
    let names: Vec<&str> = files[0].lines().map(|l| l.split('\t').next().unwrap()).collect();
    assert_eq!(names, ["zlib", "gpg-pubkey", "openssl-libs"]);
    assert!(files[0].starts_with("zlib\t1.4-1.azl3\t") && !files[0].ends_with('\n'));
    assert_eq!(files[1].lines().count(), 3);
}

#[test]
fn real_manifests_follow_from_the_real_database() {
    let Some(corpus) = crate::fixture::root::corpus() else { return };
    let bytes = crate::format::rpm::db::sqlite::tests::mariner().unwrap();
    let database = crate::format::rpm::db::sqlite::Sqlite::open("db", &bytes).unwrap();
    let headers = database.headers().unwrap();
    let read = |name: &str| {
        let dir = corpus.join("derived/mariner-2.0-rpmmanifest");
        std::fs::read_to_string(dir.join(name)).unwrap()
    };
    let all: Vec<&Header> = headers.iter().map(|(_, header)| header).collect();
    for end in ["", ".marinara-style"] {
        let table = read(&format!("container-manifest-2{end}"));
        let names = read(&format!("container-manifest-1{end}"));
        let files = updated(&manifests(&table, Some(&names)), &all, &[]);
        assert_eq!(files[1], names);
        // A line that rpm printed is the line that we make, but for epochs in the first dialect.
        for (ours, theirs) in files[0].lines().zip(table.lines()) {
            let with_epoch = |line: &str| {
                let columns: Vec<&str> = line.split('\t').collect();
                [&columns[..5], &[""], &columns[6..]].concat().join("\t")
            };
            assert_eq!(with_epoch(ours), with_epoch(theirs));
        }
        assert_eq!(files[0].lines().count(), 129);
        if !end.is_empty() {
            assert_eq!(files[0], table);
        }
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(table in "([a-z0-9.:-]{1,4}|\t|\n|\\(none\\)){0,60}", names in "[a-z.\n-]{0,30}") {
        let manifests = manifests(&table, Some(&names));
        prop_assert_eq!(updated(&manifests, &[], &[]), [table, names]);
        updated(&manifests, &[&package("a", (1, "1", "1"), "b")], &[("a".into(), "b".into())]);
    }
}
