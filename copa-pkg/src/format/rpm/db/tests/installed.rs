use super::*;
use crate::fixture::root::corpus;
use crate::format::rpm::oracle;
use crate::format::rpm::package::archive::tests::packages;
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::Type;
use crate::format::rpm::package::header::Value;
use crate::format::rpm::package::header::tests::header;

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
    let Some(bytes) = crate::format::rpm::db::sqlite::tests::mariner() else { return };
    let database = crate::format::rpm::db::sqlite::Sqlite::open("db", &bytes).unwrap();
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
            let fits = |(operator, bound): &(Operator, crate::version::any::Version)| {
                offer.version.as_ref().is_none_or(|(_, version)| operator.holds(version, bound))
            };
            offer.name == of.name && of.version.as_ref().is_none_or(fits)
        })
    };
    let mut unmet = Vec::new();
    for (package, _) in &packages {
        let needs = package.relations.requires.iter();
        let bad = needs.filter(|need| !need.alternatives().unwrap().into_iter().any(met));
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

/// Rich needs of real packages that are several needs, or one with alternatives. Of the others the
/// text is kept.
const RICH: [(&str, &[&str]); 5] = [
    ("(pkgA or pkgB)", &["pkgA | pkgB"]),
    ("(pkgC and pkgD)", &["pkgC", "pkgD"]),
    ("((pkgS or pkgT) and pkgU)", &["pkgS | pkgT", "pkgU"]),
    ("(pkgBB >= 2.0 or pkgCC >= 3.0)", &["pkgBB (>= 2.0) | pkgCC (>= 3.0)"]),
    ("(pkgDD >= 1.0 and pkgEE < 5.0)", &["pkgDD (>= 1.0)", "pkgEE (< 5.0)"]),
];

/// A relation as rpm writes it, in our words.
fn in_our_words(relation: &str) -> String {
    match relation.split(' ').collect::<Vec<_>>()[..] {
        [name, operator, version] if !name.starts_with('(') => {
            format!("{name} ({operator} {})", version.parse::<Version>().unwrap())
        }
        _ => relation.into(),
    }
}

/// What rpm lists of the package by these tags, each relation after the moments that it is for.
fn asked(path: &std::path::Path, tag: &str) -> Vec<(String, String)> {
    let query = format!("[%{{{tag}FLAGS:deptype}}|%{{{tag}NEVRS}}\n]");
    let path = path.to_str().unwrap();
    let said = oracle::run("rpm", &["-qp", "--nosignature", "--nodigest", "--qf", &query, path]);
    let lines = said.lines().filter_map(|line| line.split_once('|'));
    let lines = lines.filter(|(_, relation)| *relation != "(none)");
    lines.map(|(moments, relation)| (moments.into(), relation.into())).collect()
}

/// What a package needs when nothing is installed or removed.
fn asked_needs(path: &std::path::Path) -> Vec<String> {
    let lasts = |moments: &str| {
        let any = |words: &[&str]| moments.split(',').any(|moment| words.contains(&moment));
        !any(&["pre", "post", "pretrans", "posttrans", "rpmlib"])
            || any(&["preun", "postun", "meta"])
    };
    let needs = asked(path, "REQUIRE").into_iter();
    let needs = needs.filter(|(moments, _)| lasts(moments)).flat_map(|(_, need)| {
        match RICH.iter().find(|(rich, _)| *rich == need) {
            Some((_, ours)) => ours.iter().map(ToString::to_string).collect(),
            None => vec![in_our_words(&need)],
        }
    });
    needs.collect()
}

/// Name, version, architecture and relations of the corpus' packages.
#[test]
fn relations_are_what_rpm_says_of_real_packages() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm") {
        return;
    }
    let mut rich = 0;
    for path in packages(&corpus) {
        let bytes = std::fs::read(&path).unwrap().into();
        // One of rpm 3, which is refused.
        let Ok(file) = PackageFile::parse("x", &bytes) else { continue };
        let ours = package(&file.header).unwrap().unwrap();
        let query = "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}";
        let name = path.to_str().unwrap();
        let options = ["-qp", "--nosignature", "--nodigest", "--qf", query, name];
        let identity = oracle::run("rpm", &options);
        let version = ours.version.to_string();
        let version = if version.contains(':') { version } else { format!("0:{version}") };
        assert_eq!(format!("{} {version} {}", ours.name, ours.arch), identity, "{name}");
        let needs: Vec<String> = ours.relations.requires.iter().map(ToString::to_string).collect();
        rich += needs.iter().filter(|need| need.starts_with('(')).count();
        assert_eq!(needs, asked_needs(&path), "{name}");
        let shown = |all: &[Constraint]| all.iter().map(ToString::to_string).collect();
        let conflicts = ours.relations.conflicts.iter().map(ToString::to_string).collect();
        let (provides, obsoletes) = (&ours.relations.provides, &ours.relations.obsoletes);
        let listed: [(Vec<String>, &str); 3] =
            [(shown(provides), "PROVIDE"), (conflicts, "CONFLICT"), (shown(obsoletes), "OBSOLETE")];
        for (ours, tag) in listed {
            let theirs = asked(&path, tag).into_iter().map(|(_, of)| in_our_words(&of));
            assert_eq!(ours, theirs.collect::<Vec<_>>(), "{name} {tag}");
        }
    }
    assert_eq!(rich, 6);
}

/// A byte of a header is a directory: those beyond a number are not read.
#[test]
fn directories_are_bounded() {
    for (index, provided) in [(0, 1), (DIRECTORIES_MAX as u32, 0)] {
        let mut values = [
            Value::string(Tag::NAME, "demo"),
            Value::string(Tag::VERSION, "1"),
            Value::string(Tag::RELEASE, "1"),
            Value::string(Tag::ARCH, "noarch"),
            array(Tag::REQUIRENAME, &["/bin/sh"]),
            Value::int32(Tag::DIRINDEXES, &[index]),
            array(Tag::BASENAMES, &["sh"]),
            array(Tag::DIRNAMES, &vec!["/bin/"; DIRECTORIES_MAX + 1]),
        ];
        values.sort_by_key(|value| value.tag);
        let header = header(&values, Vec::new());
        let mut packages = [(package(&header).unwrap().unwrap(), &header)];
        provide_paths(&mut packages, &BTreeSet::new());
        assert_eq!(packages[0].0.relations.provides.len(), provided, "{index}");
    }
}
