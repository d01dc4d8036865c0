//! A tiny repository, made by rpmbuild, rpmsign, createrepo_c and gpg, and its evil twins.

mod skip;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use jiff::Span;
use tempfile::TempDir;

use super::*;
use crate::distro::release::Distro;
use crate::fixture::ports::{Files, Memory, forgetful, now};
use crate::fixture::root::MemoryRoot;
use crate::format::rpm::oracle;
use crate::format::rpm::package::verify::verify;
use crate::format::rpm::repo::filter::Filter;
use crate::package::candidate::Candidate;
use crate::package::fetched::Package;
use crate::port::Cache;
use crate::port::Fetch;
use crate::repository::load::load_all;
use crate::repository::mirror::Mirror;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::trust::openpgp::Keyring;
use crate::trust::policy::Trust;
use crate::version::any::Version;
use crate::version::format::Format;

/// A repository below a temporary directory and the keys that sign it.
struct Lab {
    dir: TempDir,
}

const SPEC: &str = "
Name: hello
Epoch: 1
Version: 2.0
Release: @
Summary: x
License: MIT
BuildArch: noarch
Requires: /bin/sh, libc.so.6()(64bit)
Provides: greeting = 2
%description
x
%install
mkdir -p %{buildroot}/usr/bin; echo @ >%{buildroot}/usr/bin/hello
%files
/usr/bin/hello
";

fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

impl Lab {
    /// `None` when a tool is missing.
    fn new() -> Option<Self> {
        if !["rpmbuild", "createrepo_c", "gpg"].into_iter().all(oracle::have) {
            return None;
        }
        let lab = Self { dir: TempDir::new().unwrap() };
        for home in ["gpg", "other"] {
            let home = lab.path(home);
            fs::create_dir(&home).unwrap();
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
            let name = "Test <test@example.invalid>";
            lab.gpg(
                &home,
                &["--passphrase", "", "--quick-gen-key", name, "rsa2048", "sign", "never"],
            );
            let key = lab.gpg(&home, &["--armor", "--export"]);
            fs::write(home.with_extension("pub"), key).unwrap();
        }
        lab.package("1");
        lab.index(&[]);
        Some(lab)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn url(&self) -> Url {
        Url::from_directory_path(self.path("repo")).unwrap()
    }

    fn gpg(&self, home: &Path, arguments: &[&str]) -> Vec<u8> {
        run(Command::new("gpg").arg("--homedir").arg(home).args(["--batch", "-q"]).args(arguments))
    }

    /// Builds and signs a package.
    fn package(&self, release: &str) {
        let spec = self.path("hello.spec");
        fs::write(&spec, SPEC.replace('@', release)).unwrap();
        let repo = self.path("repo");
        let define = |name: &str, value: &Path| format!("{name} {}", value.display());
        run(Command::new("rpmbuild")
            .args(["--quiet", "-bb", "--define", &define("_topdir", &self.path("top"))])
            .args(["--define", &define("_rpmdir", &repo)])
            .args(["--define", "_build_name_fmt %%{NAME}-%%{RELEASE}.rpm"])
            .arg(spec));
        self.sign_package("gpg", release);
    }

    fn sign_package(&self, home: &str, release: &str) {
        run(Command::new("rpmsign")
            .args(["--define", &format!("_gpg_path {}", self.path(home).display())])
            .args(["--define", "__gpg /usr/bin/gpg"])
            .args(["--define", "_gpg_name test@example.invalid", "--resign"])
            .arg(self.rpm(release)));
    }

    fn rpm(&self, release: &str) -> PathBuf {
        self.path(&format!("repo/hello-{release}.rpm"))
    }

    fn index(&self, more: &[&str]) {
        run(Command::new("createrepo_c").args(["--quiet"]).args(more).arg(self.path("repo")));
        self.sign("gpg");
    }

    fn repomd(&self) -> PathBuf {
        self.path("repo/repodata/repomd.xml")
    }

    fn sign(&self, home: &str) {
        let repomd = self.repomd();
        let asc = repomd.with_extension("xml.asc");
        let _ = fs::remove_file(&asc);
        let (asc, repomd) = (asc.to_str().unwrap(), repomd.to_str().unwrap());
        self.gpg(&self.path(home), &["--armor", "--detach-sign", "-o", asc, repomd]);
    }

    fn trust(&self) -> Trust {
        let keyring = fs::read(self.path("gpg.pub")).unwrap();
        Trust { keyring: Some(keyring.into()), ..Trust::strict(now()) }
    }

    fn keys(&self) -> PackageKeys {
        let trust = self.trust();
        let keyring = Keyring::parse(trust.keyring.as_ref().unwrap()).unwrap();
        PackageKeys { keyring, trust }
    }

    fn load(&self, trust: &Trust, cache: &Arc<dyn Cache>) -> Result<Loaded> {
        let mirror: Mirror = format!("azurelinux={}", self.url()).parse().unwrap();
        load_mirror(&mirror, trust, &Files::default(), cache)
    }

    fn strict(&self) -> Result<Loaded> {
        self.load(&self.trust(), &forgetful())
    }

    /// Changes the file of the primary metadata.
    fn edit_primary(&self, edit: impl Fn(&mut Vec<u8>)) {
        let names = fs::read_dir(self.path("repo/repodata")).unwrap();
        let mut names = names.map(|entry| entry.unwrap().path());
        let path = names.find(|path| path.to_str().unwrap().contains("primary.xml")).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        edit(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    fn edit_repomd(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.repomd()).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(self.repomd(), text.replace(from, to)).unwrap();
    }
}

fn azurelinux() -> Distro {
    Distro { id: "azurelinux".into(), version: "3.0".into(), codename: String::new() }
}

fn load_mirror(
    mirror: &Mirror,
    trust: &Trust,
    fetch: &dyn Fetch,
    cache: &Arc<dyn Cache>,
) -> Result<Loaded> {
    let (root, distro) = (MemoryRoot::default(), azurelinux());
    let sources = Sources {
        root: &root,
        distro: &distro,
        arch: crate::package::arch::Arch::Amd64,
        mirrors: std::slice::from_ref(mirror),
        host: &[],
        snapshot: trust.now,
        trust,
    };
    let repositories = crate::format::rpm::sources::discover::origins(
        &sources,
        &[],
        &[],
        &mut Warnings::default(),
    )?
    .repositories;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(load_all(&repositories, Ports::new(fetch, cache)))
}

fn download(candidate: &Candidate) -> Package {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(candidate.download(&Files::default())).unwrap()
}

fn refused(result: Result<Loaded>, words: &[&str]) {
    let error = result.map(|loaded| loaded.warnings).unwrap_err();
    let text = format!("{error}: {:?}", error.hint());
    assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn a_signed_repository_is_read_and_its_package_verified() {
    let Some(lab) = Lab::new() else { return };
    for more in [
        &["--general-compress-type=gz"][..],
        &["--general-compress-type=xz"],
        &["--general-compress-type=bz2"],
        &["--zck", "--checksum=sha512"],
    ] {
        lab.index(more);
        let loaded = lab.strict().unwrap();
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        let hello = loaded.catalog.best("hello").unwrap();
        assert_eq!((hello.version.to_string(), &*hello.arch), ("1:2.0-1".into(), "noarch"));
        assert_eq!(hello.source, "hello");
        for name in ["greeting", "/usr/bin/hello"] {
            let providers = loaded.catalog.providers(name);
            assert_eq!(providers, std::slice::from_ref(&hello), "{more:?} {name}");
        }
        let requires: Vec<String> =
            hello.relations.requires.iter().map(ToString::to_string).collect();
        assert_eq!(requires, ["/bin/sh", "libc.so.6()(64bit)"]);
        let warning = verify(&download(&hello), &lab.keys()).unwrap();
        assert!(warning.is_none());
    }
}

#[test]
fn an_altered_package_is_refused_before_and_after_its_checksum() {
    let Some(lab) = Lab::new() else { return };
    let original = fs::read(lab.rpm("1")).unwrap();
    let mut altered = original.clone();
    let last = altered.len() - 9;
    altered[last] ^= 1;
    fs::write(lab.rpm("1"), &altered).unwrap();
    let hello = lab.strict().unwrap().catalog.best("hello").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(hello.download(&Files::default())).unwrap_err();
    assert!(error.to_string().contains("its SHA-256 is"), "{error}");
    // The index agrees with the altered package: the signature does not.
    lab.index(&[]);
    let verify = |keys: &PackageKeys| {
        let hello = lab.strict().unwrap().catalog.best("hello").unwrap();
        verify(&download(&hello), keys)
    };
    let error = verify(&lab.keys()).unwrap_err();
    assert!(error.to_string().contains("its payload is not the one that was signed"), "{error}");
    // Nobody trusted signed it.
    fs::write(lab.rpm("1"), &original).unwrap();
    lab.index(&[]);
    let other = Keyring::parse(&fs::read(lab.path("other.pub")).unwrap()).unwrap();
    let error = verify(&PackageKeys { keyring: other, trust: lab.trust() }).unwrap_err();
    assert!(error.to_string().contains("no trusted key"), "{error}");
    // It is not signed at all.
    run(Command::new("rpmsign").arg("--delsign").arg(lab.rpm("1")));
    lab.index(&[]);
    let error = verify(&lab.keys()).unwrap_err();
    assert!(error.to_string().contains("it is not signed"), "{error}");
    let loose = Trust { allow_unsigned: true, ..lab.trust() };
    let warning = verify(&PackageKeys { trust: loose, ..lab.keys() }).unwrap();
    assert!(warning.unwrap().text.starts_with("NOT VERIFIED, as allowed"));
}

#[test]
fn a_signed_package_under_another_name_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let hello = lab.strict().unwrap().catalog.best("hello").unwrap();
    for other in [
        Candidate { name: "openssl".into(), ..hello.clone() },
        Candidate { arch: "x86_64".into(), ..hello.clone() },
        Candidate { version: Version::parse(Format::Rpm, "1:2.0-2").unwrap(), ..hello.clone() },
    ] {
        let error = verify(&download(&other), &lab.keys()).unwrap_err();
        assert!(error.to_string().contains("it is hello 1:2.0-1 noarch"), "{error}");
    }
}

#[test]
fn altered_metadata_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let repomd = fs::read(lab.repomd()).unwrap();
    lab.edit_repomd("<revision>", "<revision>1");
    refused(lab.strict(), &["repomd.xml", "does not fit the text"]);
    lab.sign("other");
    refused(lab.strict(), &["repomd.xml", "no trusted key", "NameKeys"]);
    fs::remove_file(lab.repomd().with_extension("xml.asc")).unwrap();
    refused(lab.strict(), &["repomd.xml", "it is not signed", "NameKeys"]);
    let loose = Trust { allow_unsigned: true, ..lab.trust() };
    let loaded = lab.load(&loose, &forgetful()).unwrap();
    assert!(
        loaded.warnings[0].text.starts_with("NOT VERIFIED, as allowed"),
        "{:?}",
        loaded.warnings
    );
    fs::write(lab.repomd(), &repomd).unwrap();
    lab.sign("gpg");
    lab.strict().unwrap();
    lab.edit_primary(|bytes| bytes.push(0));
    refused(lab.strict(), &["primary.xml", "repomd.xml says"]);
    lab.edit_primary(|bytes| {
        bytes.pop();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    refused(lab.strict(), &["primary.xml", "SHA-256"]);
    lab.edit_primary(|bytes| bytes.truncate(50));
    refused(lab.strict(), &["primary.xml", "it has 50 bytes"]);
    // What is signed and wrong: the uncompressed text is another.
    fs::write(lab.repomd(), &repomd).unwrap();
    lab.index(&[]);
    let text = fs::read_to_string(lab.repomd()).unwrap();
    let primary = text.split("<data type=\"primary\">").nth(1).unwrap();
    let open = primary.split("<open-checksum type=\"sha256\">").nth(1).unwrap()[..64].to_owned();
    lab.edit_repomd(&open, &"0".repeat(64));
    lab.sign("gpg");
    refused(lab.strict(), &["primary.xml", &"0".repeat(64)]);
}

#[test]
fn an_expired_key_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let home = lab.path("gpg");
    let fingerprint = String::from_utf8(lab.gpg(&home, &["--with-colons", "-k"])).unwrap();
    let line = fingerprint.lines().find(|line| line.starts_with("fpr")).unwrap();
    let key = line.split(':').nth(9).unwrap();
    lab.gpg(&home, &["--quick-set-expire", key, "seconds=1800"]);
    fs::write(lab.path("gpg.pub"), lab.gpg(&home, &["--armor", "--export"])).unwrap();
    let later = Trust { now: now() + Span::new().hours(1), ..lab.trust() };
    refused(lab.load(&later, &forgetful()), &["repomd.xml", key, "expired"]);
    let hello = lab.strict().unwrap().catalog.best("hello").unwrap();
    let keys = PackageKeys { trust: later.clone(), ..lab.keys() };
    let error = verify(&download(&hello), &keys).unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    let loose = Trust { allow_expired: true, ..later };
    lab.load(&loose, &forgetful()).unwrap();
}

#[test]
fn older_metadata_than_before_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let cache = Memory::default().cache();
    lab.load(&lab.trust(), &cache).unwrap();
    let repodata = lab.path("repo/repodata");
    let old = lab.path("old");
    run(Command::new("cp").arg("-a").arg(&repodata).arg(&old));
    let text = fs::read_to_string(lab.repomd()).unwrap();
    let revision = text.split("<revision>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let later: i64 = revision.parse::<i64>().unwrap() + 30;
    lab.package("2");
    lab.index(&["--revision", &later.to_string()]);
    let newer = lab.load(&lab.trust(), &cache).unwrap().catalog.best("hello").unwrap();
    assert_eq!(newer.version.to_string(), "1:2.0-2");
    fs::remove_dir_all(&repodata).unwrap();
    fs::rename(&old, &repodata).unwrap();
    refused(lab.load(&lab.trust(), &cache), &["repomd.xml", "before it was"]);
    let loose = Trust { allow_expired: true, ..lab.trust() };
    let loaded = lab.load(&loose, &cache).unwrap();
    assert!(loaded.warnings[0].text.starts_with("ROLLED BACK"), "{:?}", loaded.warnings);
}

#[test]
fn what_was_read_before_is_not_fetched_again() {
    let Some(lab) = Lab::new() else { return };
    let (cache, files) = (Memory::default().cache(), Files::default());
    let mirror: Mirror = format!("azurelinux={}", lab.url()).parse().unwrap();
    let first = load_mirror(&mirror, &lab.trust(), &files, &cache).unwrap();
    let asked = files.asked.lock().unwrap().len();
    assert_eq!(asked, 3);
    let second = load_mirror(&mirror, &lab.trust(), &files, &cache).unwrap();
    assert_eq!(files.asked.lock().unwrap().len(), asked + 2);
    assert_eq!(first.catalog.candidates("hello"), second.catalog.candidates("hello"));
}

#[test]
fn a_mirror_may_be_what_the_layout_is_below() {
    let Some(lab) = Lab::new() else { return };
    let tree = lab.path("mirror/3.0/prod/base");
    fs::create_dir_all(&tree).unwrap();
    fs::rename(lab.path("repo"), tree.join("x86_64")).unwrap();
    let url = Url::from_directory_path(lab.path("mirror")).unwrap();
    let mirror: Mirror = format!("azurelinux={url}").parse().unwrap();
    let loaded = load_mirror(&mirror, &lab.trust(), &Files::default(), &forgetful()).unwrap();
    let hello = loaded.catalog.best("hello").unwrap();
    assert_eq!(hello.origin, "3.0-prod-base-x86_64");
    // The others are not there, and that is said.
    assert_eq!(loaded.warnings.len(), 3);
    fs::remove_dir_all(&tree).unwrap();
    let error = load_mirror(&mirror, &lab.trust(), &Files::default(), &forgetful()).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[test]
fn a_plan_without_a_report_names_what_its_updates_fix() {
    let Some(lab) = Lab::new() else { return };
    let text = "<updates><update type=\"security\"><references><reference id=\"CVE-2026-0001\" \
                type=\"cve\"/></references><pkglist><collection><package name=\"hello\" \
                epoch=\"1\" version=\"2.0\" release=\"1\" arch=\"noarch\"/></collection>\
                </pkglist></update></updates>";
    let path = lab.path("updateinfo.xml");
    fs::write(&path, text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Debian's tool writes no zstd.
    for compression in ["gz", "xz", "bz2"] {
        run(Command::new("modifyrepo_c")
            .args(["--mdtype=updateinfo", "--compress-type", compression])
            .args([&path, &lab.path("repo/repodata")]));
        lab.sign("gpg");
        let catalog = lab.strict().unwrap().catalog;
        let update = crate::resolve::plan::Update {
            from: Some(Version::parse(Format::Rpm, "1:1.9-1").unwrap()),
            to: catalog.best("hello").unwrap(),
            reason: crate::resolve::plan::Reason::Requested,
            fixes: Vec::new(),
        };
        let mut plan =
            crate::resolve::plan::UpdatePlan { updates: vec![update], ..Default::default() };
        let (files, cache) = (Files::default(), forgetful());
        let ports = Ports::new(&files, &cache);
        runtime.block_on(plan.name_fixes(&catalog, ports)).unwrap();
        assert_eq!(plan.updates[0].fixes, ["CVE-2026-0001"], "{compression}");
        let fetched = files.asked.lock().unwrap().pop().unwrap();
        let bytes = fs::read(&fetched).unwrap();
        fs::write(&fetched, &bytes[..bytes.len() - 1]).unwrap();
        let error = runtime.block_on(plan.name_fixes(&catalog, ports)).unwrap_err();
        assert!(error.to_string().contains("updateinfo.xml"), "{error}");
        fs::write(&fetched, bytes).unwrap();
    }
}

#[test]
fn streams_of_modules_that_are_not_installed_do_not_count() {
    let Some(lab) = Lab::new() else { return };
    let modules = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: hello\n  stream: a\n  \
        version: 1\n  context: c\n  arch: x86_64\n  summary: x\n  description: x\n  license:\n    \
        module:\n    - MIT\n  artifacts:\n    rpms:\n    - hello-1:2.0-1.noarch\n...\n";
    let path = lab.path("modules.yaml");
    fs::write(&path, modules).unwrap();
    run(Command::new("modifyrepo_c")
        .args(["--mdtype=modules"])
        .arg(path)
        .arg(lab.path("repo/repodata")));
    lab.sign("gpg");
    assert!(lab.strict().unwrap().catalog.best("hello").is_none());
}
