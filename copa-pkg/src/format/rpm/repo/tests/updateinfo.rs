//! Reading `updateinfo.xml`, and what a plan gets of it.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::fixture::root::corpus;
use crate::repository::fixes::Step;
use crate::unpack::compression::Compression;
use crate::version::any::Version;

fn package(attributes: &str) -> String {
    format!("<package {attributes} src=\"s.src.rpm\"><filename>f</filename><sum>x</sum></package>")
}

fn advisory(kind: &str, references: &str, list: &str) -> String {
    format!(
        "<update from=\"x\" status=\"final\" type=\"{kind}\" version=\"1\"><id>A-1</id>\
         <title>t</title><issued date=\"d\"/><references>{references}</references>\
         <pkglist><collection short=\"c\"><name>n</name>{list}</collection></pkglist></update>"
    )
}

fn cve(id: &str) -> String {
    format!("<reference href=\"https://x.invalid/{id}\" id=\"{id}\" type=\"cve\" title=\"\"/>")
}

fn read(advisories: &str) -> io::Result<Fixes> {
    let text = format!("<?xml version=\"1.0\"?><updates>{advisories}</updates>");
    super::read(text.as_bytes(), &|stream| stream == "nodejs:18")
}

fn version(text: &str) -> Version {
    Version::Rpm(text.parse().unwrap())
}

/// `NAME ARCH FROM TO`; `-` for a package that is new.
struct Update<'a> {
    name: &'a str,
    arch: &'a str,
    from: Option<Version>,
    to: Version,
}

fn update(text: &str) -> Update<'_> {
    let words: Vec<&str> = text.split(' ').collect();
    let from = Some(words[2]).filter(|from| *from != "-").map(version);
    Update { name: words[0], arch: words[1], from, to: version(words[3]) }
}

impl Update<'_> {
    fn step(&self) -> Step<'_> {
        Step { name: self.name, arch: self.arch, from: self.from.as_ref(), to: &self.to }
    }
}

fn fixed(fixes: &Fixes, plan: &str) -> String {
    let found = fixes.of(&[update(plan).step()]).remove(&0).unwrap_or_default();
    found.into_iter().collect::<Vec<_>>().join(" ")
}

/// Not once for each line of it: that would be the product of both.
#[test]
fn an_advisory_is_taken_once_for_an_update() {
    let ids: String = (1000..5000).map(|i| cve(&format!("CVE-2024-{i}"))).collect();
    let line = "name=\"a\" epoch=\"0\" version=\"2\" release=\"1\" arch=\"x86_64\"";
    let fixes = read(&advisory("security", &ids, &package(line).repeat(4000))).unwrap();
    assert_eq!(fixes.of(&[update("a x86_64 1-1 2-1").step()])[&0].len(), 4000);
}

#[test]
fn what_lies_between_the_installed_and_the_new_version_is_fixed() {
    let of = |id: &str, epoch: &str, version: &str, release: &str| {
        let attributes = format!(
            "name=\"openssl\" epoch=\"{epoch}\" version=\"{version}\" release=\"{release}\" \
             arch=\"x86_64\""
        );
        advisory("security", &cve(id), &package(&attributes))
    };
    let fixes = read(
        &[
            of("CVE-2024-0001", "1", "3.0.7", "1.el9"),
            of("CVE-2024-0002", "1", "3.0.7", "2.el9"),
            of("CVE-2024-0003", "1", "3.0.8", "1.el9"),
            of("CVE-2024-0004", "1", "3.1.0", "1.el9"),
            of("CVE-2024-0005", "0", "9.0", "1.el9"),
        ]
        .concat(),
    )
    .unwrap();
    for (plan, expected) in [
        ("openssl x86_64 1:3.0.7-1.el9 1:3.0.8-1.el9", "CVE-2024-0002 CVE-2024-0003"),
        ("openssl x86_64 1:3.0.6-9.el9 1:3.0.7-1.el9", "CVE-2024-0001"),
        ("openssl x86_64 1:3.0.7~rc1-1.el9 1:3.0.7-1.el9", "CVE-2024-0001"),
        ("openssl x86_64 1:3.0.8-1.el9 1:3.0.9-1.el9", ""),
        ("openssl x86_64 3.0-1.el9 9.0-1.el9", "CVE-2024-0005"),
        ("openssl noarch 1:3.0.8-1.el9 1:3.1.0-1.el9", "CVE-2024-0004"),
        ("openssl aarch64 1:3.0.7-1.el9 1:3.0.8-1.el9", ""),
        ("openssl x86_64 - 1:3.0.8-1.el9", ""),
        ("openssl-libs x86_64 1:3.0.7-1.el9 1:3.0.8-1.el9", ""),
    ] {
        assert_eq!(fixed(&fixes, plan), expected, "{plan}");
    }
    let both = [update("openssl i686 1:3.0.7-1.el9 1:3.0.8-1.el9"), update("a noarch 1-1 2-1")];
    assert!(fixes.of(&both.each_ref().map(Update::step)).is_empty());
    assert_eq!(Fixes::from_bytes(&Bytes::copy_from_slice(fixes.as_bytes())).unwrap(), fixes);
}

#[test]
fn vulnerabilities_are_named_by_references() {
    let demo = package("name=\"demo\" version=\"2\" release=\"1\" arch=\"noarch\"");
    let bug = |title: &str| format!("<reference id=\"9\" type=\"bugzilla\" title=\"{title}\"/>");
    for (kind, references, expected) in [
        ("bugfix", cve("CVE-2024-0002") + &cve("CVE-2024-0001"), "CVE-2024-0001 CVE-2024-0002"),
        ("security", cve("RHSA-2024:1"), ""),
        ("security", cve("CVE-24-1"), ""),
        ("security", cve("CVE-2024-123456"), "CVE-2024-123456"),
        ("security", bug("CVE-2024-0001 CVE-2024-0002 demo: bad"), "CVE-2024-0001 CVE-2024-0002"),
        ("security", bug("CVE-2024-0001: bad"), "CVE-2024-0001"),
        ("security", bug("regression after CVE-2024-0001"), ""),
        ("bugfix", bug("CVE-2024-0001 demo: bad"), ""),
        ("security", String::new(), ""),
    ] {
        let fixes = read(&advisory(kind, &references, &demo)).unwrap();
        assert_eq!(fixed(&fixes, "demo x86_64 1-1 2-1"), expected, "{kind} {references}");
    }
}

#[test]
fn other_streams_of_modules_are_not_meant() {
    let list = |stream: &str| {
        let module = format!("<module name=\"nodejs\" stream=\"{stream}\" version=\"1\"/>");
        let demo = package("name=\"nodejs\" version=\"2\" release=\"1\" arch=\"x86_64\"");
        advisory("security", &cve("CVE-2024-0001"), &(module + &demo))
    };
    let plan = "nodejs x86_64 1-1 2-1";
    assert_eq!(fixed(&read(&list("18")).unwrap(), plan), "CVE-2024-0001");
    assert_eq!(fixed(&read(&list("20")).unwrap(), plan), "");
}

#[test]
fn what_is_not_in_order_is_passed_over_or_refused() {
    let demo = "name=\"demo\" version=\"2\" release=\"1\" arch=\"noarch\"";
    for (from, to) in [
        ("name=\"demo\" ", ""),
        ("version=\"2\" ", ""),
        ("\"noarch\"", "\"src\""),
        ("\"2\"", "\"2\t3\""),
        ("\"2\"", "\"2-3\""),
        ("\"demo\"", "\"de mo\""),
    ] {
        let broken = demo.replace(from, to);
        assert_ne!(broken, demo);
        let text = advisory("security", &cve("CVE-2024-0001"), &package(&broken));
        let fixes = read(&text).unwrap();
        assert_eq!(fixed(&fixes, "demo x86_64 1-1 3-1"), "", "{broken}");
    }
    let counts = |_: &str| true;
    for broken in ["", "<other/>", "<updates><update></updates>", "<updates>"] {
        assert!(super::read(broken.as_bytes(), &counts).is_err(), "{broken}");
    }
}

#[test]
fn more_than_is_kept_is_refused() {
    let name = "x".repeat(1 << 20);
    let list = package(&format!("name=\"{name}\" version=\"1\" release=\"1\" arch=\"\"")).repeat(3);
    let one = advisory("security", &cve("CVE-2024-0001"), &list);
    assert!(read(&one.repeat(22)).unwrap_err().to_string().contains("64 MiB"));
    let long = advisory("security", &cve("CVE-2024-0001"), &list.repeat(22));
    assert!(read(&long).unwrap_err().to_string().contains("64 MiB"));
}

#[test]
fn real_ones_are_read() {
    let Some(corpus) = corpus() else { return };
    let corpus = corpus.join("rpm-software-management+createrepo_c");
    let files = ["updateinfo_00.xml", "updateinfo_01.xml", "updateinfo_02.xml.xz"];
    let mut read = 0;
    for path in files.iter().chain(&["updateinfo_03.xml"]).map(|name| format!("updateinfo_files/{name}")).chain([
        "repo_with_additional_metadata/repodata/88514679cb03d8f51e850ad3639c089f899e83407a2380ef9e62873a8eb1db13-updateinfo_01.xml.gz".to_owned(),
    ]) {
        let suffix = |c: &Compression| path.ends_with(c.suffix());
        let compression = Compression::ALL.into_iter().find(suffix).unwrap();
        let bytes = std::fs::read(corpus.join(&path)).unwrap();
        let text = compression.reader(&bytes[..]).unwrap();
        super::read(io::BufReader::new(text), &|_| true).unwrap();
        read += 1;
    }
    assert_eq!(read, 5);
}

proptest! {
    #[test]
    fn never_panics(
        text in "(<update type='security'>|</update>|<references>|</references>|<reference type='cve' id='CVE-2024-0001'/>|<pkglist>|</pkglist>|<collection>|</collection>|<module name='a' stream='b'/>|<package name='a' version='1' release='2' arch='x'/>|[a0/]){0,30}",
    ) {
        let _ = read(&text).map(|fixes| fixed(&fixes, "a x 0-1 3-1"));
    }
}
