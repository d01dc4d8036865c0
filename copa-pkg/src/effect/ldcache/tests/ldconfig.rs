//! The real `ldconfig` on trees on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use tempfile::TempDir;

use crate::effect::ldcache::update::tests::tree::{Item, Tree};

/// Where `ldconfig` is. Without it a test says loudly that it tests nothing; under `CI=true` that
/// is a failure.
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
pub(super) fn program() -> Option<PathBuf> {
    let found = ["/sbin/ldconfig", "/usr/sbin/ldconfig"].map(PathBuf::from);
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no ldconfig");
        eprintln!("SKIPPED: no ldconfig, its cache was not compared");
    }
    found
}

/// The cache that `ldconfig` makes of a tree. It makes and removes no links.
pub(super) fn cache(ldconfig: &Path, tree: &Tree) -> Bytes {
    let dir = TempDir::new().unwrap();
    for (path, item) in tree {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match item {
            Item::File(bytes) => fs::write(path, bytes).unwrap(),
            Item::Link(target) => std::os::unix::fs::symlink(target, path).unwrap(),
        }
    }
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    let out = Command::new(ldconfig).arg("-X").arg("-r").arg(dir.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    fs::read(dir.path().join("etc/ld.so.cache")).unwrap().into()
}

/// What `ldconfig -p` prints of a cache.
pub(super) fn print(ldconfig: &Path, cache: &[u8]) -> String {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("cache");
    fs::write(&path, cache).unwrap();
    let out = Command::new(ldconfig).args(["-p", "-C"]).arg(&path).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().replace(path.to_str().unwrap(), "CACHE")
}
