mod deb;
mod random;
mod tree;

use std::path::Path;

use super::*;
use crate::format::deb::install::distroless::tests::deb::{BUILT, Deb, LATER};
use crate::format::deb::install::distroless::tests::tree::Tree;
use crate::format::deb::package::archive::Archive;
use crate::install::change::Change;
use crate::install::outcome::Why;
use crate::package::candidate::Candidate;
use crate::package::checksum::Checksum;
use crate::package::relation::Relations;
use crate::port::FileKind;

fn package(bytes: Vec<u8>) -> Verified {
    let archive = Archive::open("test", &bytes).unwrap();
    let text = String::from_utf8_lossy(&archive.control.control.bytes).into_owned();
    let stanza = Stanza::parse(&text).unwrap();
    let field = |name| stanza.require(name).unwrap().to_owned();
    let candidate = Candidate {
        name: field("Package"),
        version: crate::version::any::Version::Deb(field("Version").parse().unwrap()),
        arch: field("Architecture"),
        source: field("Package"),
        url: "file:///p.deb".parse().unwrap(),
        size: bytes.len() as u64,
        checksum: Checksum::Sha256(String::new()),
        origin: "test".into(),
        relations: Relations::default(),
    };
    let package = Package { candidate, bytes: bytes.into(), repacked: None };
    Verified { package, warning: None }
}

/// Installs into an image that has the database.
fn install(root: &dyn Root, packages: &[Verified]) -> Result<Installation> {
    let db = StatusD::open(root)?.expect("the image has a database");
    super::install(root, &db, packages)
}

/// An image of these packages and of one that stays, built at another time.
fn image(packages: &[&Deb]) -> Tree {
    let mut tree = Tree::default();
    Deb::new("base-files", 1).file("usr/share/base-files/motd", "hello").lay(&mut tree);
    tree.file("usr/share/base-files/motd", "hello", BUILT - 500);
    packages.iter().for_each(|package| package.lay(&mut tree));
    tree
}

fn run(tree: &Tree, packages: &[&Deb]) -> Installation {
    let packages: Vec<_> = packages.iter().map(|package| package.build()).collect();
    install(tree, &packages).unwrap()
}

fn kept(out: &Installation) -> Vec<(&str, Why)> {
    out.kept.iter().map(|kept| (kept.path.to_str().unwrap(), kept.why)).collect()
}

/// Updating from `old` to `new` makes what laying `new` would have made.
#[track_caller]
fn assert_golden(old: &[&Deb], new: &[&Deb]) -> Installation {
    let tree = image(old);
    let out = run(&tree, new);
    let differences = tree.after(&out.changes).differences(&image(new));
    assert_eq!(differences, Vec::<String>::new(), "{out:?}");
    assert_eq!(kept(&out), []);
    out
}

fn lib(version: u32) -> Deb {
    let real = format!("usr/lib/libp.so.1.{version}");
    let deb = Deb::new("libp", version).directory("usr").directory("usr/lib");
    let deb = deb.file(&real, &format!("code {version}"));
    deb.link("usr/lib/libp.so.1", &format!("libp.so.1.{version}"))
        .file("usr/share/doc/libp/copyright", "free")
}

#[test]
fn a_library_is_updated_and_only_what_differs_is_written() {
    let out = assert_golden(&[&lib(1)], &[&lib(2)]);
    let changed: Vec<_> = out.changes.iter().map(|(path, _)| path.to_str().unwrap()).collect();
    let expected = [
        "usr/lib/libp.so.1",
        "usr/lib/libp.so.1.1",
        "usr/lib/libp.so.1.2",
        "var/lib/dpkg/status.d/libp",
        "var/lib/dpkg/status.d/libp.md5sums",
    ];
    assert_eq!(changed, expected);
}

#[test]
fn the_same_version_again_changes_its_record_only() {
    let out = assert_golden(&[&lib(1)], &[&lib(1)]);
    assert_eq!(out.changes.len(), 2);
}

#[test]
fn stale_links_and_emptied_directories_go() {
    let old = lib(1)
        .link("usr/lib/libp.so.0", "libp.so.1.1")
        .link("usr/lib/libp-old.so", "/usr/share/base-files/motd")
        .file("usr/share/libp/deep/er/x", "x");
    assert_golden(&[&old], &[&lib(2)]);
}

#[test]
fn empty_directories_that_no_package_has_files_in_stay() {
    let old = lib(1).file("usr/share/libp/deep/er/x", "x");
    let mut tree = image(&[&old]);
    tree.directory("usr/share/libp/mount");
    let after = tree.after(&run(&tree, &[&lib(2)]).changes);
    assert_eq!(after.kind("usr/share/libp/mount"), Some(FileKind::Directory));
    assert_eq!(after.kind("usr/share/libp/deep"), None);
}

#[test]
fn links_of_others_stay() {
    let mut tree = image(&[&lib(1)]);
    tree.link("usr/lib/user.so", "libp.so.1.1", LATER).link(
        "usr/lib/theirs.so",
        "other",
        BUILT - 3,
    );
    let after = tree.after(&run(&tree, &[&lib(2)]).changes);
    assert!(after.kind("usr/lib/user.so").is_some() && after.kind("usr/lib/theirs.so").is_some());
}

#[test]
fn a_file_moves_between_packages_and_directories() {
    let (a1, b1) =
        (Deb::new("a", 1).file("usr/lib/x/f", "1"), Deb::new("b", 1).file("usr/lib/x/g", "1"));
    let (a2, b2) =
        (Deb::new("a", 2).file("usr/lib/x/g", "2"), Deb::new("b", 2).file("usr/lib/x/f", "1"));
    assert_golden(&[&a1, &b1], &[&a2, &b2]);
    assert_golden(&[&a1, &b1], &[&b2, &a2]);
}

#[test]
fn a_file_that_another_package_has_stays() {
    let shared = |name, version| Deb::new(name, version).file("usr/share/common", "same");
    let tree = image(&[&shared("a", 1), &shared("b", 1)]);
    let out = run(&tree, &[&Deb::new("a", 2).file("usr/bin/a", "2")]);
    assert_eq!(tree.after(&out.changes).text("usr/share/common").unwrap(), "same");
    assert_eq!(kept(&out), []);
}

#[test]
fn files_links_and_directories_become_each_other() {
    let p = |version| Deb::new("p", version).file("usr/share/p/z", "z");
    let file = |version| p(version).file("usr/share/p/a", &version.to_string());
    let link = |version| p(version).link("usr/share/p/a", "z");
    let directory = |version| p(version).directory("usr/share/p/a").file("usr/share/p/a/b", "b");
    assert_golden(&[&file(1)], &[&link(2)]);
    assert_golden(&[&link(1)], &[&file(2)]);
    assert_golden(&[&file(1)], &[&directory(2)]);
    assert_golden(&[&directory(1)], &[&file(2)]);
    assert_golden(&[&directory(1)], &[&link(2)]);
    let alone = Deb::new("p", 2).link("usr/share/p/a", "/usr/bin");
    assert_golden(&[&directory(1)], &[&alone]);
    let said = "dpkg-maintscript-helper symlink_to_dir /usr/share/p/a z 2~ p -- \"$@\"\n";
    assert_golden(&[&link(1)], &[&directory(2).script("preinst", said)]);
}

#[test]
fn hard_links_and_setuid_and_odd_names() {
    let p = |version: u32| {
        let deb = Deb::new("p", version).setuid("usr/bin/su\u{e9}", &format!("{version}"));
        deb.file("usr/bin/one", &format!("{version}")).hard("usr/bin/two", "usr/bin/one")
    };
    let out = assert_golden(&[&p(1)], &[&p(2)]);
    let Some(Change::Write(file)) = out.changes.get(Path::new("usr/bin/two")) else { panic!() };
    assert_eq!(file.content, Content::Hardlink("usr/bin/one".into()));
    let plain = Deb::new("p", 3).file("usr/bin/su\u{e9}", "1");
    assert_golden(&[&p(1)], &[&plain]);
    let third = p(1).hard("usr/bin/three", "usr/bin/one");
    assert_golden(&[&p(1)], &[&third]);
}

#[test]
fn a_merged_usr_is_written_through_its_links() {
    let old = Deb::new("p", 1).directory("lib").file("lib/p.so", "1").file("usr/lib/q", "1");
    let new = Deb::new("p", 2)
        .directory("usr/lib")
        .file("usr/lib/p.so", "2")
        .directory("lib")
        .file("lib/q", "1");
    let mut tree = Tree::default();
    Deb::new("p", 1).file("usr/lib/p.so", "1").file("usr/lib/q", "1").lay(&mut tree);
    tree.link("lib", "usr/lib", BUILT);
    tree.file("var/lib/dpkg/status.d/p.md5sums", old.md5sums(), 0);
    let out = run(&tree, &[&new]);
    let after = tree.after(&out.changes);
    assert_eq!(after.kind("lib"), Some(crate::port::FileKind::Symlink("usr/lib".into())));
    assert_eq!(after.text("usr/lib/p.so").unwrap(), "2");
    assert_eq!(after.text("usr/lib/q").unwrap(), "1");
    assert_eq!((out.changes.len(), kept(&out)), (3, vec![]));
}

#[test]
fn what_the_user_did_stays_and_is_said() {
    let p = |version: u32| {
        let text = format!("{version}");
        let deb = Deb::new("p", version).file("usr/bin/p", &text).file("usr/bin/q", &text);
        let deb = deb.link("usr/lib/l", &format!("t{version}")).file("usr/share/p/p", "p");
        deb.conffile("etc/p.conf", &text).conffile("etc/q.conf", &text)
    };
    let new = p(2).file("usr/bin/new", "2");
    let mut tree = image(&[&p(1)]);
    tree.file("usr/bin/p", "mine", LATER).remove("usr/bin/q").link("usr/lib/l", "mine", LATER);
    tree.file("etc/p.conf", "mine", LATER).file("usr/bin/new", "mine", LATER);
    let out = run(&tree, &[&new]);
    let expected = [
        ("etc/p.conf", Why::Changed),
        ("usr/bin/new", Why::Foreign),
        ("usr/bin/p", Why::Changed),
        ("usr/bin/q", Why::Deleted),
        ("usr/lib/l", Why::Foreign),
    ];
    assert_eq!(kept(&out), expected);
    let after = tree.after(&out.changes);
    assert_eq!(after.text("usr/bin/p").unwrap(), "mine");
    assert_eq!(after.text("etc/p.conf").unwrap(), "mine");
    assert_eq!(after.text("etc/q.conf").unwrap(), "2", "the user did not touch it");
    assert_eq!(after.kind("usr/bin/q"), None);
}

/// Whoever made the image gave one time to everything; one package was updated since.
#[test]
fn a_time_that_sources_share_tells_nothing_of_configuration() {
    let p = |version: u32| {
        let text = version.to_string();
        Deb::new("p", version).file("usr/bin/p", &text).conffile("etc/p.conf", &text)
    };
    let mut tree = image(&[&p(1), &Deb::new("q", 1).file("usr/bin/q", "1")]);
    tree.file("etc/p.conf", "mine", BUILT);
    let out = run(&tree, &[&p(2)]);
    assert_eq!(kept(&out), [("etc/p.conf", Why::Changed)]);
}

#[test]
fn a_changed_file_that_the_new_version_lacks_stays() {
    let mut tree = image(&[&lib(1)]);
    tree.file("usr/lib/libp.so.1.1", "mine", LATER);
    let out = run(&tree, &[&lib(2)]);
    assert_eq!(kept(&out), [("usr/lib/libp.so.1.1", Why::Changed)]);
}

#[test]
fn what_the_user_deleted_does_not_come_back() {
    let p = |version: u32| {
        lib(version)
            .directory("usr/share/doc/libp")
            .file("usr/share/doc/libp/changelog", &version.to_string())
    };
    let mut tree = image(&[&p(1)]);
    tree.remove("usr/share/doc/libp");
    let new = p(2).file("usr/share/doc/libp/NEWS", "2");
    let after = tree.after(&run(&tree, &[&new]).changes);
    assert_eq!(after.kind("usr/share/doc/libp"), None);
    assert_eq!(after.text("usr/lib/libp.so.1.2").unwrap(), "code 2");
}

#[test]
fn capabilities_stay() {
    let mut tree = image(&[&lib(1)]);
    tree.xattr("usr/share/doc/libp/copyright", "security.capability", b"x");
    let new = lib(2).setuid("usr/share/doc/libp/copyright", "new");
    let out = run(&tree, &[&new]);
    let Some(Change::Write(file)) = out.changes.get(Path::new("usr/share/doc/libp/copyright"))
    else {
        panic!()
    };
    assert_eq!(file.xattrs, [("security.capability".to_owned(), b"x".to_vec())]);
}

#[test]
fn distroless_own_files_stay_silently_and_debian_version_follows() {
    let base = |version: u32| {
        let deb =
            Deb::new("base-files", version).file("usr/lib/os-release", &format!("v{version}"));
        deb.link("etc/os-release", "../usr/lib/os-release")
            .conffile("etc/debian_version", &format!("12.{version}\n"))
    };
    let mut tree = Tree::default();
    base(1).lay(&mut tree);
    tree.file("usr/lib/os-release", "PRETTY_NAME=\"Distroless\"\n", 0);
    let out = run(&tree, &[&base(2)]);
    let after = tree.after(&out.changes);
    assert_eq!(after.text("etc/debian_version").unwrap(), "12.2\n");
    assert!(after.text("usr/lib/os-release").unwrap().contains("Distroless"));
    assert_eq!(kept(&out), []);
}

#[test]
fn without_checksums_the_new_version_is_laid_over() {
    let mut tree = image(&[&lib(1)]);
    tree.remove("var/lib/dpkg/status.d/libp.md5sums")
        .remove("var/lib/dpkg/status.d/base-files.md5sums");
    let out = run(&tree, &[&lib(2)]);
    let after = tree.after(&out.changes);
    assert_eq!(after.text("usr/lib/libp.so.1.2").unwrap(), "code 2");
    assert_eq!(after.kind("var/lib/dpkg/status.d/libp.md5sums"), None);
}

#[test]
fn a_new_package_is_recorded_in_the_style_of_the_others() {
    for (style, name) in [("plain", "libn1.2"), ("dot", "libn1"), ("base64", "bGlibjEuMg==")] {
        let mut tree = Tree::default();
        for package in ["libssl1.1", "libz9.9"] {
            let file = match style {
                "plain" => package.to_owned(),
                "dot" => package.split('.').next().unwrap().to_owned(),
                _ => base64::Engine::encode(&base64::engine::general_purpose::STANDARD, package),
            };
            let text = format!("Package: {package}\nVersion: 1\nArchitecture: amd64\n");
            tree.file(&format!("var/lib/dpkg/status.d/{file}"), text, 0);
        }
        let out = run(&tree, &[&Deb::new("libn1.2", 1).file("usr/lib/n", "n")]);
        let after = tree.after(&out.changes);
        assert!(after.text(&format!("var/lib/dpkg/status.d/{name}")).is_some(), "{style}");
        assert_eq!(after.text("usr/lib/n").unwrap(), "n");
    }
}

fn pem(name: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n")
}

fn certificates(version: u32, names: &[&str]) -> Deb {
    let path = |name: &&str| format!("usr/share/ca-certificates/mozilla/{name}.crt");
    let deb = Deb::new("ca-certificates", version).file("usr/sbin/update-ca-certificates", "x");
    let deb = deb.file("usr/share/doc/ca-certificates/copyright", &format!("{version}"));
    let deb = deb.file("usr/share/doc/ca-certificates/changelog", &format!("{version}"));
    names.iter().fold(deb, |deb, name| deb.file(&path(name), &pem(name)))
}

/// An image with the bundle of these certificates.
fn bundled(names: &[&str], bundle: &str) -> Tree {
    let mut tree = image(&[&certificates(1, names)]);
    tree.remove("usr/share/ca-certificates").remove("usr/sbin");
    tree.remove("usr/share/doc/ca-certificates/changelog");
    tree.mode("usr/share/doc/ca-certificates/copyright", 0o555);
    tree.file("etc/ssl/certs/ca-certificates.crt", bundle, 0);
    tree.mode("etc/ssl/certs/ca-certificates.crt", 0o555);
    tree
}

#[test]
fn the_bundle_is_made_again() {
    let bundle = |names: &[&str]| names.iter().map(|name| pem(name)).collect::<String>();
    let path = "etc/ssl/certs/ca-certificates.crt";
    let new = certificates(2, &["A", "C", "D"]);
    let tree = bundled(&["A", "B", "C"], &bundle(&["A", "B", "C"]));
    let out = run(&tree, &[&new]);
    assert_eq!(kept(&out), []);
    let after = tree.after(&out.changes);
    let mut expected = bundled(&["A", "C", "D"], &bundle(&["A", "C", "D"]));
    expected
        .file("usr/share/doc/ca-certificates/copyright", "2", 0)
        .mode("usr/share/doc/ca-certificates/copyright", 0o555);
    expected.file(
        "var/lib/dpkg/status.d/ca-certificates",
        after.text("var/lib/dpkg/status.d/ca-certificates").unwrap(),
        0,
    );
    expected.file("var/lib/dpkg/status.d/ca-certificates.md5sums", new.md5sums(), 0);
    assert_eq!(after.differences(&expected), Vec::<String>::new());

    let mut tree = bundled(&["A", "B", "C"], &bundle(&["A", "B", "C", "mine"]));
    tree.file("etc/ssl/certs/java/cacerts", "jks", 0);
    let out = run(&tree, &[&new]);
    assert_eq!(tree.after(&out.changes).text(path).unwrap(), bundle(&["A", "C", "D", "mine"]));
    assert_eq!(
        kept(&out),
        [(path, Why::OwnCertificates), ("etc/ssl/certs/java/cacerts", Why::Derived)]
    );

    let tree = bundled(&["A", "B", "C"], &bundle(&["A", "mine"]));
    let out = run(&tree, &[&new]);
    assert_eq!(tree.after(&out.changes).text(path).unwrap(), bundle(&["A", "mine"]));
    assert_eq!(kept(&out), [(path, Why::Changed)]);
}

#[test]
fn the_loader_cache_goes_when_it_names_what_is_gone() {
    let mut tree = image(&[&lib(1)]);
    tree.file("etc/ld.so.cache", b"glibc-ld.so.cache1.1\0libp.so.1\0/usr/lib/libp.so.1\0", BUILT);
    let out = run(&tree, &[&lib(2)]);
    assert_eq!((out.changes.get(Path::new("etc/ld.so.cache")), out.warnings.len()), (None, 0));
    let gone = Deb::new("libp", 2).file("usr/lib/libp.so.2", "2");
    let out = run(&tree, &[&gone]);
    assert_eq!(out.changes.get(Path::new("etc/ld.so.cache")), Some(&Change::Remove));
    assert_eq!(out.warnings.len(), 1);
}

#[test]
fn scripts_that_matter_are_said() {
    let script = "#!/bin/sh\n# setcap is not called\nupdate-alternatives --install /a b c 1\n";
    let out = run(&image(&[&lib(1)]), &[&lib(2).script("postinst", script)]);
    assert_eq!(
        out.unrun.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["libp: its postinst (it calls update-alternatives) did not run, as scripts never do"]
    );
}

/// What is said of the scripts of a new version.
fn said(scripts: &[(&str, &str)]) -> Vec<String> {
    let new = scripts.iter().fold(lib(2), |deb, (name, text)| deb.script(name, text));
    let out = run(&image(&[&lib(1)]), &[&new]);
    out.unrun.iter().map(|unrun| unrun.script.clone()).collect()
}

#[test]
fn scripts_are_read_as_an_update_calls_them() {
    for (name, script, wanted) in [
        ("postinst", "if [ \"$1\" = configure ]; then setcap x y; fi", Some("calls setcap")),
        ("postinst", "case $1 in configure) ;; abort-*) setcap x y;; esac", None),
        ("postinst", "dpkg --compare-versions \"$2\" lt 2 && rm /x", Some("calls rm")),
        ("postinst", "dpkg --compare-versions \"$2\" lt 1 && rm /x", None),
        ("postinst", "[ -z \"$2\" ] && rm /x", None),
        ("preinst", "[ \"$1 $3\" = 'upgrade 2' ] && rm /x", Some("calls rm")),
        ("preinst", "[ \"$1\" = install ] && rm /x", None),
        ("preinst", "rm_conffile() { rm /x; }\nldconfig\n", None),
        ("prerm", "rm /x", None),
        ("postinst", "#!/usr/bin/perl\nunlink 'x';", Some("is written for perl")),
        ("postinst", "#!/bin/bash -e\n[[ $1 == configure ]] || rm /x", None),
        ("postinst", "#!/bin/sh\n[[ $1 == configure ]] || rm /x", Some("calls rm")),
        ("postinst", "if", Some("cannot be followed")),
        ("postinst", "[ -e /usr/lib/libp.so.1.2 ] || rm /x", None),
        ("postinst", "[ ! -e /usr/lib/libp.so.1.1 ] || rm /x", None),
        ("preinst", "[ -e /usr/lib/libp.so.1.1 ] || rm /x", None),
        ("postinst", "if which none >/dev/null 2>&1; then none; fi", None),
    ] {
        let wanted: Vec<String> = wanted.iter().map(|why| format!("{name} (it {why})")).collect();
        assert_eq!(said(&[(name, script)]), wanted, "{script}");
    }
    let new = Deb::new("new", 1).file("usr/bin/new", "1");
    let new = new.script("preinst", "[ \"$1\" = upgrade ] && rm /x");
    let new = new.script("postinst", "[ -n \"$2\" ] && rm /x");
    assert_eq!(run(&image(&[]), &[&new]).unrun, []);
}

#[test]
fn users_that_packages_bring_are_made() {
    let asks = "u one - \"A One\"\ng two\n";
    let with = |text: &str, script: &str| {
        let deb = lib(2).file("usr/lib/sysusers.d/libp.conf", text);
        deb.script("postinst", script)
    };
    let mut tree = image(&[&lib(1)]);
    let calls = with(asks, "systemd-sysusers libp.conf; addgroup two");
    let said = |out: &Installation| out.unrun.iter().map(|u| u.script.clone()).collect::<Vec<_>>();
    // Without the files nothing is made.
    let unmade = ["postinst (it calls addgroup, systemd-sysusers)"];
    assert_eq!(said(&run(&tree, &[&calls])), unmade);
    tree.file("etc/passwd", "root:x:0:0::/:/sbin/nologin\n", 0);
    tree.file("etc/group", "root:x:0:\n", 0);
    let out = run(&tree, &[&calls]);
    assert_eq!(said(&out), [""; 0]);
    let after = tree.after(&out.changes);
    let wanted = "root:x:0:0::/:/sbin/nologin\none:x:998:998:A One:/:/usr/sbin/nologin\n";
    assert_eq!(after.text("etc/passwd").unwrap(), wanted);
    assert_eq!(after.text("etc/group").unwrap(), "root:x:0:\ntwo:x:999:\none:x:998:\n");
    assert_eq!(kept(&out), []);
    // Of what a line asks for that is not understood, nothing is made.
    let odd = run(&tree, &[&with("u one /path", "systemd-sysusers")]);
    assert_eq!(said(&odd), ["postinst (it calls systemd-sysusers)"]);
    assert!(odd.changes.get(Path::new("etc/passwd")).is_none());
}

#[test]
fn a_package_that_is_another_one_is_refused() {
    let mut wrong = lib(2).build();
    wrong.package.candidate.name = "libq".into();
    assert!(install(&image(&[&lib(1)]), &[wrong]).unwrap_err().to_string().contains("libq"));
}
