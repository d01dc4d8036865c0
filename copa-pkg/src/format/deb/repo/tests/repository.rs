//! A tiny mirror, signed by the real gpg, and its evil twins; apt's own verifier agrees.

use crate::format::deb::sources::discover;
use crate::repository::sources::{HostFile, Sources};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use jiff::{Span, Timestamp};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use url::Url;

use super::*;
use crate::distro::release::Distro;
use crate::fixture::ports::{Files, Memory, forgetful, now};
use crate::fixture::root::MemoryRoot;
use crate::port::Cache;
use crate::repository::load::load_all;
use crate::repository::mirror::Mirror;
use crate::trust::policy::Trust;

/// A mirror below a temporary directory and the key that signs it.
struct Lab {
    dir: TempDir,
}

impl Lab {
    fn new() -> Self {
        let lab = Self { dir: TempDir::new().unwrap() };
        for home in ["gpg", "other"] {
            let home = lab.path(home);
            fs::create_dir(&home).unwrap();
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
            let name = "Test archive <test@example.invalid>";
            gpg(&home, &["--passphrase", "", "--quick-gen-key", name, "ed25519", "sign", "never"]);
            let key = gpg(&home, &["--export"]);
            fs::write(home.with_extension("pub"), key.stdout).unwrap();
        }
        lab.package("hello", "1.0");
        lab.suite("bookworm", &["hello"], "");
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn url(&self) -> Url {
        Url::from_directory_path(self.path("debian")).unwrap()
    }

    /// A real package, built by dpkg-deb.
    fn package(&self, name: &str, version: &str) {
        let tree = self.path("tree");
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\n\
             Maintainer: Test <test@example.invalid>\nDescription: test\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        let deb = self.path(&format!("debian/pool/{name}.deb"));
        fs::create_dir_all(deb.parent().unwrap()).unwrap();
        run(Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zgzip", "-b"])
            .arg(tree)
            .arg(deb));
    }

    /// A suite that holds these packages, signed.
    fn suite(&self, suite: &str, packages: &[&str], more: &str) {
        let mut text = Vec::new();
        for name in packages {
            let deb = self.path(&format!("debian/pool/{name}.deb"));
            let bytes = fs::read(&deb).unwrap();
            let control = run(Command::new("dpkg-deb").arg("-f").arg(&deb)).stdout;
            let file = format!(
                "Filename: pool/{name}.deb\nSize: {}\nSHA256: {}\n\n",
                bytes.len(),
                hex::encode(Sha256::digest(&bytes))
            );
            text.extend([control, file.into_bytes()].concat());
        }
        let dir = self.path(&format!("debian/dists/{suite}/main/binary-amd64"));
        fs::create_dir_all(&dir).unwrap();
        let gz = {
            use std::io::Write;
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            gz.write_all(&text).unwrap();
            gz.finish().unwrap()
        };
        fs::write(dir.join("Packages.gz"), &gz).unwrap();
        let line = |name: &str, bytes: &[u8]| {
            format!(
                " {} {} main/binary-amd64/{name}\n",
                hex::encode(Sha256::digest(bytes)),
                bytes.len()
            )
        };
        let date = now() - Span::new().hours(1);
        let release = format!(
            "Suite: {suite}\nCodename: {suite}\nArchitectures: amd64\nComponents: main\n{}\
             {more}SHA256:\n{}{}",
            if more.contains("Date:") { String::new() } else { dated("Date", date) },
            line("Packages", &text),
            line("Packages.gz", &gz),
        );
        self.sign(suite, &release, "gpg");
    }

    fn sign(&self, suite: &str, release: &str, home: &str) {
        let dir = self.path(&format!("debian/dists/{suite}"));
        let home = self.path(home);
        fs::write(dir.join("Release"), release).unwrap();
        let file = dir.join("Release").to_str().unwrap().to_owned();
        let clear = gpg(&home, &["--clearsign", "-o", "-", &file]).stdout;
        fs::write(dir.join("InRelease"), clear).unwrap();
        let detached = gpg(&home, &["--armor", "--detach-sign", "-o", "-", &file]).stdout;
        fs::write(dir.join("Release.gpg"), detached).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path(&format!("debian/dists/bookworm/{name}"))
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(self.file(name), text.replacen(from, to, 1)).unwrap();
    }

    fn trust(&self) -> Trust {
        let keyring = fs::read(self.path("gpg.pub")).unwrap();
        Trust { keyring: Some(keyring.into()), ..Trust::strict(now()) }
    }

    async fn load_with(&self, trust: &Trust, cache: &Arc<dyn Cache>) -> Result<Loaded> {
        let mirrors = [Mirror { name: "debian".into(), url: self.url() }];
        let root = MemoryRoot::of(&[]);
        let sources = Sources {
            root: &root,
            distro: &Distro::new("debian", "12").unwrap(),
            arch: "amd64".parse().unwrap(),
            mirrors: &mirrors,
            host: &[],
            snapshot: now(),
            trust,
        };
        let repositories = discover::repositories(&sources, &mut Warnings::default())?;
        load_all(&repositories, Ports::new(&Files::default(), cache)).await
    }

    async fn load(&self) -> Result<Loaded> {
        self.load_with(&self.trust(), &forgetful()).await
    }

    /// What gpgv, which apt asks, says of InRelease.
    fn gpgv_accepts(&self) -> bool {
        let output = Command::new("gpgv")
            .arg("--keyring")
            .arg(self.path("gpg.pub"))
            .arg(self.file("InRelease"))
            .output();
        output.unwrap().status.success()
    }

    /// It is refused as untrusted, for this reason.
    async fn refused(&self, reason: &str) {
        let error = self.load().await.unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains("file://"), "`{reason}` not in: {text}");
        assert!(error.hint().is_some());
    }
}

fn dated(field: &str, time: Timestamp) -> String {
    format!("{field}: {}\n", time.strftime("%a, %d %b %Y %H:%M:%S UTC"))
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn gpg(home: &Path, args: &[&str]) -> Output {
    let command = &mut Command::new("gpg");
    run(command.arg("--homedir").arg(home).args(["-q", "--batch", "--yes", "--no-tty"]).args(args))
}

impl Drop for Lab {
    fn drop(&mut self) {
        for home in ["gpg", "other"] {
            let kill = &mut Command::new("gpgconf");
            let _ = kill.arg("--homedir").arg(self.path(home)).args(["--kill", "all"]).output();
        }
    }
}

#[tokio::test]
async fn a_signed_mirror_is_read_and_its_package_downloaded() {
    let lab = Lab::new();
    assert!(lab.gpgv_accepts());
    let loaded = lab.load().await.unwrap();
    let missing =
        loaded.warnings.iter().filter(|warning| warning.text.contains("not there")).count();
    assert_eq!((missing, loaded.warnings.len()), (2, 2), "{:?}", loaded.warnings);
    let hello = loaded.catalog.best("hello").unwrap();
    assert_eq!((hello.version.to_string(), hello.origin.as_str()), ("1.0".into(), "bookworm"));
    let package = hello.download(&Files::default()).await.unwrap();
    assert_eq!(package.bytes()[..], fs::read(lab.path("debian/pool/hello.deb")).unwrap());
}

#[tokio::test]
async fn a_detached_signature_will_do() {
    let lab = Lab::new();
    fs::remove_file(lab.file("InRelease")).unwrap();
    assert_eq!(lab.load().await.unwrap().catalog.len(), 1);
    lab.edit("Release", "Components: main", "Components: mail");
    lab.refused("does not fit the text").await;
}

#[tokio::test]
async fn signatures_that_are_wrong_missing_or_of_others_are_refused() {
    let lab = Lab::new();
    let good = fs::read(lab.file("InRelease")).unwrap();
    let release = fs::read_to_string(lab.file("Release")).unwrap();

    lab.edit("InRelease", "Components: main", "Components: mail");
    assert!(!lab.gpgv_accepts());
    lab.refused("does not fit the text").await;

    lab.sign("bookworm", &release, "other");
    assert!(!lab.gpgv_accepts());
    lab.refused("no trusted key").await;

    for file in ["InRelease", "Release.gpg"] {
        fs::remove_file(lab.file(file)).unwrap();
    }
    lab.refused("it is not signed").await;
    let allowed = Trust { allow_unsigned: true, ..lab.trust() };
    let loaded = lab.load_with(&allowed, &forgetful()).await.unwrap();
    assert!(
        loaded.warnings.iter().any(|w| w.text.contains("NOT VERIFIED")),
        "{:?}",
        loaded.warnings
    );

    // gpgv puts up with a signature whose last line is missing; this program does not.
    for (end, gpgv) in [(good.len() / 3, false), (60, false), (good.len() - 20, true)] {
        fs::write(lab.file("InRelease"), &good[..end]).unwrap();
        assert_eq!(lab.gpgv_accepts(), gpgv, "{end}");
        lab.refused("it").await;
    }
    for (before, after) in [("Origin: x\n", ""), ("", "Origin: x\n")] {
        let text = [before.as_bytes(), &good, after.as_bytes()].concat();
        fs::write(lab.file("InRelease"), text).unwrap();
        lab.refused("it").await;
    }
}

#[tokio::test]
async fn keys_that_have_expired_or_are_revoked_are_refused() {
    let lab = Lab::new();
    let later = Trust { now: now() + Span::new().hours(24 * 20), ..lab.trust() };
    assert!(lab.load_with(&later, &forgetful()).await.is_ok());
    let fingerprint =
        String::from_utf8(gpg(&lab.path("gpg"), &["--with-colons", "--list-keys"]).stdout).unwrap();
    let fingerprint =
        fingerprint.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap();
    let fingerprint = fingerprint.trim_end_matches(':').to_owned();

    gpg(&lab.path("gpg"), &["--quick-set-expire", &fingerprint, "10d"]);
    let export = |lab: &Lab| {
        let key = gpg(&lab.path("gpg"), &["--export"]).stdout;
        fs::write(lab.path("gpg.pub"), key).unwrap();
    };
    export(&lab);
    assert!(lab.load().await.is_ok());
    let later = Trust { now: later.now, ..lab.trust() };
    let error = lab.load_with(&later, &forgetful()).await.unwrap_err().to_string();
    assert!(error.contains("expired or is revoked") && error.contains(&fingerprint), "{error}");
    let allowed = Trust { allow_expired: true, ..later };
    assert!(lab.load_with(&allowed, &forgetful()).await.is_ok());

    let revocation = lab.path(&format!("gpg/openpgp-revocs.d/{fingerprint}.rev"));
    let text = fs::read_to_string(&revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    fs::write(&revocation, text).unwrap();
    gpg(&lab.path("gpg"), &["--import", revocation.to_str().unwrap()]);
    export(&lab);
    lab.refused("expired or is revoked").await;
}

#[tokio::test]
async fn dates_and_suites_are_held_against_what_was_asked_for() {
    let lab = Lab::new();
    let hour = Span::new().hours(1);
    lab.suite("bookworm", &["hello"], &dated("Valid-Until", now() - hour));
    assert!(lab.gpgv_accepts());
    lab.refused("it expired on").await;
    let allowed = Trust { allow_expired: true, ..lab.trust() };
    let loaded = lab.load_with(&allowed, &forgetful()).await.unwrap();
    assert!(loaded.warnings.iter().any(|w| w.text.contains("EXPIRED")), "{:?}", loaded.warnings);

    lab.suite("bookworm", &["hello"], &dated("Date", now() + hour));
    lab.refused("it is dated").await;

    lab.suite("bookworm-updates", &["hello"], "");
    lab.suite("bookworm", &["hello"], "");
    fs::copy(lab.path("debian/dists/bookworm-updates/InRelease"), lab.file("InRelease")).unwrap();
    assert!(lab.gpgv_accepts());
    lab.refused("`bookworm` was asked for").await;
}

#[tokio::test]
async fn an_older_state_than_was_seen_before_is_refused() {
    let lab = Lab::new();
    let memory = Memory::default();
    let cache = memory.cache();
    assert!(lab.load_with(&lab.trust(), &cache).await.is_ok());
    assert!(lab.load_with(&lab.trust(), &cache).await.is_ok());
    lab.suite("bookworm", &["hello"], &dated("Date", now() - Span::new().hours(30)));
    assert!(lab.load().await.is_ok());
    let error = lab.load_with(&lab.trust(), &cache).await.unwrap_err();
    assert!(error.to_string().contains("before it was"), "{error}");
    let allowed = Trust { allow_expired: true, ..lab.trust() };
    let loaded = lab.load_with(&allowed, &cache).await.unwrap();
    assert!(
        loaded.warnings.iter().any(|w| w.text.contains("ROLLED BACK")),
        "{:?}",
        loaded.warnings
    );
}

#[tokio::test]
async fn indexes_and_packages_that_were_altered_are_refused() {
    let lab = Lab::new();
    let hello = lab.load().await.unwrap().catalog.best("hello").unwrap();
    let deb = lab.path("debian/pool/hello.deb");
    let mut bytes = fs::read(&deb).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    fs::write(&deb, &bytes).unwrap();
    let error = hello.download(&Files::default()).await.unwrap_err();
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");

    let index = lab.file("main/binary-amd64/Packages.gz");
    let good = fs::read(&index).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let longer = [&good[..], b"x"].concat();
    for bad in [flipped(20), flipped(0), good[..good.len() - 1].to_vec(), longer, Vec::new()] {
        fs::write(&index, bad).unwrap();
        lab.refused("Release says").await;
    }
    fs::remove_file(&index).unwrap();
    let error = lab.load().await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    fs::remove_file(lab.file("InRelease")).unwrap();
    fs::remove_file(lab.file("Release")).unwrap();
    assert!(matches!(lab.load().await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_parsed_index_comes_from_the_cache() {
    let lab = Lab::new();
    let memory = Memory::default();
    let cache = memory.cache();
    let cold = lab.load_with(&lab.trust(), &cache).await.unwrap();
    fs::remove_file(lab.file("main/binary-amd64/Packages.gz")).unwrap();
    let warm = lab.load_with(&lab.trust(), &cache).await.unwrap();
    assert_eq!(warm.catalog.candidates("hello"), cold.catalog.candidates("hello"));
    for value in memory.0.lock().unwrap().values_mut().filter(|value| value.len() > 20) {
        *value = value.slice(1..);
    }
    let error = lab.load_with(&lab.trust(), &cache).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "a damaged cache was used: {error:?}");
}

#[tokio::test]
async fn what_is_kept_of_one_archive_is_not_taken_for_another() {
    let (good, evil) = (Lab::new(), Lab::new());
    evil.package("hello", "9.9");
    evil.suite("bookworm", &["hello"], "");
    // Its owner signs that his file is the text of the good one.
    let text_of = |lab: &Lab| {
        let release = fs::read_to_string(lab.file("Release")).unwrap();
        release.lines().find(|line| line.ends_with("/Packages")).unwrap().to_owned()
    };
    evil.edit("Release", &text_of(&evil), &text_of(&good));
    let release = fs::read_to_string(evil.file("Release")).unwrap();
    evil.sign("bookworm", &release, "gpg");
    let memory = Memory::default();
    let cache = memory.cache();
    let version = |loaded: &Loaded| loaded.catalog.best("hello").unwrap().version.to_string();
    let loaded = evil.load_with(&evil.trust(), &cache).await.unwrap();
    assert_eq!(version(&loaded), "9.9");
    let loaded = good.load_with(&good.trust(), &cache).await.unwrap();
    assert_eq!(version(&loaded), "1.0");
}

#[tokio::test]
async fn of_the_hosts_sources_only_debians_count() {
    let lab = Lab::new();
    let list = format!("deb {} bookworm main\n", lab.url());
    let host = [HostFile { path: "etc/apt/sources.list".into(), content: list.into() }];
    let load = async || {
        let (root, trust) = (MemoryRoot::of(&[]), lab.trust());
        let sources = Sources {
            root: &root,
            distro: &Distro::new("debian", "12").unwrap(),
            arch: "amd64".parse().unwrap(),
            mirrors: &[],
            host: &host,
            snapshot: now(),
            trust: &trust,
        };
        let repositories = discover::repositories(&sources, &mut Warnings::default()).unwrap();
        load_all(&repositories, Ports::new(&Files::default(), &forgetful())).await.unwrap()
    };
    lab.suite("bookworm", &["hello"], "Origin: Sury\n");
    let loaded = load().await;
    assert!(loaded.catalog.is_empty());
    assert!(loaded.warnings[0].text.contains("its origin is `Sury`"), "{:?}", loaded.warnings);
    lab.suite("bookworm", &["hello"], "Origin: Debian\n");
    assert!(load().await.catalog.best("hello").is_some());
}
