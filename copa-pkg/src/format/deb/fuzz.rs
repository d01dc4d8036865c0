//! What is read of Debian's archives and images, as functions of bytes.

use std::path::Path;

use url::Url;

use crate::fixture::root::MemoryRoot;
use crate::format::deb::control::Stanza;
use crate::format::deb::db::status_d::StatusD;
use crate::format::deb::package::archive::Archive;
use crate::format::deb::repo::release::Release;
use crate::fuzz::now;
use crate::trust::openpgp::{Keyring, Moment, unverified_text};
use crate::unpack::decompress::Budget;

/// A package.
pub fn deb(bytes: &[u8]) {
    let Ok(archive) = Archive::open("a package", bytes) else { return };
    let control = String::from_utf8_lossy(&archive.control.control.bytes);
    if let Ok(stanza) = Stanza::parse(&control) {
        let _ = crate::format::deb::relation::relations(&stanza);
    }
    let _ = archive.walk(&mut Budget::installation(), |_| Ok(()));
}

/// An `InRelease`: its text, its signatures, and the text's fields.
pub fn in_release(bytes: &[u8]) {
    let at = Moment { now: now(), allow_expired: false };
    let _ = Keyring::debian().verify_clearsigned(bytes, at);
    if let Ok(text) = unverified_text(bytes) {
        let _ = Release::parse(&text, "a release");
    }
}

/// A `Packages`: its index, and all packages in it.
pub fn packages(text: &[u8]) {
    let Ok(base) = Url::parse("file:///") else { return };
    let Ok(loaded) = crate::format::deb::listing::read_packages(text, "amd64", &base, "a mirror")
    else {
        return;
    };
    let names = text.split(|b| *b == b'\n').filter_map(|line| line.strip_prefix(b"Package:"));
    for name in names.filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok()).take(100) {
        loaded.catalog.candidates(name);
        loaded.catalog.providers(name);
    }
}

/// A file of a distroless image's package database.
pub fn status_d(bytes: &[u8]) {
    let mut root = MemoryRoot::default();
    root.file(Path::new("var/lib/dpkg/status.d/a"), bytes);
    root.file(Path::new("var/lib/dpkg/status.d/a.md5sums"), bytes);
    let _ = StatusD::open(&root);
}
