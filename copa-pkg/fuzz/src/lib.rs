//! The `rpm` crate reads what copa reads: what both accept has to say the same.
//!
//! Copa's reader comes first, and what it accepts the crate must accept too. The crate panics on
//! hostile headers and reserves what they ask for: that is let pass where copa refused, and it is
//! asked only what it can afford.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Component, Path};

use copa_pkg::fuzz::{Facts, File, Parts, Value, Values};
use rpm::{Dependency, Error, FileEntry, FileType, Header, IndexData, PackageMetadata, Tag};

/// Before both headers.
const LEAD: [u8; 96] = {
    let mut lead = [0; 96];
    (lead[0], lead[1], lead[2], lead[3]) = (0xed, 0xab, 0xee, 0xdb);
    lead
};
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
/// Tags of regions.
const REGIONS: std::ops::Range<u32> = 61..64;
const DIRNAMES: u32 = 1118;
const LONGFILESIZES: u32 = 5008;

/// Why copa may refuse a header that the crate accepts.
const STRICTER: &[(&str, &str)] = &[
    ("entries and", "limits of rpm, or no entry at all"),
    ("it says that it has", "bytes after its end"),
    ("is broken", "a region that is none"),
    ("has no known type", "type 0"),
    ("is none", "a tag that is none"),
    ("overlaps another one or is not aligned", "data out of order"),
    ("overlaps the end of the region", "data out of bounds"),
    ("begins after the end", "data out of bounds"),
    ("its values are not all of its data", "gaps"),
    ("does not fit", "no value, or one string that is said to be many"),
    ("does not begin with a header's magic", "reserved bytes"),
    ("region of another kind", "a signature header that is another one"),
    ("no immutable region", "rpm 3"),
];

/// Why copa may refuse files that the crate lists.
const STRICTER_FILES: &[(&str, &str)] = &[
    ("a path in it is none, or leads elsewhere", "`..`, or too long; source packages"),
    ("its lists of files differ", "colors, devices, inodes, capabilities"),
    ("has capabilities that are none", "as rpm cannot set them"),
    ("bytes of paths", "copa's limit"),
];

thread_local! {
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Takes panics of the crate out of libFuzzer's hook, which ends the program. To be called once.
pub fn let_the_crate_panic() {
    let end = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !ASKING.get() {
            end(info);
        }
    }));
}

/// What the crate answers, unless it panics.
fn ask<T>(question: impl FnOnce() -> T) -> Option<T> {
    ASKING.set(true);
    let answer = panic::catch_unwind(AssertUnwindSafe(question));
    ASKING.set(false);
    answer.ok()
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Both accept it, and say the same.
    Same,
    /// Both refuse it.
    Refused,
    /// Copa refuses it and the crate panics.
    Panicked,
    /// Copa refuses it, and the crate would take too much memory.
    NotAsked,
    /// Copa alone refuses it, for this reason.
    Stricter(&'static str),
}

/// Compares what is read of a header as a database holds it.
///
/// # Panics
///
/// When copa and the crate differ.
pub fn header(blob: &[u8]) -> Verdict {
    let package = [&LEAD[..], &MAGIC, &[0; 8], &MAGIC, blob].concat();
    match copa_pkg::fuzz::facts(blob) {
        Ok(ours) => {
            compare(&ours, &accepted(&package, &Values::new(), &ours.values).header);
            Verdict::Same
        }
        Err(reason) => refused(&package, &reason),
    }
}

/// Compares what is read of the headers of a package file.
///
/// # Panics
///
/// When copa and the crate differ.
pub fn package(bytes: &[u8]) -> Verdict {
    match copa_pkg::fuzz::parts(bytes) {
        Ok(Parts { signature, header, payload }) => {
            let theirs = accepted(bytes, &signature, &header.values);
            compare_values(&signature, &theirs.signature);
            compare(&header, &theirs.header);
            assert_eq!(payload, theirs.payload, "where the payload begins");
            Verdict::Same
        }
        Err(reason) => refused(bytes, &reason),
    }
}

/// What the crate says of a package that copa accepts and finds these values in.
fn accepted(bytes: &[u8], signature: &Values, header: &Values) -> Answer {
    let read = ask(|| {
        let metadata = PackageMetadata::parse(&mut &*bytes)?;
        Ok::<_, Error>(answer(&metadata, signature, header))
    });
    match read {
        Some(Ok(answer)) => answer,
        Some(Err(e)) => panic!("copa accepts what the crate refuses: {e}"),
        None => panic!("copa accepts what the crate panics on"),
    }
}

/// What to think of it that copa refuses a package.
fn refused(bytes: &[u8], reason: &str) -> Verdict {
    if !is_affordable(bytes) {
        return Verdict::NotAsked;
    }
    let read = ask(|| {
        let metadata = PackageMetadata::parse(&mut &*bytes)?;
        metadata.signature.get_all_entries()?;
        metadata.header.get_all_entries()
    });
    match read {
        None => Verdict::Panicked,
        Some(Err(_)) => Verdict::Refused,
        Some(Ok(_)) => Verdict::Stricter(named(STRICTER, reason)),
    }
}

fn named(stricter: &[(&str, &'static str)], reason: &str) -> &'static str {
    let named = stricter.iter().find(|(words, _)| reason.contains(words));
    named.unwrap_or_else(|| panic!("copa alone refuses it: {reason}")).1
}

/// Whether the crate can be asked about headers whose values may all be the same bytes.
fn is_affordable(bytes: &[u8]) -> bool {
    let size = |at: usize| {
        let field = |i: usize| bytes.get(at + i..)?.first_chunk().map(|b| u32::from_be_bytes(*b));
        let (entries, data) = (field(8)? as usize, field(12)? as usize);
        let counts = (0..entries).map(|i| field(16 + 16 * i + 12));
        let fits = entries.checked_mul(data)? <= 32 << 20
            && counts.take_while(Option::is_some).flatten().all(|count| count as usize <= data);
        fits.then_some(16 + 16 * entries + data)
    };
    let Some(signature) = size(LEAD.len()) else { return false };
    size(LEAD.len() + signature.next_multiple_of(8)).is_some()
}

/// What the crate says; `None` is what it refuses to say.
struct Answer {
    signature: Values,
    header: HeaderAnswer,
    payload: u64,
}

struct HeaderAnswer {
    values: Values,
    package: [Option<String>; 5],
    relations: [Option<Vec<(String, u64, String)>>; 4],
    files: Option<Vec<File>>,
}

fn answer(metadata: &PackageMetadata, signature: &Values, header: &Values) -> Answer {
    let text = |text: Result<&str, Error>| text.ok().map(Into::into);
    let relations = [
        metadata.get_requires(),
        metadata.get_provides(),
        metadata.get_conflicts(),
        metadata.get_obsoletes(),
    ];
    let files = metadata.get_file_entries().ok();
    let answer = HeaderAnswer {
        values: values(&metadata.header, header),
        package: [
            text(metadata.get_name()),
            metadata.get_epoch().ok().map(|epoch| epoch.to_string()),
            text(metadata.get_version()),
            text(metadata.get_release()),
            text(metadata.get_arch()),
        ],
        relations: relations.map(|all| Some(all.ok()?.into_iter().map(relation).collect())),
        files: files.map(|files| files.iter().map(file).collect()),
    };
    let payload = metadata.get_package_segment_offsets().payload;
    Answer { signature: values(&metadata.signature, signature), header: answer, payload }
}

/// The values of all tags. Of a string that is said to be UTF-8 and is not the crate gives none,
/// and then not even which tags there are: it is asked for those that copa found.
fn values<T: Tag>(header: &Header<T>, found: &Values) -> Values {
    let Ok(entries) = header.get_all_entries() else {
        let of = |tag: &u32| Some((*tag, value(header.entry(*tag).ok()?)));
        return found.keys().filter_map(of).collect();
    };
    let mut values = Values::new();
    for (tag, data) in entries {
        values.entry(tag).or_insert_with(|| value(data));
    }
    values
}

fn value(data: IndexData) -> Value {
    fn numbers<T: Into<u64>>(numbers: Vec<T>) -> Value {
        Value::Numbers(size_of::<T>(), numbers.into_iter().map(Into::into).collect())
    }
    match data {
        IndexData::Null => Value::Bytes(Vec::new()),
        IndexData::Bin(bytes) => Value::Bytes(bytes),
        IndexData::Char(bytes) | IndexData::Int8(bytes) => numbers(bytes),
        IndexData::Int16(words) => numbers(words),
        IndexData::Int32(words) => numbers(words),
        IndexData::Int64(words) => numbers(words),
        IndexData::StringTag(text) => Value::Strings(vec![text]),
        IndexData::StringArray(texts) | IndexData::I18NString(texts) => Value::Strings(texts),
    }
}

fn relation(of: Dependency) -> (String, u64, String) {
    (of.name, of.flags.bits().into(), of.version)
}

fn file(entry: &FileEntry<'_>) -> File {
    let text = |text: Option<&str>| text.unwrap_or_default().into();
    // rpm puts them together as they are.
    let path = [entry.dirname(), entry.basename()].concat();
    let path = Path::new(&path).components().filter(|part| matches!(part, Component::Normal(_)));
    let kind = match entry.file_type() {
        FileType::Regular => '-',
        FileType::Dir => 'd',
        FileType::SymbolicLink => 'l',
        _ => 's',
    };
    File {
        path: path.collect::<std::path::PathBuf>().display().to_string(),
        kind,
        mode: entry.permissions().into(),
        size: entry.size() as u64,
        mtime: entry.modified_at().0.into(),
        user: entry.user().into(),
        group: entry.group().into(),
        digest: text(entry.digest().map(|digest| digest.as_hex())),
        flags: entry.flags().bits(),
        link: if kind == 'l' { text(entry.linkto()) } else { String::new() },
    }
}

fn compare(ours: &Facts, theirs: &HeaderAnswer) {
    compare_values(&ours.values, &theirs.values);
    if let Some(package) = &ours.package {
        for (ours, theirs) in package.iter().zip(&theirs.package) {
            assert!(theirs.as_ref().is_none_or(|theirs| ours == theirs), "{ours} is {theirs:?}");
        }
    }
    for (ours, theirs) in ours.relations.iter().zip(&theirs.relations) {
        // Where flags or versions are missing the crate leaves out what copa takes without.
        let whole = theirs.as_ref().filter(|theirs| theirs.len() == ours.len());
        assert!(whole.is_none_or(|theirs| ours == theirs), "{ours:?} are {whole:?}");
    }
    if let Some(theirs) = &theirs.files {
        compare_files(ours, theirs);
    }
}

fn compare_values(ours: &Values, theirs: &Values) {
    for (tag, value) in ours {
        match theirs.get(tag) {
            Some(theirs) => assert_eq!(value, theirs, "tag {tag}"),
            None => assert!(is_replaced(value), "the crate cannot read tag {tag}: {value:?}"),
        }
    }
    for tag in theirs.keys().filter(|tag| !REGIONS.contains(tag)) {
        assert!(ours.contains_key(tag), "copa does not have tag {tag}");
    }
}

/// Whether some of it was no UTF-8.
fn is_replaced(value: &Value) -> bool {
    let Value::Strings(texts) = value else { return false };
    texts.iter().any(|text| text.contains(char::REPLACEMENT_CHARACTER))
}

fn compare_files(facts: &Facts, theirs: &[File]) {
    let ours = match &facts.files {
        // The crate does not know the names of old.
        Ok(_) if !facts.values.contains_key(&DIRNAMES) => return,
        Ok(ours) => ours,
        Err(reason) => {
            named(STRICTER_FILES, reason);
            return;
        }
    };
    assert_eq!(ours.len(), theirs.len(), "files");
    // The crate passes over sizes of another type than rpm writes.
    let sizes = facts.values.get(&LONGFILESIZES);
    let are_odd = sizes.is_some_and(|sizes| !matches!(sizes, Value::Numbers(8, _)));
    for (ours, theirs) in ours.iter().zip(theirs) {
        let size = if are_odd { ours.size } else { theirs.size };
        assert_eq!(*ours, File { size, ..theirs.clone() });
    }
}
