use super::super::header::Type;
use super::super::header::Value;
use super::super::header::tests::header;
use super::*;

fn array(tag: Tag, texts: &[&str]) -> Value {
    let data = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    Value { tag, kind: Type::StringArray, count: texts.len() as u32, data }
}

fn sample(requires: &[(&str, u32, &str)]) -> Header {
    let flags: Vec<u32> = requires.iter().map(|(_, flags, _)| *flags).collect();
    header(
        &[
            Value::string(Tag::NAME, "demo"),
            Value::string(Tag::VERSION, "1.0"),
            Value::string(Tag::RELEASE, "2"),
            Value::int32(Tag::EPOCH, &[1]),
            Value::string(Tag::ARCH, "x86_64"),
            Value::string(Tag::SOURCERPM, "de-mo-1.0-2.src.rpm"),
            Value::int32(Tag::REQUIREFLAGS, &flags),
            array(Tag::REQUIRENAME, &requires.iter().map(|r| r.0).collect::<Vec<_>>()),
            array(Tag::REQUIREVERSION, &requires.iter().map(|r| r.2).collect::<Vec<_>>()),
        ],
        Vec::new(),
    )
}

#[test]
fn a_package_is_read_from_its_header() {
    let package = package(&sample(&[("a", 0, "")])).unwrap().unwrap();
    assert_eq!(package.version.to_string(), "1:1.0-2");
    assert_eq!((&*package.name, &*package.arch, &*package.source), ("demo", "x86_64", "de-mo"));
}

#[test]
fn needs_are_read() {
    for (name, flags, version, expected) in [
        ("a", 0, "", "a"),
        ("a", 8, "1.0-1", "a (= 1.0-1)"),
        ("a", 12, "1:1.0", "a (>= 1:1.0)"),
        ("a", 10, "1", "a (<= 1)"),
        ("a", 2, "1", "a (< 1)"),
        ("a", 4, "1", "a (> 1)"),
        ("/bin/sh", 0, "", "/bin/sh"),
        ("/usr/share/x", 0, "", "/usr/share/x"),
        ("rpmlib(X)", 8 | 1 << 24, "4", ""),
        ("a", 1 << 9, "", ""),
        ("a", 1 << 9 | 1 << 12, "", "a"),
        ("(a >= 2 or b)", 0, "", "a (>= 2) | b"),
        ("(a and (b or c))", 0, "", "a; b | c"),
        ("(a with b < 3)", 0, "", "(a with b < 3)"),
        ("((a or b) or c)", 0, "", "a | b | c"),
        ("(a or (b and c))", 0, "", "(a or (b and c))"),
        ("(a if b)", 0, "", "(a if b)"),
    ] {
        let package = package(&sample(&[(name, flags, version)])).unwrap().unwrap();
        let needs: Vec<String> =
            package.relations.requires.iter().map(ToString::to_string).collect();
        assert_eq!(needs.join("; "), expected, "{name} {flags} {version}");
    }
}

#[test]
fn what_is_no_package_is_told() {
    let key = header(&[Value::string(Tag::NAME, "gpg-pubkey")], Vec::new());
    assert!(package(&key).unwrap().is_none());
    let nameless =
        header(&[Value::string(Tag::VERSION, "1"), Value::string(Tag::RELEASE, "1")], vec![]);
    assert!(package(&nameless).unwrap_err().to_string().ends_with("it has no name"));
    let headless = header(&[Value::string(Tag::NAME, "x")], Vec::new());
    let error = package(&headless).unwrap_err().to_string();
    assert_eq!(error, "the installed package `x` is malformed: it has no version");
}

#[test]
fn real_packages_meet_their_needs() {
    let Some(bytes) = super::super::db::sqlite::tests::mariner() else { return };
    let database = super::super::db::sqlite::Sqlite::open("db", &bytes).unwrap();
    let headers = database.headers().unwrap();
    let mut packages: Vec<(Installed, &Header)> = headers
        .iter()
        .filter_map(|(_, header)| Some((package(header).unwrap()?, header)))
        .collect();
    provide_paths(&mut packages, &BTreeSet::new());
    assert_eq!(packages.len(), 129);
    let provided: Vec<&Constraint> =
        packages.iter().flat_map(|(package, _)| &package.relations.provides).collect();
    let met = |of: &Constraint| {
        provided.iter().any(|offer| {
            let fits = |(operator, bound): &(Operator, crate::Version)| {
                offer.version.as_ref().is_none_or(|(_, version)| operator.holds(version, bound))
            };
            offer.name == of.name && of.version.as_ref().is_none_or(fits)
        })
    };
    let mut unmet = Vec::new();
    for (package, _) in &packages {
        let needs = package.relations.requires.iter();
        let bad = needs.filter(|Dependency(any)| !any.iter().any(met));
        unmet.extend(bad.map(|need| format!("{}: {need}", package.name)));
    }
    assert!(unmet.is_empty(), "{unmet:#?}");
}

/// A file that is listed a thousand times is provided once, and none of a path too long for Linux.
#[test]
fn a_path_is_provided_once() {
    let long = format!("/bin/{}", "d/".repeat(4096));
    for (directory, provided) in [("/bin/", 1), (long.as_str(), 0)] {
        let path = format!("{directory}sh");
        let mut values = [
            Value::string(Tag::NAME, "demo"),
            Value::string(Tag::VERSION, "1"),
            Value::string(Tag::RELEASE, "1"),
            Value::string(Tag::ARCH, "noarch"),
            array(Tag::REQUIRENAME, &[&path]),
            Value::int32(Tag::DIRINDEXES, &[0; 1000]),
            array(Tag::BASENAMES, &["sh"; 1000]),
            array(Tag::DIRNAMES, &[directory]),
        ];
        values.sort_by_key(|value| value.tag);
        let header = header(&values, Vec::new());
        let mut packages = [(package(&header).unwrap().unwrap(), &header)];
        provide_paths(&mut packages, &BTreeSet::new());
        assert_eq!(packages[0].0.relations.provides.len(), provided, "{}", directory.len());
    }
}
