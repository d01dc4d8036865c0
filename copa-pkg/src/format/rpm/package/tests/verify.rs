//! Our verdict on real packages against that of rpm.

mod keys;

use super::*;
use crate::fixture::root::corpus;
use crate::format::rpm::install::transaction::tests::package;
use crate::format::rpm::oracle;
use jiff::Timestamp;
use std::collections::BTreeSet;
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
    let hello = |what: &str| rpm.join(format!("RPMS/hello-2.0-1.x86_64-{what}.rpm"));
    vec![
        (hello("signed"), rsa.clone()),
        (hello("v3-signed"), rsa.clone()),
        (hello("badima"), rsa.clone()),
        (hello("signed-mldsa87"), rsa.clone()),
        (rpm.join("RPMS/hlinktest-1.0-1.noarch-v3sig.rpm"), rsa),
        (hello("signed-with-new-subkey"), rpm.join("keys/rpm.org-rsa-2048-add-subkey.asc")),
        (hello("signed-with-subkey"), rpm.join("keys/alice.asc")),
        (s4.join(name("ima")), v4.join("rpm-testkey-v4-ecdsa-nistp256.asc")),
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

/// The files of keys in the corpus.
fn key_files(corpus: &Path) -> Vec<PathBuf> {
    let dirs = ["rpm-software-management+rpm/keys", "rpm-rs+rpm/signing_keys/v4"];
    let dirs = dirs.into_iter().chain(["rpm-rs+rpm/signing_keys/v6"]);
    let files = dirs.flat_map(|dir| std::fs::read_dir(corpus.join(dir)).unwrap());
    let files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 15, "the corpus has {} files of keys only", files.len());
    files
}

fn all_keys(corpus: &Path) -> Keyring {
    let mut keys = Keyring::default();
    key_files(corpus).iter().for_each(|path| keys.extend(&keyring(path)));
    keys
}

/// The same text with the last eight digits of each fingerprint, as rpm 4.18 names keys.
fn short(text: &str) -> String {
    let is_key = |word: &str| word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_key(bare) { &word[bare.len() - 8..] } else { word }
        })
        .collect()
}

fn listed(keys: BTreeSet<String>) -> String {
    keys.into_iter().collect::<Vec<_>>().join(", ")
}

/// What we say of a package: who signed it, or why it is refused.
fn our_verdict(path: &Path, keys: &Keyring) -> String {
    match check(path, keys) {
        Ok(signers) => {
            format!("signed by {}", listed(signers.iter().map(|key| short(key)).collect()))
        }
        Err(reason) => short(&reason),
    }
}

/// The real `rpmkeys`, with a database of keys of its own.
struct RpmKeys {
    db: tempfile::TempDir,
}

impl RpmKeys {
    /// With the keys in these files, and the names of those that it cannot read.
    fn new(files: &[PathBuf]) -> (Self, BTreeSet<String>) {
        let new = Self { db: tempfile::tempdir().unwrap() };
        let refused = files.iter().filter(|file| !new.run(&["--import"], file).status.success());
        let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
        let refused = refused.map(name).collect();
        (new, refused)
    }

    fn run(&self, arguments: &[&str], path: &Path) -> std::process::Output {
        let mut command = Command::new("rpmkeys");
        command.arg("--dbpath").arg(self.db.path()).args(arguments).arg(path).output().unwrap()
    }

    /// Whether rpm would install the package where it has to be signed.
    fn accepts(&self, path: &Path) -> bool {
        let strict = ["--define", "_pkgverify_level all", "--checksig"];
        self.run(&strict, path).status.success()
    }

    /// What rpm says of the package, in our words.
    fn verdict(&self, path: &Path) -> String {
        let out = self.run(&["--checksig", "-v"], path);
        let text = String::from_utf8(out.stdout).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
        let keys = |status: &str| -> BTreeSet<String> {
            let parts = lines.iter().filter_map(|line| line.split_once(", key ID "));
            let keys = parts.filter_map(|(_, key)| key.strip_suffix(status));
            keys.map(str::to_ascii_uppercase).collect()
        };
        let (good, unknown) = (keys(": OK"), keys(": NOKEY"));
        match lines.iter().find(|line| line.contains(": BAD")) {
            Some(line) if line.starts_with("Payload") => {
                "its payload is not the one that was signed".into()
            }
            Some(line) => (*line).into(),
            None if !unknown.is_empty() => format!("no trusted key {} is known", listed(unknown)),
            None if !good.is_empty() => format!("signed by {}", listed(good)),
            None => "it is not signed".into(),
        }
    }
}

/// Files of keys that rpm 4.18 cannot read: of ECDSA; of version 6; and such as bind a subkey with
/// a critical subpacket that its own reader of OpenPGP does not know.
const UNREAD_KEYS: [&str; 9] = [
    "alice.asc",
    "rpm-testkey-v4-ecdsa-nistp256.asc",
    "rpm-testkey-v6-ed25519.asc",
    "rpm-testkey-v6-keyring.asc",
    "rpm-testkey-v6-mldsa65-ed25519.asc",
    "rpm-testkey-v6-rsa4k.asc",
    "rpm.org-nistp256-test.pub",
    "rpm.org-rsa-2048-add-subkey.asc",
    "rpm.org-v6-ed25519-test.asc",
];

/// Where rpm 4.18 says something else: of which package, what it says, what we say, and why.
const DIFFERENT: [[&str; 4]; 9] = [
    [
        "rpm-rs+rpm/RPMS/v4/signed/rpm-basic-with-ecdsa-2.3.4-5.el9.noarch.rpm",
        "Header DSA signature: BAD (package tag 267: invalid OpenPGP signature)",
        "signed by D139A931",
        "Debian's rpm computes no ECDSA; rpm-testkey-v4-ecdsa-nistp256 signed it",
    ],
    [
        "rpm-rs+rpm/RPMS/v4/signed/rpm-basic-with-ima-2.3.4-5.el9.noarch.rpm",
        "signed by 27933839",
        "signed by 27933839, 30D073B5, D139A931",
        "rpm 4.18 does not know the tag that the second and third signature are in (278)",
    ],
    [
        "rpm-rs+rpm/RPMS/v6/signed/rpm-basic-multiple-signatures-2.3.4-5.el9.noarch.rpm",
        "it is not signed",
        "signed by 52CEDFC5, A9F099ED",
        "packages of version 6 have signatures in tag 278 only; by Ed25519 and RSA",
    ],
    [
        "rpm-rs+rpm/RPMS/v6/signed/rpm-basic-with-ed25519-2.3.4-5.el9.noarch.rpm",
        "it is not signed",
        "signed by 52CEDFC5",
        "the same; rpm-testkey-v6-ed25519 signed it",
    ],
    [
        "rpm-rs+rpm/RPMS/v6/signed/rpm-basic-with-mldsa65-ed25519-2.3.4-5.el9.noarch.rpm",
        "it is not signed",
        "its signature is one of ML-DSA-65+Ed25519, which cannot be checked here; one of \
         RSA, ECDSA or EdDSA beside it would do (key B40F995E)",
        "the same; rpm-testkey-v6-mldsa65-ed25519 signed it, and rPGP does not compute that",
    ],
    [
        "rpm-rs+rpm/RPMS/v6/signed/rpm-basic-with-rsa4k-2.3.4-5.el9.noarch.rpm",
        "it is not signed",
        "signed by A9F099ED",
        "the same; rpm-testkey-v6-rsa4k signed it",
    ],
    [
        "rpm-software-management+rpm/RPMS/hello-1.0-1.x86_64.rpm-v3",
        "it is not signed",
        "it is malformed: its header has no immutable region: rpm 3 made it, or nobody",
        "rpm 6 does not install it either: package format not supported (its rpmpkgfmt.at)",
    ],
    [
        "rpm-software-management+rpm/RPMS/hello-2.0-1.x86_64-signed-with-new-subkey.rpm",
        "no trusted key 11450B6C is known",
        "signed by 11450B6C",
        "rpm 4.18 cannot read the key; rpm 6 verifies it (its rpmsigdig.at)",
    ],
    [
        "rpm-software-management+rpm/RPMS/hello-2.0-1.x86_64-signed-with-subkey.rpm",
        "no trusted key 15217EE0 is known",
        "signed by 15217EE0",
        "the same",
    ],
];

/// Of every package of the corpus: who signed it or why it is refused, with all keys of the corpus.
#[test]
fn rpm_agrees() {
    let Some(corpus) = corpus() else { return };
    if !oracle::have("rpm") {
        return;
    }
    let (rpm, unread) = RpmKeys::new(&key_files(&corpus));
    assert!(unread.iter().eq(UNREAD_KEYS), "{unread:?}");
    let keys = all_keys(&corpus);
    let mut different = 0;
    for path in crate::format::rpm::package::archive::tests::packages(&corpus) {
        let name = path.strip_prefix(&corpus).unwrap().to_str().unwrap();
        let (theirs, ours) = (rpm.verdict(&path), our_verdict(&path, &keys));
        assert_eq!(rpm.accepts(&path), theirs.starts_with("signed by"), "{name}: {theirs}");
        match DIFFERENT.iter().find(|[of, ..]| *of == name) {
            Some([_, rpm_says, we_say, why]) => {
                assert_eq!([&*theirs, &*ours], [*rpm_says, *we_say], "{name}: {why}");
                different += 1;
            }
            None => assert_eq!(ours, theirs, "{name}"),
        }
    }
    assert_eq!(different, DIFFERENT.len());
}

/// What cannot be computed is refused by the name of its algorithm, with the package and what to
/// do about it; a signature beside it that can be computed will do.
#[test]
fn signatures_that_cannot_be_computed_are_named() {
    let Some(corpus) = corpus() else { return };
    let v6 = "rpm-rs+rpm/RPMS/v6/signed/rpm-basic-with-mldsa65-ed25519-2.3.4-5.el9.noarch.rpm";
    let package = package(std::fs::read(corpus.join(v6)).unwrap()).unwrap().package;
    let trust = crate::trust::policy::Trust::strict(moment().now);
    let mut keys = PackageKeys { keyring: all_keys(&corpus), trust };
    let error = verify(&package, &keys).unwrap_err();
    let text = format!("{error}: {:?}", error.hint().unwrap());
    for word in [
        "rpm-basic 1:2.3.4-5.el9 noarch",
        "ML-DSA-65+Ed25519",
        "23CDE04477B8BBCF36702C8E8E2C137A5437761024F5CED02D8F2C6BB40F995E",
        "RSA, ECDSA or EdDSA",
        "NameKeys",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    keys.trust.allow_unsigned = true;
    let warning = verify(&package, &keys).unwrap().unwrap().text;
    assert!(warning.starts_with("NOT VERIFIED") && warning.contains("ML-DSA-65"), "{warning}");

    let both = "rpm-software-management+rpm/RPMS/hello-2.0-1.x86_64-signed-mldsa87.rpm";
    let both = corpus.join(both);
    assert_eq!(our_verdict(&both, &keys.keyring), "signed by 1964C5FC");
    let error = our_verdict(&both, &Keyring::default());
    assert!(error.contains("no trusted key 1964C5FC is known"), "{error}");
    assert!(error.contains("ML-DSA-87+Ed448") && error.contains("3635F35E"), "{error}");
}
