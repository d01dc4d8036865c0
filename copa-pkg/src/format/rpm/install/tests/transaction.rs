use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::fixture::root::MemoryRoot;
use crate::format::rpm::db::installed;
use crate::format::rpm::oracle::{Lab, have};
use crate::format::rpm::package::file::PackageFile;
use crate::install::change::{Change, Content, File};
use crate::install::outcome::{Unrun, Why};
use crate::package::candidate::Candidate;
use crate::package::checksum::Checksum;
use crate::package::fetched::Package;

/// A package file that somebody vouches for.
pub(crate) fn package(bytes: Vec<u8>) -> Option<Verified> {
    let bytes = Bytes::from(bytes);
    let file = PackageFile::parse("test", &bytes).ok()?;
    let installed = installed::package(&file.header).ok()??;
    let candidate = Candidate {
        name: installed.name,
        version: installed.version,
        arch: installed.arch,
        source: installed.source,
        url: "https://mirror.invalid/x.rpm".parse().unwrap(),
        size: bytes.len() as u64,
        checksum: Checksum::Sha256(String::new()),
        origin: "test".into(),
        relations: installed.relations,
    };
    let package = Package { candidate, bytes, repacked: None };
    Some(Verified { package, warning: None })
}

/// Installs packages for which no other goes, into an image that has the database.
fn install(root: &dyn Root, packages: &[Verified]) -> Result<Installation> {
    let db = RpmDb::open(root)?.expect("the image has a database");
    super::install(root, &db, &Transaction { packages, removals: &[] })
}

/// A root with release 1 of the oracle's packages, and release 2 with these edits.
fn upgrade(edits: &[(&str, &str)]) -> Option<(MemoryRoot, Vec<Verified>)> {
    upgrade_from(&[], edits)
}

/// The same with edits of release 1.
fn upgrade_from(old: &[(&str, &str)], new: &[(&str, &str)]) -> Option<(MemoryRoot, Vec<Verified>)> {
    if !have("rpm") || !have("rpmbuild") {
        return None;
    }
    let lab = Lab::new();
    let old = lab.build("1", old);
    lab.install(&old.iter().map(|path| &**path).collect::<Vec<_>>());
    let mut root = MemoryRoot::default();
    root.file("var/lib/rpm/rpmdb.sqlite", &lab.database());
    for path in ["opt/demo/file", "opt/demo/hard"] {
        root.file(path, b"1\n");
    }
    root.link("opt/demo/link", "file");
    root.file("opt/demo/conf", b"conf\n");
    root.file("opt/moved/x", b"x\n");
    let new = lab.build("2", new);
    let read = |path: &PathBuf| package(std::fs::read(path).unwrap()).unwrap();
    Some((root, new.iter().map(read).collect()))
}

fn content(out: &Installation, path: &str) -> Option<Vec<u8>> {
    match out.changes.get(Path::new(path))? {
        Change::Write(File { content: Content::Regular(bytes), .. }) => Some(bytes.to_vec()),
        _ => None,
    }
}

/// What the user is told of the path.
fn kept(out: &Installation, path: &str) -> Option<Why> {
    out.kept.iter().find(|kept| kept.path == Path::new(path)).map(|kept| kept.why)
}

const OTHER: (&str, &str) = ("echo conf >", "echo other >");

#[test]
fn files_links_and_database_are_written_and_documentation_is_not() {
    let Some((root, packages)) = upgrade(&[]) else { return };
    let out = install(&root, &packages).unwrap();
    assert_eq!(content(&out, "opt/demo/file").unwrap(), b"2\n");
    let hard = out.changes.get(Path::new("opt/demo/hard"));
    let to = Content::Hardlink("opt/demo/file".into());
    assert!(matches!(hard, Some(Change::Write(file)) if file.content == to), "{hard:?}");
    assert!(content(&out, "var/lib/rpm/rpmdb.sqlite").is_some());
    assert!(out.changes.get(Path::new("opt/demo/doc/README")).is_none());
    assert!(out.changes.get(Path::new("opt/demo/ghost")).is_none());
}

#[test]
fn configuration_has_its_fates() {
    let noreplace = ("%config(noreplace)", "%config(noreplace)");
    let replace = ("%config(noreplace)", "%config");
    let no_config = ("%config(noreplace) ", "");
    for (mine, edit, at_path, aside, said) in [
        // Not changed by the user, or only as the package does.
        ("conf\n", noreplace, Some("other\n"), None, None),
        ("other\n", noreplace, Some("other\n"), None, None),
        // Changed by the user.
        ("mine\n", noreplace, None, Some((".rpmnew", "other\n")), Some(Why::Changed)),
        ("mine\n", replace, Some("other\n"), Some((".rpmsave", "mine\n")), None),
        ("mine\n", no_config, Some("other\n"), Some((".rpmsave", "mine\n")), None),
    ] {
        let Some((mut root, packages)) = upgrade(&[edit, OTHER]) else { return };
        root.file("opt/demo/conf", mine.as_bytes());
        let out = install(&root, &packages).unwrap();
        let text = |path: &str| content(&out, path).map(|b| String::from_utf8(b).unwrap());
        assert_eq!(text("opt/demo/conf").as_deref(), at_path, "{mine} {edit:?}");
        let saved = aside.map(|(ending, _)| text(&format!("opt/demo/conf{ending}")).unwrap());
        assert_eq!(saved.as_deref(), aside.map(|(_, text)| text), "{mine} {edit:?}");
        assert_eq!(kept(&out, "opt/demo/conf"), said, "{mine} {edit:?}");
    }
}

#[test]
fn nothing_is_put_aside_over_a_directory() {
    for (edit, ending) in [
        (("%config(noreplace)", "%config(noreplace)"), ".rpmnew"),
        (("%config(noreplace)", "%config"), ".rpmsave"),
    ] {
        let Some((mut root, packages)) = upgrade(&[edit, OTHER]) else { return };
        root.file("opt/demo/conf", b"mine\n");
        let aside = format!("opt/demo/conf{ending}");
        root.file(format!("{aside}/x"), b"mine too\n");
        let out = install(&root, &packages).unwrap();
        assert!(out.changes.get(Path::new(&aside)).is_none(), "{ending}");
        assert!(out.changes.get(Path::new("opt/demo/conf")).is_none(), "{ending}");
        assert_eq!(kept(&out, &aside), Some(Why::Directory));
        assert_eq!(kept(&out, "opt/demo/conf"), Some(Why::Changed));
    }
}

#[test]
fn what_did_not_change_in_the_package_is_left_to_the_user() {
    let Some((mut root, packages)) = upgrade(&[]) else { return };
    root.file("opt/demo/conf", b"mine\n");
    let out = install(&root, &packages).unwrap();
    assert!(out.changes.get(Path::new("opt/demo/conf")).is_none());
    assert!(out.kept.is_empty(), "{:?}", out.kept);
}

#[test]
fn what_the_new_version_lacks_goes() {
    let gone = [
        ("ln -s file %{buildroot}/opt/demo/link", ":"),
        ("/opt/demo/link\n", ""),
        ("echo conf >%{buildroot}/opt/demo/conf", ":"),
        ("%config(noreplace) /opt/demo/conf\n", ""),
    ];
    for (mine, saved) in [("conf\n", None), ("mine\n", Some(b"mine\n".to_vec()))] {
        let Some((mut root, packages)) = upgrade(&gone) else { return };
        root.file("opt/demo/conf", mine.as_bytes());
        let out = install(&root, &packages).unwrap();
        for path in ["opt/demo/link", "opt/demo/conf"] {
            assert_eq!(out.changes.get(Path::new(path)), Some(&Change::Remove), "{path}");
        }
        assert_eq!(content(&out, "opt/demo/conf.rpmsave"), saved, "{mine}");
    }
}

#[test]
fn what_was_deleted_stays_deleted() {
    let Some((root, packages)) = upgrade(&[OTHER]) else { return };
    let mut without = MemoryRoot::default();
    let database = root.read(Path::new("var/lib/rpm/rpmdb.sqlite")).unwrap().unwrap();
    without.file("var/lib/rpm/rpmdb.sqlite", &database);
    without.file("opt/demo/file", b"1\n");
    let out = install(&without, &packages).unwrap();
    assert_eq!(kept(&out, "opt/demo/link"), Some(Why::Deleted));
    assert!(out.changes.get(Path::new("opt/demo/link")).is_none());
}

#[test]
fn owners_that_the_image_does_not_know_are_said() {
    let edit = ("%config(noreplace) /opt", "%attr(4755,nobody,nogroup) /opt");
    let Some((mut root, packages)) = upgrade(&[edit, OTHER]) else { return };
    let written = |root: &MemoryRoot| {
        let out = install(root, &packages).unwrap();
        let Some(Change::Write(file)) = out.changes.get(Path::new("opt/demo/conf")).cloned() else {
            panic!("{out:?}")
        };
        (
            (file.uid, file.gid, file.mode),
            out.warnings.iter().filter(|w| w.text.contains("nobody")).count(),
        )
    };
    assert_eq!(written(&root), ((0, 0, 0o755), 1));
    root.file("etc/passwd", b"nobody:x:65534:65534::/:\n");
    root.file("etc/group", b"nogroup:x:65533:\n");
    assert_eq!(written(&root), ((65534, 65533, 0o4755), 0));
}

/// A package brings the owner of its files: by a file of its own, or by what its header says.
#[test]
fn users_that_packages_bring_are_made() {
    let owned = ("%config(noreplace) /opt", "%attr(4755,demo,demo) /opt");
    let by_file = [
        ("%files\n", "%files\n%dir /usr/lib/sysusers.d\n/usr/lib/sysusers.d/demo.conf\n"),
        (
            "echo conf >",
            "mkdir -p %{buildroot}/usr/lib/sysusers.d\necho 'u demo - \"A Demo\" /opt' >%{buildroot}/usr/lib/sysusers.d/demo.conf\necho other >",
        ),
    ];
    // In base64 `u demo - "A Demo" /opt`, and blanks: rpmbuild takes `=` since it knows of this.
    let provide = "Provides: user(demo) = dSBkZW1vIC0gIkEgRGVtbyIgL29wdCAg\nProvides: virtual";
    let by_header = [("Provides: virtual", provide), OTHER];
    for edits in [by_file, by_header] {
        let Some((mut root, packages)) = upgrade(&[&[owned][..], &edits].concat()) else { return };
        root.file("etc/passwd", b"root:x:0:0::/:/bin/sh\n");
        root.file("etc/group", b"root:x:0:\n");
        let out = install(&root, &packages).unwrap();
        let text = |path| String::from_utf8(content(&out, path).unwrap()).unwrap();
        let passwd = "root:x:0:0::/:/bin/sh\ndemo:x:999:999:A Demo:/opt:/usr/sbin/nologin\n";
        assert_eq!(text("etc/passwd"), passwd);
        assert_eq!(text("etc/group"), "root:x:0:\ndemo:x:999:\n");
        let Some(Change::Write(file)) = out.changes.get(Path::new("opt/demo/conf")) else {
            panic!("{out:?}")
        };
        assert_eq!((file.uid, file.gid, file.mode), (999, 999, 0o4755));
        assert!(!out.warnings.iter().any(|warning| warning.text.contains("demo:")), "{out:?}");
    }
}

/// Whose changes those files hold is seen by what they were.
#[test]
fn no_user_is_made_beside_the_files_that_list_them() {
    let provide = "Provides: user(demo) = dSBkZW1vIC0g\nProvides: virtual";
    let lists = [
        ("Provides: virtual", provide),
        ("%files\n", "%files\n/etc/passwd\n"),
        ("echo conf >", "mkdir %{buildroot}/etc\necho x >%{buildroot}/etc/passwd\necho conf >"),
    ];
    let Some((mut root, packages)) = upgrade(&lists) else { return };
    root.file("etc/passwd", b"root:x:0:0::/:/bin/sh\n");
    root.file("etc/group", b"root:x:0:\n");
    let out = install(&root, &packages).unwrap();
    assert!(out.changes.get(Path::new("etc/group")).is_none());
}

#[test]
fn scripts_whose_effect_is_unknown_are_said() {
    let scripts =
        ("%files triggers", "%post files\ncp /a /b\n%post\n/sbin/ldconfig\n%files triggers");
    let Some((root, packages)) = upgrade(&[scripts]) else { return };
    let out = install(&root, &packages).unwrap();
    let updates = vec!["demo-files".into()];
    let unrun = Unrun { package: "demo-files".into(), script: "%post".into(), updates };
    assert_eq!(out.unrun, [unrun]);
}

/// What an update of one package would have run, with the package that it is of.
fn unrun(old: &str, new: &str) -> Option<Vec<(String, String)>> {
    let before = |scripts| format!("{scripts}\n%files triggers");
    let (old, new) = (before(old), before(new));
    let at = "%files triggers";
    let (root, mut packages) = upgrade_from(&[(at, &*old)], &[(at, &*new)])?;
    packages.retain(|package| package.candidate().name == "demo-files");
    let out = install(&root, &packages).unwrap();
    assert!(out.unrun.iter().all(|unrun| unrun.updates == ["demo-files"]), "{:?}", out.unrun);
    Some(out.unrun.into_iter().map(|unrun| (unrun.package, unrun.script)).collect())
}

#[test]
fn scripts_of_the_version_that_goes_are_said() {
    let old = "%preun files\nif [ $1 -eq 0 ]; then cp a b; fi\n%postun files\ncp a b";
    let new = "%preun files\ncp a b\n%pre files\n[ $1 -gt 1 ] || cp a b";
    let Some(found) = unrun(old, new) else { return };
    assert_eq!(found, [("demo-files".into(), "%postun".into())]);
}

#[test]
fn triggers_that_an_update_sets_off_are_said() {
    let stays = "%triggerin relocatable -- demo-files\n[ $2 = 1 ] || exit 0\ncp a b\n\
                 %triggerun relocatable -- demo-files = 1:1.0\ncp a b\n\
                 %triggerun relocatable -- demo-other\ncp a b\n\
                 %triggerpostun relocatable -- demo-files < 1:1.0\ncp a b\n\
                 %transfiletriggerin relocatable -- /opt/de\ncp a b\n\
                 %filetriggerun relocatable -- /opt/demo/fi\n/sbin/ldconfig\n\
                 %filetriggerpostun relocatable -- /opt/demo/file\ncp a b\n\
                 %filetriggerin relocatable -- /usr\ncp a b";
    let comes = "%triggerin files -- demo-relocatable\ncp a b\n\
                 %transfiletriggerin files -- /opt/moved\ncp a b\n\
                 %transfiletriggerin files -- /srv\ncp a b\n\
                 %transfiletriggerun files -- /opt/demo\ncp a b";
    let Some(found) = unrun(stays, comes) else { return };
    let of = |package: &str, script: &str| (package.to_owned(), script.to_owned());
    let wanted = [
        of("demo-files", "%transfiletriggerin -- /opt/moved"),
        of("demo-files", "%triggerin -- demo-relocatable"),
        of("demo-relocatable", "%filetriggerpostun -- /opt/demo/file"),
        of("demo-relocatable", "%transfiletriggerin -- /opt/de"),
        of("demo-relocatable", "%triggerun -- demo-files"),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn the_same_packages_make_the_same_changes() {
    let Some((root, packages)) = upgrade(&[OTHER]) else { return };
    assert_eq!(install(&root, &packages).unwrap(), install(&root, &packages).unwrap());
}

#[test]
fn damaged_packages_never_panic() {
    let Some((root, packages)) = upgrade(&[OTHER]) else { return };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    let strategy = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>());
    let result = runner.run(&strategy, |(which, at, byte)| {
        let mut bytes = which.get(&packages).package.bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(package) = package(bytes) {
            let _ = install(&root, &[package]);
        }
        Ok(())
    });
    result.unwrap();
}
