//! What the headers of a real database say of paths.

use super::*;
use crate::fixture::root::MemoryRoot;
use crate::format::rpm::oracle::{Lab, have};

#[test]
fn classes_digests_and_kinds_are_those_of_the_headers() {
    if !have("rpmbuild") {
        return;
    }
    let lab = Lab::new();
    let packages = lab.build("1", &[]);
    lab.install(&packages.iter().map(|path| &**path).collect::<Vec<_>>());
    let mut root = MemoryRoot::of(&[("srv/demo/file", "1\n")]);
    root.file("var/lib/rpm/rpmdb.sqlite", &lab.database());
    root.link("opt", "srv");
    let db = RpmDb::open(&root).unwrap().unwrap();
    let ownership = db.ownership(&|name, _| name == "demo-files", &mut Paths::new(&root));
    let before = |path: &str| ownership.before(Path::new(path));
    for (path, class) in [
        ("srv/demo/file", Class::Shipped),
        ("srv/demo/conf", Class::Config),
        ("srv/demo/ghost", Class::Ghost),
    ] {
        assert_eq!(
            (before(path)[0].package, before(path)[0].class),
            ("demo-files", class),
            "{path}"
        );
    }
    assert!(before("srv/demo/file")[0].digest.as_ref().unwrap().fits(b"1\n"));
    assert!(before("srv/demo/ghost")[0].digest.is_none());
    assert_eq!(before("srv/demo/link")[0].kind, Some(FileKind::Symlink("file".into())));
    assert_eq!(before("srv/demo")[0].kind, Some(FileKind::Directory));
    assert!(before("opt/demo/file").is_empty() && before("srv/moved/x").is_empty());
    let is = |path: &str| (ownership.stays(Path::new(path)), ownership.owns_below(Path::new(path)));
    assert_eq!((is("srv/moved/x"), is("srv/demo/conf")), ((true, false), (false, false)));
    assert_eq!(
        (is("srv"), is("srv/demo"), is("opt")),
        ((false, true), (false, true), (false, false))
    );
    assert!(
        ownership.going().contains(&Path::new("srv/demo/hard")) && ownership.warnings.is_empty()
    );
}
