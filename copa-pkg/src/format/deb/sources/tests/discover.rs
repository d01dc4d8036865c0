//! Which sources win, and who may sign them.

use super::*;
use crate::distro::release::Distro;
use crate::fixture::root::MemoryRoot;
use crate::repository::mirror::Mirror;
use crate::trust::policy::Trust;

const ENTRY: &str = "deb https://own.example/debian bookworm main\n";

fn found(
    files: &[(&str, &str)],
    mirrors: &[&str],
    host: &[(&str, &str)],
) -> (Vec<String>, Vec<Suite>) {
    let root = MemoryRoot::of(files);
    let mirrors: Vec<Mirror> = mirrors.iter().map(|text| text.parse().unwrap()).collect();
    let host: Vec<HostFile> = host
        .iter()
        .map(|(path, text)| HostFile { path: path.into(), content: text.to_string().into() })
        .collect();
    let now = "2026-11-23T17:30:00Z".parse().unwrap();
    let sources = Sources {
        root: &root,
        distro: &Distro::new("debian", "12").unwrap(),
        arch: "arm64".parse().unwrap(),
        mirrors: &mirrors,
        host: &host,
        snapshot: now,
        trust: &Trust::strict(now),
    };
    let repositories = repositories(&sources, &mut Warnings::default()).unwrap();
    let mut notes = Warnings::default();
    let mut archives = sources.named(&mut notes).unwrap();
    archives.extend(sources.apt(Place::Image(&root), &mut notes).unwrap());
    (repositories.iter().map(|repository| repository.describe()).collect(), archives)
}

#[test]
fn the_users_mirrors_come_first() {
    let image = [("etc/apt/sources.list", ENTRY)];
    let (found, _) = found(&image, &["debian=https://m.example/debian/"], &[]);
    assert_eq!(
        found,
        [
            "bookworm from https://m.example/debian/",
            "bookworm-updates from https://m.example/debian/",
            "bookworm-security from https://m.example/debian-security",
        ]
    );
}

#[test]
fn a_named_security_mirror_is_no_guess() {
    let mirrors = ["debian=file:///srv/d", "debian-security=file:///srv/s"];
    let (_, archives) = found(&[], &mirrors, &[]);
    let required: Vec<bool> = archives.iter().map(|archive| archive.required).collect();
    assert_eq!(required, [true, false, true]);
    assert_eq!(archives[2].base.as_str(), "file:///srv/s");
}

#[test]
fn then_the_image_then_the_host_then_the_timestamped_archive() {
    let host = "Types: deb\nURIs: http://h.example/debian\nSuites: bookworm bookworm-backports trixie\n\
                Components: main\n";
    let host = [("etc/apt/sources.list.d/debian.sources", host)];
    let image = [
        ("etc/apt/sources.list", "deb [arch=amd64] https://not.example/debian bookworm main\n"),
        ("etc/apt/sources.list.d/a.list", ENTRY),
        ("etc/apt/sources.list.d/a.list.save", ENTRY),
    ];
    assert_eq!(found(&image, &[], &host).0, ["bookworm from https://own.example/debian"]);
    assert_eq!(found(&[], &[], &host).0, ["bookworm from http://h.example/debian"]);
    assert_eq!(
        found(&[], &[], &[]).0,
        [
            format!("bookworm from {SNAPSHOT}/debian/20261123T173000Z"),
            format!("bookworm-updates from {SNAPSHOT}/debian/20261123T173000Z"),
            format!("bookworm-security from {SNAPSHOT}/debian-security/20261123T173000Z"),
        ]
    );
}

#[test]
fn signed_by_says_who_may_sign() {
    let signed = |who: &str| {
        let entry = format!("deb [signed-by={who}] https://own.example/debian bookworm main\n");
        let key = "not a key";
        let files = [("etc/apt/sources.list", entry.as_str()), ("usr/share/keyrings/k.gpg", key)];
        found(&files, &[], &[]).1.remove(0).keys
    };
    assert!(signed("/usr/share/keyrings/debian-archive-keyring.gpg").is_ok());
    assert!(signed("B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8").is_ok());
    assert!(signed("/usr/share/keyrings/missing.gpg").unwrap_err().contains("is not there"));
    assert!(signed("/usr/share/keyrings/k.gpg").unwrap_err().contains("k.gpg"));
    assert!(signed("0000000000000000000000000000000000000000").is_err());
}

#[test]
fn a_keyring_without_keys_is_refused_at_once() {
    let now = "2026-11-23T17:30:00Z".parse().unwrap();
    let trust = Trust { keyring: Some("nothing".into()), ..Trust::strict(now) };
    let sources = Sources {
        root: &MemoryRoot::of(&[]),
        distro: &Distro::new("debian", "12").unwrap(),
        arch: "arm64".parse().unwrap(),
        mirrors: &[],
        host: &[],
        snapshot: now,
        trust: &trust,
    };
    assert!(matches!(repositories(&sources, &mut Warnings::default()), Err(Error::Invalid { .. })));
}

#[test]
fn a_folder_that_the_image_names_is_not_one_of_this_machine() {
    let entry =
        "deb file:///srv/mirror bookworm main\ndeb https://own.example/debian bookworm main\n";
    assert_eq!(
        found(&[("etc/apt/sources.list", entry)], &[], &[]).0,
        ["bookworm from https://own.example/debian"]
    );
    let host = [("etc/apt/sources.list", "deb file:///srv/mirror bookworm main\n")];
    assert_eq!(found(&[], &[], &host).0, ["bookworm from file:///srv/mirror"]);
}

#[test]
fn security_updates_may_be_absent_only_where_they_were_guessed() {
    let must = |mirrors: &[&str], entry: &str| -> Vec<bool> {
        let (_, archives) = found(&[("etc/apt/sources.list", entry)], mirrors, &[]);
        archives.iter().map(Suite::must_be_there).collect()
    };
    assert_eq!(must(&["debian=https://m.example/debian"], ""), [true, false, false]);
    assert_eq!(must(&["debian-security=https://m.example/s"], ""), [true]);
    let entry = "deb http://m.example/s bookworm-security main\n\
                 deb http://m.example/debian bookworm-updates main\n";
    assert_eq!(must(&[], entry), [true, false]);
}
