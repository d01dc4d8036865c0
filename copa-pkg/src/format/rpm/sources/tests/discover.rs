//! Where packages come from.

use super::*;
use crate::distro::release::Distro;
use crate::fixture::ports::now;
use crate::fixture::root::MemoryRoot;
use crate::package::arch::Arch;
use crate::repository::mirror::Mirror;
use crate::trust::policy::Trust;

fn described(root: &MemoryRoot, distro: (&str, &str), mirrors: &[&str]) -> Result<Vec<String>> {
    let (id, version) = distro;
    let distro = Distro { id: id.into(), version: version.into(), codename: String::new() };
    let mirrors: Vec<Mirror> = mirrors.iter().map(|text| text.parse().unwrap()).collect();
    let trust = Trust::strict(now());
    let sources = Sources {
        root,
        distro: &distro,
        arch: Arch::Amd64,
        mirrors: &mirrors,
        host: &[],
        snapshot: now(),
        trust: &trust,
    };
    Ok(origins(&sources, &[], &[], &mut Warnings::default())?
        .repositories
        .iter()
        .map(|repo| repo.describe())
        .collect())
}

fn texts(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.text.as_str()).collect()
}

fn without_mirrors<'a>(root: &'a MemoryRoot, distro: &'a Distro, trust: &'a Trust) -> Sources<'a> {
    Sources { root, distro, arch: Arch::Amd64, mirrors: &[], host: &[], snapshot: trust.now, trust }
}

const REPO: &str = "[base]\nbaseurl=https://a.invalid/$releasever/$basearch/$mine\nrepo_gpgcheck=1\n\
    [off]\nbaseurl=https://b.invalid/\nenabled=0\n[list]\nmirrorlist=https://c.invalid/?r=$releasever\n\
    [meta]\nmetalink=https://d.invalid/m\n[odd]\nbaseurl=ftp://e.invalid/\n\
    [folder]\nbaseurl=file:///srv/repo\n[folders]\nmirrorlist=file:///etc/mirrors\n\
    [unknown]\nbaseurl=https://f.invalid/$nothing\n";

#[test]
fn the_first_source_that_says_anything_is_used() {
    let mut root =
        MemoryRoot::of(&[("etc/yum.repos.d/x.repo", REPO), ("etc/dnf/vars/mine", "m\n")]);
    let azure = ("azurelinux", "3.0");
    assert_eq!(
        described(&root, azure, &["azurelinux=https://m.invalid/x"]).unwrap(),
        ["azurelinux from https://m.invalid/x"]
    );
    let configured = [
        "base from https://a.invalid/3.0/x86_64/m",
        "list from https://c.invalid/?r=3.0",
        "meta from https://d.invalid/m",
    ];
    // A mirror of another distribution is none of this one.
    assert_eq!(described(&root, azure, &["fedora=https://m.invalid/"]).unwrap(), configured);
    assert_eq!(described(&root, azure, &[]).unwrap(), configured);
    root = MemoryRoot::default();
    let defaults = described(&root, azure, &[]).unwrap();
    assert_eq!(
        defaults[0],
        "3.0-prod-base-x86_64 from https://packages.microsoft.com/azurelinux/3.0/prod/base/x86_64"
    );
    assert_eq!(defaults.len(), 4);
    assert_eq!(described(&root, ("fedora", "42"), &[]).unwrap().len(), 2);
    assert!(matches!(described(&root, ("sles", "15"), &[]), Err(Error::NoRepository { .. })));
}

#[test]
fn entries_decide_about_themselves() {
    let main = "[main]\nexcludepkgs=kernel*\ngpgcheck=0\n[b]\n\
        baseurl=https://b.invalid/$releasever/$releasever_minor\ncost=9\n";
    let text = "[main]\nexcludepkgs=y\n[a]\nbaseurl=https://a.invalid/\nexcludepkgs=x\n\
        priority=5\nskip_if_unavailable=1\nmodule_hotfixes=1\nsslverify=0\n\
        gpgkey=https://a.invalid/key http://b.invalid/key file:///etc/none\n";
    let root = MemoryRoot::of(&[
        ("etc/yum.repos.d/a.repo", text),
        ("etc/dnf/dnf.conf", main),
        ("etc/os-release", "ID=rocky\nVERSION_ID=\"9.4\"\n"),
    ]);
    let distro = Distro { id: "rocky".into(), version: "9".into(), codename: String::new() };
    let trust = Trust::strict(now());
    let sources = without_mirrors(&root, &distro, &trust);
    let mut notes = Vec::new();
    let found = Finder::new(&sources, &[]).unwrap().configured(&mut notes).unwrap();
    let [in_main, repo] = &found[..] else { panic!("{found:?}") };
    assert_eq!(in_main.describe(), "b from https://b.invalid/9/4");
    assert!(in_main.cost == 9 && in_main.filter.excludes == ["kernel*"]);
    assert_eq!(repo.filter.excludes, ["x", "kernel*"]);
    assert!(repo.filter.all_streams && !repo.required && !repo.signed && repo.priority == 5);
    assert_eq!(repo.key_urls.len(), 1);
    assert_eq!(texts(&repo.notes), ["http://b.invalid/key: keys are fetched by https only"]);
    let not_obeyed = ["[b]: gpgcheck=0", "[a]: gpgcheck=0", "[a]: sslverify=0"];
    assert_eq!(texts(&notes), not_obeyed.map(|what| format!("{what} is not obeyed")));
    assert!(repo.keys.as_ref().is_ok_and(|keys| !keys.is_empty()));
}

#[test]
fn the_keys_that_the_image_names_may_sign_packages() {
    let key = |name: &str| std::fs::read(Path::new("keys/rpm").join(name)).unwrap();
    let mut root = MemoryRoot::of(&[(
        "etc/yum.repos.d/a.repo",
        "[a]\nbaseurl=https://a.invalid/\ngpgkey=file:///usr/share/keys/a https://a.invalid/key\n\
         [off]\nenabled=0\nbaseurl=https://b.invalid/\ngpgkey=https://b.invalid/key\n",
    )]);
    root.file("usr/share/keys/a", &key("RPM-GPG-KEY-Rocky-9"));
    let imported = String::from_utf8(key("RPM-GPG-KEY-AlmaLinux-9")).unwrap();
    let (distro, trust) = (
        Distro { id: "azurelinux".into(), version: "3.0".into(), codename: String::new() },
        Trust::strict(now()),
    );
    let mut sources = without_mirrors(&root, &distro, &trust);
    let known = known_keys(&sources).unwrap().len();
    let keys = |imported: &[String]| {
        origins(&sources, &[], imported, &mut Warnings::default()).unwrap().keys.keyring.len()
    };
    assert_eq!(keys(&[]), known + 1);
    assert_eq!(keys(&[imported, "no key".into()]), known + 2);
    let urls = origins(&sources, &[], &[], &mut Warnings::default()).unwrap().key_urls;
    assert_eq!(urls.iter().map(Url::as_str).collect::<Vec<_>>(), ["https://a.invalid/key"]);
    // Who names a mirror does not want the image's addresses.
    let mirrors = ["azurelinux=https://m.invalid/".parse().unwrap()];
    sources.mirrors = &mirrors;
    assert!(origins(&sources, &[], &[], &mut Warnings::default()).unwrap().key_urls.is_empty());
}

#[test]
fn suses_repositories_are_found() {
    let repo = "[SLE_BCI]\nbaseurl=https://s.invalid/$releasever/$basearch/\nservice=x\n";
    let root = MemoryRoot::of(&[("etc/zypp/repos.d/SLE_BCI.repo", repo)]);
    let found = described(&root, ("sles", "15.6"), &[]).unwrap();
    assert_eq!(found, ["SLE_BCI from https://s.invalid/15.6/x86_64/"]);
    let mirror = ["sles=https://m.invalid/"];
    assert_eq!(described(&root, ("sles", "15.6"), &mirror).unwrap().len(), 1);
    let amazon = ["amazonlinux=https://m.invalid/"];
    assert_eq!(described(&root, ("amzn", "2"), &amazon).unwrap().len(), 1);
}

#[test]
fn the_users_keyring_is_the_only_one() {
    let (root, distro) = (
        MemoryRoot::default(),
        Distro { id: "rocky".into(), version: "9".into(), codename: String::new() },
    );
    let keyring =
        Some(include_bytes!("../../../../../keys/rpm/MICROSOFT-RPM-GPG-KEY").as_slice().into());
    let trust = Trust { keyring, ..Trust::strict(now()) };
    let mut sources = without_mirrors(&root, &distro, &trust);
    let found = origins(&sources, &[], &[], &mut Warnings::default()).unwrap();
    assert_eq!(found.keys.keyring.len(), 1);
    let wrong = Trust { keyring: Some("no key".into()), ..trust.clone() };
    sources.trust = &wrong;
    assert!(matches!(
        origins(&sources, &[], &[], &mut Warnings::default()),
        Err(Error::Invalid { .. })
    ));
}
