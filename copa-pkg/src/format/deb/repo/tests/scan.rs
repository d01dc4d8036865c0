//! Reading and searching an index.

use super::*;
use crate::package::checksum::Checksum;
use proptest::prelude::*;

const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn stanza(package: &str, version: &str, more: &str) -> String {
    format!(
        "Package: {package}\nVersion: {version}\nArchitecture: amd64\n{more}\
         Filename: pool/{package}_{version}.deb\nSize: 7\nSHA256: {SHA}\n\n"
    )
}

fn scan(text: &str) -> Index {
    let mut scanner = Scanner::new("amd64");
    scanner.read(text.as_bytes()).unwrap();
    scanner.finish()
}

fn versions(index: &Index, name: &str) -> Vec<String> {
    index.named(name).map(|record| record.version().to_owned()).collect()
}

#[test]
fn a_stanza_is_kept_field_by_field() {
    let index = scan(&stanza(
        "libssl3",
        "3.0.17-1~deb12u2",
        "Source: openssl (3.0.17-1)\nPre-Depends: dpkg\nDepends: libc6 (>= 2.34),\n libx | liby\n\
         Provides: libssl-abi (= 3), other\nConflicts: a\nBreaks: b (<< 1)\nReplaces: c\n\
         Description: text\n more text: with a colon\n",
    ));
    let record = index.named("libssl3").next().unwrap();
    assert_eq!((record.package(), record.architecture()), ("libssl3", "amd64"));
    assert_eq!((record.source(), record.size()), ("openssl", 7));
    assert_eq!(record.filename(), "pool/libssl3_3.0.17-1~deb12u2.deb");
    assert_eq!(record.checksum(), Some(Checksum::Sha256(SHA.into())));
    let relations = crate::format::deb::relation::indexed_relations(record.relations()).unwrap();
    let requires: Vec<String> = relations.requires.iter().map(ToString::to_string).collect();
    assert_eq!(requires, ["dpkg", "libc6 (>= 2.34)", "libx | liby"]);
    let conflicts: Vec<String> = relations.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(conflicts, ["a", "b (< 1)"]);
    for name in ["libssl-abi", "other"] {
        assert_eq!(index.providing(name).next().unwrap().package(), "libssl3");
    }
    assert_eq!(index.providing("libssl").count(), 0);
    assert_eq!((index.len(), index.refused()), (1, 0));
}

#[test]
fn names_are_found_wherever_they_stand() {
    let text: String = (0..200).rev().map(|i| stanza(&format!("p{i}"), "1", "")).collect();
    let index = scan(&text);
    for i in 0..200 {
        assert_eq!(versions(&index, &format!("p{i}")), ["1"], "p{i}");
    }
    assert!(versions(&index, "p").is_empty() && versions(&index, "q").is_empty());
}

#[test]
fn what_is_not_in_order_is_left_out_and_counted() {
    let good = stanza("good", "1", "");
    for bad in [
        good.clone(),
        stanza("bad", "1", "Version: 2\n"),
        stanza("bad", "not a version", ""),
        stanza("ba d", "1", ""),
        stanza("bad", "1", "Depends: caf\u{e9}\n"),
        stanza("bad", "1", "").replace("pool/", "/pool/"),
        stanza("bad", "1", "").replace("pool/", "pool/../../"),
        stanza("bad", "1", "").replace("pool/", "pool//"),
        stanza("bad", "1", "").replace("pool/", "http://elsewhere.invalid/"),
        stanza("bad", "1", "").replace("Filename: pool", "Filename: pool\\.."),
        stanza("bad", "1", "").replace("Size: 7", "Size: -7"),
        stanza("bad", "1", "").replace("Size: 7", "Size: 99999999999999999999999"),
        stanza("bad", "1", "").replace("SHA256: e3", "SHA256: 3"),
        stanza("bad", "1", "").replace("SHA256: e3", "SHA1: 3"),
        stanza("bad", "1", &format!("Depends: {}\n", "a, ".repeat(100_000))),
    ] {
        let index = scan(&format!("{good}{bad}"));
        assert_eq!((index.len(), index.refused()), (1, 1), "{bad}");
    }
}

#[test]
fn other_architectures_are_passed_over() {
    let text = stanza("a", "1", "") + &stanza("b", "1", "").replace("amd64", "arm64");
    let index = scan(&(text + &stanza("c", "1", "").replace("amd64", "all")));
    assert_eq!((index.len(), index.refused()), (2, 0));
    assert!(versions(&index, "b").is_empty());
}

#[test]
fn pieces_and_blank_lines_do_not_matter() {
    struct Pieces<'a>(&'a [u8]);
    impl std::io::Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(7);
            let (now, later) = self.0.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }
    let text = format!("\n\n\n{}\n\n{}", stanza("a", "1", ""), stanza("b", "1", "").trim_end());
    let mut scanner = Scanner::new("amd64");
    scanner.read(Pieces(text.as_bytes())).unwrap();
    assert_eq!(scanner.finish(), scan(&text));
    assert_eq!(scan(&text).len(), 2);
    let long = stanza("long", "1", &format!("Description: {}\n", "x".repeat(600_000)));
    assert_eq!(scan(&(long.clone() + &stanza("b", "1", ""))).len(), 2);
    let endless = stanza("long", "1", &format!("Description: {}\n", "x".repeat(2_000_000)));
    assert!(Scanner::new("amd64").read(endless.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn text_never_panics(text in "([PVASFDCBRpackgeersion0-9a:,() \n\t]|Package: |Version: 1\n|\n\n){0,60}") {
        let index = scan(&text);
        for record in index.named("a").chain(index.providing("a")) {
            let _ = crate::format::deb::relation::indexed_relations(record.relations());
        }
    }
}
