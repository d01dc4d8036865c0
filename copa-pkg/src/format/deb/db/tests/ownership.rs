//! What `status.d` says of paths.

use super::*;
use crate::fixture::root::MemoryRoot;

const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

fn image() -> MemoryRoot {
    let control = |name: &str| format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n");
    let mut root = MemoryRoot::of(&[("usr/lib/shared", "abc")]);
    for (name, sums) in [
        ("going", format!("{ABC}  lib/own\n{ABC}  lib/shared\n")),
        ("staying", format!("{ABC}  usr/lib/shared\n{ABC}  usr/share/doc/staying/x\n")),
        ("silent", String::new()),
    ] {
        let file = format!("var/lib/dpkg/status.d/{name}");
        root.file(&file, control(name).as_bytes());
        root.file(format!("{file}.md5sums"), sums.as_bytes());
    }
    root.link("lib", "usr/lib");
    root
}

#[test]
fn paths_are_physical_and_packages_that_stay_are_told_from_those_that_go() {
    let root = image();
    let db = StatusD::open(&root).unwrap().unwrap();
    let owned =
        db.ownership(&|name, arch| (name, arch) == ("going", "amd64"), &mut Paths::new(&root));
    let stays = |path: &str| owned.stays(Path::new(path));
    assert!(stays("usr/lib/shared") && !stays("usr/lib/own") && !stays("lib/shared"));
    let before = owned.before(Path::new("usr/lib/shared"));
    assert_eq!(before.len(), 1);
    assert_eq!((before[0].package, before[0].class), ("going", Class::Shipped));
    let digest = before[0].digest.as_ref().unwrap();
    assert!(digest.fits(b"abc") && !digest.fits(b"x") && before[0].is_installed);
    assert!(owned.before(Path::new("usr/share/doc/staying/x")).is_empty());
    let going = [Path::new("usr/lib/own"), Path::new("usr/lib/shared")];
    assert_eq!(owned.going(), going);
    for (dir, owns) in
        [("usr", true), ("usr/share/doc", true), ("usr/lib/own", false), ("us", false)]
    {
        assert_eq!(owned.owns_below(Path::new(dir)), owns, "{dir}");
    }
}
