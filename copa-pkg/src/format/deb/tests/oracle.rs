//! What dpkg on this machine says, against what we say.

use std::path::Path;
use std::process::Command;

use crate::format::deb::control::stanzas;
use crate::format::deb::relation::relations;
use crate::version::deb::Version;

/// The machine's own dpkg database. Elsewhere than on Debian a test says loudly that it tests
/// nothing.
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
fn status() -> Option<String> {
    let path = Path::new("/var/lib/dpkg/status");
    if !path.exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no dpkg here");
        eprintln!("SKIPPED: no dpkg here, nothing was compared with it");
        return None;
    }
    Some(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
}

fn dpkg_says(a: &str, operator: &str, b: &str) -> bool {
    let all = ["--compare-versions", a, operator, b];
    Command::new("dpkg").args(all).status().unwrap().success()
}

#[test]
fn versions_are_ordered_as_dpkg_orders_them() {
    let Some(status) = status() else { return };
    let versions: Vec<&str> =
        stanzas(&status).filter_map(|stanza| stanza.unwrap().get("Version")).collect();
    assert!(versions.len() > 50);
    // Neighbours of different packages, and each against small changes of itself.
    let pairs = versions.windows(2).step_by(7).map(|pair| (pair[0].into(), pair[1].into()));
    let changed = versions.iter().step_by(11).flat_map(|version| {
        ["~1", "+deb12u1", "+b1", ".1", "-1", "a"].map(|end| {
            let cut = version.trim_end_matches(|c: char| c.is_ascii_digit());
            (format!("{cut}0{end}"), (*version).to_owned())
        })
    });
    let pairs: Vec<(String, String)> = pairs.chain(changed).take(300).collect();
    for (a, b) in pairs {
        let (x, y): (Version, Version) = (a.parse().unwrap(), b.parse().unwrap());
        let ours = (x < y, x == y);
        assert_eq!(ours, (dpkg_says(&a, "lt", &b), dpkg_says(&a, "eq", &b)), "{a} {b}");
    }
}

#[test]
fn relations_are_read_as_dpkg_reads_them() {
    let Some(status) = status() else { return };
    let fields = ["Pre-Depends", "Depends", "Conflicts", "Breaks", "Provides", "Replaces"];
    let format: String = fields.map(|field| format!("${{{field}}}")).join("\t");
    let shown = ["-W", "-f", &format!("${{db:Status-Status}}\t${{Package}}\t{format}\n")]
        .iter()
        .fold(Command::new("dpkg-query"), |mut command, arg| {
            command.arg(arg);
            command
        })
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let mut theirs: Vec<String> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("installed\t"))
        .map(|line| line.split('\t').filter(|field| !field.is_empty()).collect::<Vec<_>>())
        .map(|fields| fields.join(", "))
        .collect();
    let mut ours: Vec<String> = stanzas(&status)
        .map(|stanza| stanza.unwrap())
        .filter(|stanza| stanza.get("Status").is_some_and(|s| s.ends_with(" installed")))
        .map(|stanza| {
            let all = relations(&stanza).unwrap();
            let needs = all.requires.iter().map(ToString::to_string);
            let conflicts = all.conflicts.iter().map(ToString::to_string);
            let others = all.provides.iter().chain(&all.replaces).map(ToString::to_string);
            let name = stanza.get("Package").unwrap().to_owned();
            let all: Vec<String> =
                [name].into_iter().chain(needs).chain(conflicts).chain(others).collect();
            all.join(", ").replace("(< ", "(<< ").replace("(> ", "(>> ")
        })
        .collect();
    theirs.sort();
    ours.sort();
    assert!(ours.len() > 50);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}
