//! Our plans against apt's, where the two must agree.
//!
//! apt upgrades without removing anything, in a root of its own, from a repository of one version
//! a package. Where the image is sound and one of the two can update everything, there is one
//! smallest answer.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::tests::{Mirror, mirror, packages, worlds};
use super::*;

/// How many images apt is asked about; each takes it a third of a second.
const IMAGES: usize = 24;

/// A package as a stanza of a database or an index.
fn stanza(line: &str, more: &str) -> String {
    let (head, fields) = line.split_once(';').unwrap_or((line, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    let mut text = format!("Package: {}\nVersion: {}\nArchitecture: amd64\n", words[0], words[1]);
    let fields = fields.split(';').filter(|field| !field.is_empty());
    fields.for_each(|field| writeln!(text, "{field}").unwrap());
    writeln!(text, "Maintainer: x <x@invalid>\nDescription: x\n{more}").unwrap();
    text
}

/// Runs apt below the root. `None` when it gives up.
fn apt(root: &Path, arguments: &[&str]) -> Option<String> {
    let root = root.display();
    let mut command = Command::new("apt-get");
    for option in [
        format!("Dir={root}"),
        format!("Dir::State::Status={root}/status"),
        "APT::Architecture=amd64".into(),
        "APT::Architectures::=amd64".into(),
        "Acquire::Languages=none".into(),
        "APT::Sandbox::User=root".into(),
        "Debug::NoLocking=1".into(),
    ] {
        command.args(["-o", &option]);
    }
    let output = command.env("APT_CONFIG", "/dev/null").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let gave_up = errors.contains("E: Broken packages");
    assert!(output.status.success() || gave_up, "{errors}");
    (!gave_up).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What apt would install: names and versions, sorted. `None` when it gives up.
fn apt_plan(image: &[String], offers: &[String]) -> Option<Vec<String>> {
    let root = tempfile::tempdir().unwrap();
    for dir in [
        "etc/apt/preferences.d",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "repo",
    ] {
        std::fs::create_dir_all(root.path().join(dir)).unwrap();
    }
    let write = |path: &str, text: String| std::fs::write(root.path().join(path), text).unwrap();
    let status = "Status: install ok installed\n";
    write("status", image.iter().map(|line| stanza(line, status)).collect());
    let files =
        |name: &str| format!("Filename: ./{name}.deb\nSize: 1\nSHA256: {}\n", "00".repeat(32));
    let index = offers.iter().map(|line| stanza(line, &files(line.split(' ').next().unwrap())));
    write("repo/Packages", index.collect());
    let source = format!("deb [trusted=yes] file:{}/repo ./\n", root.path().display());
    write("etc/apt/sources.list", source);
    apt(root.path(), &["update"]).unwrap();
    let plan = apt(root.path(), &["-s", "upgrade", "--with-new-pkgs"])?;
    assert!(!plan.contains("Remv "), "{plan}");
    let mut all: Vec<String> = plan
        .lines()
        .filter_map(|line| line.strip_prefix("Inst "))
        .map(|line| {
            let name = line.split(' ').next().unwrap();
            let version = line.split('(').nth(1).unwrap().split(' ').next().unwrap();
            format!("{name} {version}")
        })
        // apt installs a version again when the index says other things of it than the image.
        .filter(|line| !image.iter().any(|there| there.split(';').next() == Some(line)))
        .collect();
    all.sort();
    Some(all)
}

fn named(line: &str) -> &str {
    line.split(' ').next().unwrap()
}

/// Whether nothing in the image lacks or excludes anything: apt wants to repair such an image.
fn is_sound(image: &[Installed]) -> bool {
    let all: BTreeMap<_, _> =
        image.iter().map(|p| (p.name.clone(), (p.version.clone(), p.relations.clone()))).collect();
    image.iter().all(|package| {
        let needs = package.relations.requires.iter();
        let mut excludes = package.relations.conflicts.iter().filter(|c| c.name != package.name);
        needs.into_iter().all(|need| need.0.iter().any(|c| super::tests::holds(&all, c)))
            && !excludes.any(|c| super::tests::holds(&all, c))
    })
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
fn apt_agrees_where_everything_can_be_updated() {
    if Command::new("apt-get").arg("--version").output().is_err() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no apt here");
        eprintln!("SKIPPED: no apt here, no plan was compared with its");
        return;
    }
    let mut runner = TestRunner::deterministic();
    let (mut asked, mut agreed) = (0, 0);
    while asked < IMAGES {
        let (mut image, mut offers) = worlds().new_tree(&mut runner).unwrap().current();
        let mut seen = BTreeSet::new();
        image.retain(|line| seen.insert(named(line).to_owned()));
        let mut seen = BTreeSet::new();
        offers.retain(|line| seen.insert(named(line).to_owned()));
        let installed = packages(&image.join("\n"));
        let all: Mirror = mirror(&offers.join("\n"));
        let ours = plan(&installed, (Format::Deb, "amd64"), &all, &Request::Everything);
        let interesting = ours.updates.len() + ours.skipped.len() > 1
            && all.0.iter().any(|c| !c.relations.is_empty());
        if !is_sound(&installed) || !interesting {
            continue;
        }
        asked += 1;
        let Some(theirs) = apt_plan(&image, &offers) else { continue };
        let updated = |name: &str| theirs.iter().any(|line| named(line) == name);
        let ours_too = ours.updates.iter().filter(|update| update.from.is_some());
        let mut newer = ours_too
            .map(|update| &update.to.name)
            .chain(ours.skipped.iter().map(|skipped| &skipped.package));
        let all_theirs = newer.all(|name| updated(name));
        if ours.skipped.is_empty() || all_theirs {
            let ours: Vec<String> = ours
                .updates
                .iter()
                .map(|update| format!("{} {}", update.to.name, update.to.version))
                .collect();
            assert_eq!(ours, theirs, "image {image:#?}\noffers {offers:#?}");
            agreed += 1;
        }
    }
    assert!(agreed > IMAGES / 4, "only {agreed} of {asked} could be compared");
}
