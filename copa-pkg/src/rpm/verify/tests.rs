//! Our verdict on real packages against that of rpm.

use super::*;
use crate::memory_root::corpus;
use crate::rpm::oracle;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::Command;

fn moment() -> Moment {
    Moment { now: "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap(), allow_expired: false }
}

fn keyring(path: &Path) -> Keyring {
    Keyring::parse(&std::fs::read(path).unwrap()).unwrap()
}

fn check(path: &Path, keys: &Keyring) -> Result<Vec<String>, String> {
    signed_by(&std::fs::read(path).unwrap().into(), keys)
}

fn signed_by(bytes: &Bytes, keys: &Keyring) -> Result<Vec<String>, String> {
    let package = PackageFile::parse("it", bytes).map_err(|e| e.to_string())?;
    signers(&package, bytes, keys, moment())
}

/// Each package with the key that it says that it was signed with.
fn signed(corpus: &Path) -> Vec<(PathBuf, PathBuf)> {
    let (rpm, rs) = (corpus.join("rpm-software-management+rpm"), corpus.join("rpm-rs+rpm"));
    let rsa = rpm.join("keys/rpm.org-rsa-2048-test.pub");
    let (v4, v6) = (rs.join("signing_keys/v4"), rs.join("signing_keys/v6"));
    let (s4, s6) = (rs.join("RPMS/v4/signed"), rs.join("RPMS/v6/signed"));
    let name = |what: &str| format!("rpm-basic-with-{what}-2.3.4-5.el9.noarch.rpm");
    vec![
        (rpm.join("RPMS/hello-2.0-1.x86_64-signed.rpm"), rsa.clone()),
        (
            rpm.join("RPMS/hello-2.0-1.x86_64-signed-with-new-subkey.rpm"),
            rpm.join("keys/rpm.org-rsa-2048-add-subkey.asc"),
        ),
        (s4.join(name("rsa4096")), v4.join("rpm-testkey-v4-rsa4096.asc")),
        (s4.join(name("ed25519")), v4.join("rpm-testkey-v4-ed25519.asc")),
        (s4.join(name("ecdsa")), v4.join("rpm-testkey-v4-ecdsa-nistp256.asc")),
        (s6.join(name("ed25519")), v6.join("rpm-testkey-v6-ed25519.asc")),
        (s6.join(name("rsa4k")), v6.join("rpm-testkey-v6-rsa4k.asc")),
        (
            s6.join("rpm-basic-multiple-signatures-2.3.4-5.el9.noarch.rpm"),
            v6.join("rpm-testkey-v6-rsa4k.asc"),
        ),
    ]
}

#[test]
fn signed_packages_are_verified_and_altered_ones_refused() {
    let Some(corpus) = corpus() else { return };
    for (path, key) in signed(&corpus) {
        let keys = keyring(&key);
        check(&path, &keys).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let error = check(&path, &Keyring::default()).unwrap_err();
        assert!(error.contains("no trusted key"), "{path:?}: {error}");
        let bytes = std::fs::read(&path).unwrap();
        let package = PackageFile::parse("x", &bytes.clone().into()).unwrap();
        let payload = bytes.len() - package.payload.len();
        let header = payload - package.header_bytes.len();
        for at in [header + 8 + 8 + 3, payload - 20, payload + 9, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(signed_by(&altered.into(), &keys).is_err(), "{path:?} {at}");
        }
    }
}

#[test]
fn unsigned_packages_are_refused() {
    let Some(corpus) = corpus() else { return };
    for name in [
        "rpm-software-management+rpm/RPMS/hello-2.0-1.x86_64.rpm",
        "rpm-rs+rpm/RPMS/v4/rpm-basic-2.3.4-5.el9.noarch.rpm",
        "rpm-rs+rpm/RPMS/v6/rpm-basic-2.3.4-5.el9.noarch.rpm",
    ] {
        let error = check(&corpus.join(name), &Keyring::default()).unwrap_err();
        assert_eq!(error, "it is not signed", "{name}");
    }
}

/// rpm's own verdict, with these keys and no others.
fn rpm_verdict(path: &Path, keys: &[PathBuf]) -> bool {
    let db = tempfile::tempdir().unwrap();
    let rpmkeys = |arguments: &[&str], path: &Path| {
        let mut command = Command::new("rpmkeys");
        command.arg("--dbpath").arg(db.path()).args(arguments).arg(path);
        command.args(["--define", "_pkgverify_level all"]).output().unwrap().status.success()
    };
    keys.iter().for_each(|key| assert!(rpmkeys(&["--import"], key), "{key:?}"));
    rpmkeys(&["--checksig"], path)
}

#[test]
fn rpm_agrees() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm") {
        return;
    }
    let key = corpus.join("rpm-software-management+rpm/keys/rpm.org-rsa-2048-test.pub");
    let v4 = corpus.join("rpm-rs+rpm/signing_keys/v4/rpm-testkey-v4-rsa4096.asc");
    let mut keys = keyring(&key);
    keys.extend(&keyring(&v4));
    let (mut agreed, mut good) = (0, 0);
    for path in crate::rpm::archive::tests::packages(&corpus) {
        let text = path.to_str().unwrap();
        // rpm 4.18 knows neither version 6 nor the tag that a second signature is in.
        if text.contains("/v6/") || text.contains("rpm-basic-with-ima") {
            continue;
        }
        let theirs = rpm_verdict(&path, &[key.clone(), v4.clone()]);
        let ours = check(&path, &keys);
        assert_eq!(ours.is_ok(), theirs, "{text}: rpm says {theirs}, we {ours:?}");
        agreed += 1;
        good += usize::from(theirs);
    }
    assert!(agreed > 20 && good > 3, "{agreed} agreed, {good} good");
}
