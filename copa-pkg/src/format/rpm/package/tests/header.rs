use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::format::rpm::oracle;
use crate::format::rpm::package::file::PackageFile;

/// A header with a region that covers the first values, the rest as dribbles.
pub(crate) fn header(covered: &[Value], dribbles: Vec<Value>) -> Header {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for value in covered {
        data.resize(usize::next_multiple_of(data.len(), value.kind.size().unwrap_or(1)), 0);
        let fields = [value.tag.0, value.kind.number(), data.len() as u32, value.count];
        entries.extend(fields.map(u32::to_be_bytes).concat());
        data.extend(&value.data);
    }
    let il = covered.len() as u32 + 1;
    let region = [63, 7, data.len() as u32, 16].map(u32::to_be_bytes).concat();
    data.extend([63, 7, (il * 16).wrapping_neg(), 16].map(u32::to_be_bytes).concat());
    let intro = [il, data.len() as u32].map(u32::to_be_bytes).concat();
    let blob = [intro, region, entries, data].concat();
    let base = Header::parse("a header", blob.into()).unwrap();
    Header::parse("a header", base.with_dribbles(dribbles).unwrap()).unwrap()
}

fn array(tag: Tag, texts: &[&str]) -> Value {
    let data = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    Value { tag, kind: Type::StringArray, count: texts.len() as u32, data }
}

fn sample() -> Header {
    header(
        &[
            Value::string(Tag::NAME, "demo"),
            Value { tag: Tag::GROUP, kind: Type::I18nString, ..array(Tag::GROUP, &["C", "de"]) },
            Value {
                tag: Tag::FILEMODES,
                kind: Type::Int16,
                count: 2,
                data: vec![0x81, 0xa4, 0, 1],
            },
            array(Tag::BASENAMES, &["a", "", "c"]),
        ],
        vec![
            Value::int32(Tag::INSTALLTID, &[7]),
            Value { tag: Tag::SIGMD5, kind: Type::Bin, count: 3, data: vec![1, 0, 3] },
            Value::int32(Tag::INSTALLTIME, &[1, 2]),
        ],
    )
}

#[test]
fn values_are_read_by_type() {
    let header = sample();
    assert_eq!(header.region(), Some(63));
    assert_eq!(header.text(Tag::NAME).unwrap(), "demo");
    assert_eq!(header.text(Tag::GROUP).unwrap(), "C");
    assert_eq!(header.strings(Tag::BASENAMES).collect::<Vec<_>>(), [&b"a"[..], b"", b"c"]);
    assert_eq!(header.numbers(Tag::FILEMODES).collect::<Vec<_>>(), [0x81a4, 1]);
    assert_eq!(header.numbers(Tag::INSTALLTIME).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(header.bin(Tag::SIGMD5), Some(&[1, 0, 3][..]));
    assert!(header.number(Tag::SIGMD5).is_none() && header.bin(Tag::NAME).is_none());
    assert!(!header.has(Tag::EPOCH) && header.text(Tag::INSTALLTID).is_none());
    assert_eq!(header.strings(Tag::EPOCH).count(), 0);
}

#[test]
fn dribbles_stand_sorted_and_aligned_after_the_region() {
    let header = sample();
    let tags: Vec<u32> = header.dribbles().map(|value| value.tag.0).collect();
    assert_eq!(tags, [261, 1008, 1128]);
    let again = header.with_dribbles(header.dribbles().collect()).unwrap();
    assert_eq!(&again, header.blob());
    assert_eq!(header.immutable().unwrap()[..4], [0, 0, 0, 5]);
}

#[test]
fn what_rpm_refuses_is_refused() {
    let good = sample().blob().to_vec();
    let set = |at: usize, to: u32| {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&to.to_be_bytes());
        Header::parse("the header", bad.into()).map(|_| ()).unwrap_err().to_string()
    };
    // Entry 1 begins at 24: tag, type, offset, count. The region's own entry begins at 8.
    for (at, to, words) in [
        (0, 0, "0 entries"),
        (0, 0x1_0000, "65536 entries"),
        (4, 0x1000_0000, "bytes of data"),
        (4, 1, "it says that it has"),
        (16, u32::MAX - 8, "region 63 is broken"),
        (12, 6, "region 63 is broken"),
        (24, 99, "is none"),
        (28, 0, "no known type"),
        (28, 10, "no known type"),
        (32, 0x0fff_ffff, "begins after the end"),
        (32, u32::MAX, "begins after the end"),
        (36, 2, "does not fit"),
        (36, 0, "does not fit"),
        (24 + 16 + 8, 0, "overlaps"),
        (24 + 32 + 8, 13, "not aligned"),
        (24 + 48 + 12, u32::MAX, "does not fit"),
        (24 + 32 + 12, 1, "not all of its data"),
    ] {
        let error = set(at, to);
        assert!(error.contains(words) && error.starts_with("the header"), "{at} {to}: {error}");
    }
}

/// All `.rpm` files of the corpus.
pub(crate) fn packages() -> Option<Vec<(String, Bytes)>> {
    let corpus = crate::fixture::root::corpus()?;
    let (mut open, mut packages) = (vec![corpus], Vec::new());
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(end) if end.to_string_lossy().starts_with("rpm") => {
                    let bytes = std::fs::read(&path).unwrap();
                    packages.push((path.display().to_string(), bytes.into()));
                }
                _ => {}
            }
        }
    }
    Some(packages)
}

#[test]
fn real_packages_read_as_rpm_reads_them() {
    let Some(packages) = packages() else { return };
    let mut compared = 0;
    for (path, bytes) in packages {
        let format = "%{NAME}|%{VERSION}|%{ARCH}|%{SIZE}|[%{BASENAMES},]|[%{FILEMODES},]";
        let arguments = ["-qp", "--nosignature", "--nodigest", "--qf", format, &path];
        let out = Command::new("rpm").args(arguments).output().unwrap();
        let file = PackageFile::parse(&path, &bytes);
        // Packages of rpm 3 have headers without a region, and no database of today holds one.
        if !out.status.success() || path.ends_with("rpm-v3") {
            assert!(file.is_err(), "{path} is refused");
            continue;
        }
        let header = file.unwrap_or_else(|e| panic!("{path}: {e}")).header;
        let text = |tag| header.text(tag).unwrap_or("(none)".into());
        let names: String = header.texts(Tag::BASENAMES).map(|name| name + ",").collect();
        let modes: String = header.numbers(Tag::FILEMODES).map(|mode| format!("{mode},")).collect();
        let size = header.number(Tag::SIZE).map_or("(none)".into(), |size| size.to_string());
        let ours = [text(Tag::NAME), text(Tag::VERSION), text(Tag::ARCH)].join("|");
        let ours = format!("{ours}|{size}|{names}|{modes}");
        assert_eq!(ours, String::from_utf8(out.stdout).unwrap(), "{path}");
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}

/// What rpm says against the headers of the package.
fn refusal(package: &[u8]) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), package).unwrap();
    let arguments = ["-qp", "--nosignature", "--nodigest", "--qf", "x"];
    let out = Command::new("rpm").args(arguments).arg(file.path()).output().unwrap();
    (!out.status.success()).then(|| String::from_utf8_lossy(&out.stderr).into_owned())
}

/// Packages that differ from this one in a number of entries, an offset or a count: what types the
/// tags should have is not checked.
fn changed(bytes: &Bytes, file: &PackageFile) -> Vec<Vec<u8>> {
    let main = bytes.len() - file.payload.len() - file.header.blob().len();
    let mut numbers = (1u32..).map(|n| n.wrapping_mul(0x9e37_79b9) >> 5);
    let mut next = || numbers.next().unwrap();
    let mut changed = Vec::new();
    for (start, header) in [(96 + 8, &file.signature), (main, &file.header)].repeat(10) {
        let words = header.data as u32 / 4;
        let [to, from] = [next(), next()].map(|n| start + (n % words / 4 * 4) as usize * 4);
        let [to, from] = [to, from].map(|at| at + (next() % 2) as usize * 4);
        let word = match next() % 3 {
            0 => (next() % 20).to_be_bytes(),
            1 => (next() << 5).to_be_bytes(),
            _ => *bytes[from..].first_chunk().unwrap(),
        };
        let mut package = bytes.to_vec();
        package[to..to + 4].copy_from_slice(&word);
        changed.push(package);
    }
    changed
}

#[test]
fn changed_packages_are_refused_when_rpm_refuses_them() {
    let Some(packages) = packages() else { return };
    if !oracle::have("rpm") {
        return;
    }
    let (mut read, mut refused) = (0, 0);
    for (path, bytes) in packages.iter().filter(|(_, bytes)| bytes.len() < 20_000) {
        let Ok(file) = PackageFile::parse(path, bytes) else { continue };
        for package in changed(bytes, &file) {
            let ours = PackageFile::parse("x", &package.clone().into()).map(|_| ());
            // Signatures are looked at when they are verified.
            let theirs = refusal(&package).filter(|why| !why.contains("invalid signature tag"));
            let at = package.iter().zip(bytes).position(|(a, b)| a != b);
            assert_eq!(ours.is_ok(), theirs.is_none(), "{path}, byte {at:?}: {ours:?}, {theirs:?}");
            *if ours.is_ok() { &mut read } else { &mut refused } += 1;
        }
    }
    assert!(read > 50 && refused > 50, "{read} {refused}");
}

/// Reads everything that there is to read.
fn read_all(header: &Header) -> usize {
    let entries = header.entries().iter().map(|entry| {
        let tag = entry.tag;
        header.strings(tag).count() + header.numbers(tag).count() + header.data_of(entry).len()
    });
    entries.sum::<usize>() + header.dribbles().count() + header.immutable().map_or(0, |i| i.len())
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(header) = Header::parse("x", bytes.into()) { read_all(&header); }
    }

    #[test]
    fn a_broken_header_is_read_or_refused(
        at in 0..sample().blob().len() / 4, to in prop_oneof![any::<u32>(), 0..100u32],
        cut in 0..sample().blob().len(),
    ) {
        let mut blob = sample().blob().to_vec();
        blob[at * 4..][..4].copy_from_slice(&to.to_be_bytes());
        if let Ok(header) = Header::parse("x", blob.clone().into()) {
            read_all(&header);
            if let Some(again) = header.with_dribbles(header.dribbles().collect()) {
                let again = Header::parse("x", again).unwrap();
                prop_assert_eq!(header.dribbles().count(), again.dribbles().count());
            }
        }
        blob.truncate(cut);
        prop_assert!(Header::parse("x", blob.into()).is_err());
    }
}
