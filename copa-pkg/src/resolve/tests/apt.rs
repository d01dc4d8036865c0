//! Our plans against apt's, where the two must agree.
//!
//! apt upgrades without removing anything, in a root of its own, from a repository of one version
//! a package. Where the image is sound and one of the two can update everything, there is one
//! smallest answer. Then the same with the real indexes of this machine's release.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::*;
use crate::resolve::planner::fixture::{Mirror, first_name, holds, mirror, packages, worlds};

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
    let mut all: Vec<String> = installs(&plan)
        // apt installs a version again when the index says other things of it than the image.
        .filter(|line| !image.iter().any(|there| there.split(';').next() == Some(line)))
        .collect();
    all.sort();
    Some(all)
}

/// Names and versions of what apt says that it would install.
fn installs(plan: &str) -> impl Iterator<Item = String> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")).map(|line| {
        let name = line.split(' ').next().unwrap();
        let version = line.split('(').nth(1).unwrap().split(' ').next().unwrap();
        format!("{name} {version}")
    })
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
        let mut excludes =
            package.relations.conflicts.iter().filter(|c| first_name(c) != package.name);
        needs.into_iter().all(|need| holds(&all, need)) && !excludes.any(|c| holds(&all, c))
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
        let ours = plan(
            &installed,
            (&crate::format::deb::rules::RULES, "amd64"),
            &all,
            &Request::Everything,
        );
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

/// The machine's own `Packages` indexes: what `apt-get update` left here.
fn indexes() -> Vec<String> {
    let format = "$(CREATED_BY)\t$(FILENAME)";
    let targets = Command::new("apt-get").args(["indextargets", "--format", format]).output();
    let Ok(targets) = targets else { return Vec::new() };
    let targets = String::from_utf8_lossy(&targets.stdout).into_owned();
    let files = targets.lines().filter_map(|line| line.strip_prefix("Packages\t"));
    files
        .filter_map(|file| {
            let mut helper = Command::new("/usr/lib/apt/apt-helper");
            let text = helper.args(["cat-file", file]).output().ok()?.stdout;
            Some(String::from_utf8_lossy(&text).into_owned()).filter(|text| !text.is_empty())
        })
        .collect()
}

/// Of each package on this machine the lowest version that the indexes have: an image as it was
/// when the release came out.
fn oldest(indexes: &[String], names: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, (Version, String)> = BTreeMap::new();
    for index in indexes {
        for text in index.split("\n\n").filter(|text| text.starts_with("Package: ")) {
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            let name = field("Package: ").unwrap();
            if !names.contains(name) {
                continue;
            }
            let version =
                Version::parse(crate::version::format::Format::Deb, field("Version: ").unwrap())
                    .unwrap();
            let old = all.get(name).is_none_or(|(lowest, _)| version < *lowest);
            if old {
                all.insert(name.into(), (version, text.trim_end().to_owned()));
            }
        }
    }
    all.into_iter().map(|(name, (_, text))| (name, text)).collect()
}

/// What apt would upgrade in the image with the machine's indexes, or which packages of the image
/// lack others.
fn upgrade(image: &BTreeMap<String, String>) -> Result<Vec<String>, BTreeSet<String>> {
    let root = tempfile::tempdir().unwrap();
    let installed = image.values().map(|text| format!("{text}\nStatus: install ok installed\n\n"));
    std::fs::write(root.path().join("status"), installed.collect::<String>()).unwrap();
    let option = format!("Dir::State::Status={}", root.path().join("status").display());
    let all = ["-o", &option, "-o", "Debug::NoLocking=1", "-s", "upgrade", "--with-new-pkgs"];
    let output = Command::new("apt-get").args(all).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        let mut all: Vec<String> = installs(&text).collect();
        all.sort();
        return Ok(all);
    }
    let unmet = text.lines().filter_map(|line| line.strip_prefix(' ')?.split_once(" : "));
    let unmet: BTreeSet<String> = unmet.map(|(name, _)| name.trim().to_owned()).collect();
    assert!(unmet.iter().any(|name| image.contains_key(name)), "{text}");
    Err(unmet)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
fn apt_agrees_on_a_real_release() {
    // It takes seconds: only where real data is asked for.
    let Some(corpus) = crate::fixture::root::corpus() else { return };
    let indexes = indexes();
    if indexes.is_empty() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "apt has no indexes here");
        eprintln!("SKIPPED: apt has no indexes here, no plan was compared with its");
        return;
    }
    let status = std::fs::read_to_string("/var/lib/dpkg/status").unwrap();
    let names = status.lines().filter_map(|line| line.strip_prefix("Package: ")).collect();
    let mut image = oldest(&indexes, &names);
    let theirs = loop {
        match upgrade(&image) {
            Ok(theirs) => break theirs,
            // Of another vendor on this machine: Debian's package of that name needs others.
            Err(unmet) => image.retain(|name, _| !unmet.contains(name)),
        }
    };
    assert!(image.len() > 50 && !theirs.is_empty());

    let mut db = crate::fixture::root::MemoryRoot::default();
    for (name, text) in &image {
        db.file(format!("var/lib/dpkg/status.d/{name}"), text.as_bytes());
    }
    let system = crate::system::System::detect(&db, &crate::system::Hints::default()).unwrap();
    assert!(system.warnings.is_empty(), "{:?}", system.warnings);
    let base = "https://mirror.invalid/".parse().unwrap();
    let catalog: Catalog = indexes
        .iter()
        .map(|index| {
            let arch = system.arch.as_str();
            crate::format::deb::listing::read_packages(index.as_bytes(), arch, &base, "suite")
                .unwrap()
                .catalog
        })
        .collect();
    let decided = system.plan(&catalog, &Request::Everything);
    let mut ours: Vec<String> =
        decided.updates.iter().map(|u| format!("{} {}", u.to.name, u.to.version)).collect();
    ours.sort();
    assert_eq!(ours, theirs, "{:#?}", decided.skipped);
    assert!(decided.skipped.is_empty(), "{:#?}", decided.skipped);
    // A distroless image lacks what its packages need: they are updated all the same, alone.
    if catalog.best("libssl3").is_none() {
        eprintln!("SKIPPED: this machine is no Debian 12, no distroless image was planned for");
        return;
    }
    let root = crate::fixture::root::MemoryRoot::copy(&corpus.join("derived/distroless-debian12"));
    let system = crate::system::System::detect(&root, &crate::system::Hints::default()).unwrap();
    let decided = system.plan(&catalog, &Request::Everything);
    let shown = crate::resolve::planner::fixture::shown(&decided);
    assert!(decided.updates.iter().all(|update| update.from.is_some()), "{shown}");
    assert!(decided.updates.iter().any(|update| update.to.name == "libssl3"), "{shown}");
    assert!(decided.skipped.is_empty(), "{shown}");
}
