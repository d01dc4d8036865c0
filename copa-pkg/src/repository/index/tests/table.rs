//! The form in memory and in the cache.

use super::*;
use crate::repository::index::build::{Builder, Fields};
use proptest::prelude::*;

/// Packages and, after each other, what they provide: a letter each.
fn index(packages: &[(&str, &str)]) -> Index {
    let mut builder = Builder::new(|text| text.chunks(1).enumerate().collect());
    for (package, provides) in packages {
        let (package, provides) = (package.as_bytes(), provides.as_bytes());
        let fields = Fields { package, provides, size: 7, version: b"1", ..Fields::default() };
        builder.add(&fields).unwrap();
    }
    builder.finish()
}

#[test]
fn packages_are_found_by_name_and_by_what_they_provide() {
    let index = index(&[("b", "xy"), ("a", "y"), ("a", "z"), ("c", "")]);
    let all = |records: &mut dyn Iterator<Item = Record<'_>>| -> String {
        records.map(Record::package).collect()
    };
    let names = |name: &str| all(&mut index.named(name));
    let providing = |name: &str| all(&mut index.providing(name));
    assert_eq!((names("a"), names("b"), names("d")), ("a".into(), "b".into(), String::new()));
    assert_eq!((providing("x"), providing("y")), ("b".into(), "ba".into()));
    // The second `a` says again what the first one said.
    assert_eq!((index.len(), index.refused()), (3, 1));
    assert!(providing("z").is_empty());
}

#[test]
fn a_name_that_a_package_says_twice_is_one() {
    let many = "x".repeat(1000);
    let index = index(&[("a", &many), ("b", "xyx")]);
    assert_eq!((index.provides, index.providing("x").count()), (3, 2));
}

#[test]
fn of_many_versions_each_is_there_once_and_the_first_stays() {
    let mut builder = Builder::new(|_| Vec::new());
    let versions: Vec<String> = (0..500).chain(0..500).map(|i| i.to_string()).collect();
    for (size, version) in (0..).zip(&versions) {
        let fields =
            Fields { package: b"a", version: version.as_bytes(), size, ..Fields::default() };
        builder.add(&fields).unwrap();
    }
    let index = builder.finish();
    assert_eq!((index.len(), index.refused()), (500, 500));
    assert!(index.named("a").zip(0..).all(|(record, i)| record.size() == i));
}

#[test]
fn the_cached_form_is_read_back_and_damage_is_noticed() {
    let index = index(&[("a", "x"), ("b", "")]);
    let bytes = index.as_ref().to_vec();
    assert_eq!(Index::from_bytes(bytes.clone().into()).unwrap(), index);
    for i in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[i] ^= 1;
        assert!(Index::from_bytes(damaged.into()).is_none(), "byte {i}");
    }
    assert!(Index::from_bytes(Bytes::from(bytes[..bytes.len() - 1].to_vec())).is_none());
    assert!(Index::from_bytes(Bytes::new()).is_none());
}

proptest! {
    #[test]
    fn a_cache_with_a_right_checksum_and_nonsense_in_it_never_panics(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        counts in any::<[u8; 3]>(),
    ) {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 4]);
        counts.iter().for_each(|count| bytes.extend(u32::from(*count).to_le_bytes()));
        bytes.extend(noise);
        let crc = crc32fast::hash(&bytes[12..]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        if let Some(index) = Index::from_bytes(bytes.into()) {
            for record in index.named("a").chain(index.providing("a")) {
                let _ = (record.relations(), record.size(), record.checksum(), record.source());
            }
            (0..index.packages).for_each(|i| { let _ = index.package(i).map(Record::source); });
            (0..index.provides).for_each(|i| { let _ = index.provide(i); });
        }
    }
}
