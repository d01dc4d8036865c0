use std::io::Write;

use proptest::prelude::*;

use super::*;

fn archive(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    build(&mut builder);
    builder.into_inner().unwrap()
}

fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, name, content).unwrap();
}

fn link(builder: &mut tar::Builder<Vec<u8>>, kind: EntryType, name: &str, target: &str) {
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(kind);
    builder.append_link(&mut header, name, target).unwrap();
}

fn opened(bytes: &[u8]) -> Result<Tarball> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Tarball::open(file.path())
}

#[test]
fn names_lead_to_content_and_never_out() {
    let long = format!("{}/layer.tar", "d".repeat(150));
    let bytes = archive(|b| {
        add(b, "./plain", b"one");
        add(b, &long, b"two");
        link(b, EntryType::Symlink, "a/b/link", "../../plain");
        link(b, EntryType::Link, "hard", "plain");
        link(b, EntryType::Symlink, "out", "../../etc/passwd");
        link(b, EntryType::Symlink, "loop", "loop");
        add(b, "twice", b"x");
        add(b, "twice", b"y");
    });
    let tarball = opened(&bytes).unwrap();
    for (name, content) in [
        ("plain", Some("one")),
        ("/plain", Some("one")),
        (&long, Some("two")),
        ("a/b/link", Some("one")),
        ("hard", Some("one")),
        ("out", None),
        ("../plain", None),
        ("none", None),
    ] {
        let found = tarball.document(name, 10).unwrap();
        assert_eq!(found.as_deref(), content.map(str::as_bytes), "{name}");
    }
    for name in ["loop", "twice"] {
        assert!(matches!(tarball.find(name), Err(Error::Corrupt { .. })), "{name}");
    }
    assert!(matches!(tarball.document("plain", 2), Err(Error::TooLarge { .. })));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&bytes).unwrap();
    let packed = opened(&gz.finish().unwrap()).unwrap();
    assert_eq!(packed.entries, tarball.entries);
}

/// A hundred thousand entries of 64 KiB of name took gigabytes.
#[test]
fn long_names_are_not_remembered() {
    let (long, longer) = ("n".repeat(NAME), "n".repeat(NAME + 1));
    let bytes = archive(|b| {
        add(b, &long, b"one");
        add(b, &longer, b"two");
        link(b, EntryType::Link, "link", &longer);
    });
    let names: Vec<_> = opened(&bytes).unwrap().entries.into_keys().collect();
    assert_eq!(names, [long]);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let zeros = zstd::encode_all(&[0; 100_000][..], 1).unwrap();
    let limit = |free| Expansion { free, ..Expansion::default() };
    let unpack = |free| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&zeros).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        unpacked(file, Path::new("bomb.tar"), limit(free))
    };
    assert_eq!(unpack(100_000).unwrap().1, 100_000);
    let error = unpack(99_999).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("bomb.tar"), "{error}");
}

#[test]
fn damaged_archives_are_refused() {
    let bytes = archive(|b| add(b, "plain", &[7; 2000]));
    assert!(matches!(opened(&bytes[..1500]), Err(Error::Corrupt { .. })));
    assert!(matches!(opened(&[b'x'; 1024]), Err(Error::Corrupt { .. })));
    let mut huge = Header::new_gnu();
    huge.set_entry_type(EntryType::GNULongName);
    huge.set_size(1 << 40);
    huge.set_cksum();
    assert!(opened(huge.as_bytes()).is_err());
    assert!(opened(b"").unwrap().entries.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_archive_makes_it_panic(at in 0..2048_usize, byte: u8, end in 0..4096_usize) {
        let mut bytes = archive(|b| {
            add(b, &"n".repeat(200), b"content");
            link(b, EntryType::Symlink, "a", "b");
        });
        bytes[at] = byte;
        bytes.truncate(end);
        if let Ok(tarball) = opened(&bytes) {
            let _ = (tarball.find("a"), tarball.find("b"));
        }
    }
}
