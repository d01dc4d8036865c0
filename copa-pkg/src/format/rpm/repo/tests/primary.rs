//! Reading `primary.xml`.

use super::*;
use crate::fixture::root::corpus;
use crate::unpack::compression::Compression;
use proptest::prelude::*;

const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn package(name: &str, format: &str) -> String {
    format!(
        "<package type=\"rpm\"><name>{name}</name><arch>x86_64</arch>\
         <version epoch=\"1\" ver=\"2.0~rc1\" rel=\"3.azl3\"/>\
         <checksum type=\"sha256\" pkgid=\"YES\">{SHA}</checksum><summary>S</summary>\
         <description>D &amp; d</description><packager/><url/><time file=\"1\" build=\"2\"/>\
         <size package=\"7\" installed=\"8\" archive=\"9\"/>\
         <location href=\"Packages/{name}.rpm\"/><format><rpm:license>MIT</rpm:license>\
         <rpm:sourcerpm>the-source-2.0-3.azl3.src.rpm</rpm:sourcerpm>{format}</format></package>"
    )
}

fn document(packages: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/\
         metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">\
         {packages}</metadata>"
    )
}

fn scan(packages: &str) -> Index {
    let mut scanner = Scanner::new(Filter::default());
    scanner.read(document(packages).as_bytes()).unwrap();
    scanner.finish()
}

#[test]
fn a_package_is_kept_field_by_field() {
    let index = scan(&package(
        "demo",
        "<rpm:provides><rpm:entry name=\"demo\" flags=\"EQ\" epoch=\"1\" ver=\"2.0~rc1\" \
         rel=\"3.azl3\"/><rpm:entry name=\"libdemo.so.1()(64bit)\"/></rpm:provides>\
         <rpm:requires><rpm:entry name=\"/bin/sh\" pre=\"1\"/><rpm:entry name=\"libc\" \
         flags=\"GE\" epoch=\"0\" ver=\"2.38\"/><rpm:entry name=\"rpmlib(X)\" flags=\"LE\" \
         ver=\"4\"/><rpm:entry name=\"(a or b)\"/></rpm:requires><rpm:conflicts><rpm:entry \
         name=\"c\" flags=\"LT\" ver=\"1\"/></rpm:conflicts><rpm:obsoletes><rpm:entry name=\"o\"/>\
         </rpm:obsoletes><file>/usr/bin/demo</file><file type=\"dir\">/etc/demo d</file>",
    ));
    let record = index.named("demo").next().unwrap();
    assert_eq!((record.version(), record.architecture()), ("1:2.0~rc1-3.azl3", "x86_64"));
    assert_eq!((record.source(), record.size()), ("the-source", 7));
    assert_eq!(record.filename(), "Packages/demo.rpm");
    assert_eq!(record.checksum(), Some(Checksum::Sha256(SHA.into())));
    let relations = relation::relations(record.relations()).unwrap();
    let requires: Vec<String> = relations.requires.iter().map(ToString::to_string).collect();
    assert_eq!(requires, ["/bin/sh", "libc (>= 2.38)", "a | b"]);
    assert_eq!(relations.conflicts[0].to_string(), "c (< 1)");
    assert_eq!(relations.obsoletes[0].to_string(), "o");
    for name in ["demo", "libdemo.so.1()(64bit)", "/usr/bin/demo"] {
        assert_eq!(index.providing(name).next().unwrap().package(), "demo", "{name}");
    }
    assert_eq!((index.len(), index.refused()), (1, 0));
}

#[test]
fn texts_that_are_too_long_are_not_collected() {
    let entry = format!("<rpm:entry name=\"{}\"/>", "a".repeat(LONGEST_TEXT / 2));
    let path = format!("<file>/bin/{}</file>", "a".repeat(LONGEST_TEXT / 2));
    for (one, many) in [
        (path.clone(), path.repeat(3)),
        (
            format!("<rpm:requires>{entry}</rpm:requires>"),
            format!("<rpm:requires>{}</rpm:requires>", entry.repeat(3)),
        ),
    ] {
        assert_eq!(scan(&package("a", &one)).len(), 1);
        let text = package("a", &many);
        let mut xml = Xml::new(text.as_bytes());
        assert_eq!(xml.next().unwrap(), Node::Start);
        let found = Found::read(&mut xml).unwrap();
        assert!(found.broken && found.requires.len().max(found.provides.len()) <= LONGEST_TEXT);
    }
}

#[test]
fn what_is_not_in_order_is_left_out_and_counted() {
    let good = package("good", "");
    for (from, to) in [
        ("<name>bad</name>", "<name>b ad</name>"),
        ("<name>bad</name>", ""),
        ("ver=\"2.0~rc1\"", "ver=\"\""),
        ("rel=\"3.azl3\"", "rel=\"3-4\""),
        ("epoch=\"1\"", "epoch=\"99999999999\""),
        ("<arch>x86_64", "<arch>x86/64"),
        ("sha256", "sha"),
        ("<checksum type=\"sha256\" pkgid=\"YES\">e3", "<checksum type=\"sha256\">3"),
        ("package=\"7\"", "package=\"-7\""),
        ("Packages/", "../"),
        ("Packages/", "/"),
        ("Packages/", "http://x.invalid/"),
        ("<location ", "<location xml:base=\"file:///etc\" "),
        ("</format>", "<rpm:requires><rpm:entry name=\"a\" flags=\"??\"/></rpm:requires></format>"),
        ("</format>", "<rpm:requires><rpm:entry name=\"a b\"/></rpm:requires></format>"),
    ] {
        let bad = package("bad", "").replacen(from, to, 1);
        assert_ne!(bad, package("bad", ""), "{from}");
        let index = scan(&format!("{good}{bad}"));
        assert_eq!((index.len(), index.refused()), (1, 1), "{to}");
    }
    let source = package("a", "").replace("<arch>x86_64", "<arch>src");
    assert_eq!((scan(&source).len(), scan(&source).refused()), (0, 0));
    for broken in ["<metadata>", "<other/>", "", "<metadata><package></metadata>"] {
        let mut scanner = Scanner::new(Filter::default());
        assert!(scanner.read(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn a_package_may_be_elsewhere() {
    let text =
        package("a", "").replace("<location ", "<location xml:base=\"https://b.invalid/x/\" ");
    let index = scan(&text);
    let record = index.named("a").next().unwrap();
    assert_eq!(record.filename(), "https://b.invalid/x/Packages/a.rpm");
}

/// All primaries of the corpus that are in XML, and how many packages each has.
#[test]
fn real_ones_are_read() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for repo in [
        "createrepo_c/repo_01",
        "createrepo_c/repo_02",
        "librepo/repo_yum_03",
        "createrepo_c/repo_with_additional_metadata",
    ] {
        let dir = corpus.join(format!("rpm-software-management+{repo}/repodata"));
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_str().unwrap().ends_with("-primary.xml.gz") {
                continue;
            }
            let file = std::fs::File::open(&path).unwrap();
            let mut scanner = Scanner::new(Filter::default());
            let text = Compression::Gzip.reader(file).unwrap();
            scanner.read(std::io::BufReader::new(text)).unwrap();
            let index = scanner.finish();
            assert_eq!(index.refused(), 0, "{path:?}");
            seen += index.len();
        }
    }
    assert!(seen >= 4, "{seen}");
}

proptest! {
    #[test]
    fn never_panics(
        text in "(<package type='rpm'>|</package>|<name>|</name>|<version ver='1' rel='2'/>|<format>|</format>|<rpm:requires>|</rpm:requires>|<rpm:entry name='a'/>|<file>|</file>|[a0/]){0,30}",
    ) {
        let mut scanner = Scanner::new(Filter::default());
        let _ = scanner.read(document(&text).as_bytes());
        let _ = scanner.finish().named("a").count();
    }
}
