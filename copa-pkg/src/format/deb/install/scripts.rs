//! What maintainer scripts say. They never run: not here, and not when the image was built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::install::installation::Unrun;

/// Commands that change files for which nothing here stands in.
const COMMANDS: [&str; 9] = [
    "addgroup",
    "adduser",
    "dpkg-divert",
    "dpkg-statoverride",
    "groupadd",
    "setcap",
    "systemd-sysusers",
    "update-alternatives",
    "useradd",
];

/// Packages whose scripts are known: what they do is done here, or has no effect in such an image.
const KNOWN: [&str; 5] = ["base-files", "ca-certificates", "libc-bin", "libc6", "tzdata"];

/// Links of which `dpkg-maintscript-helper symlink_to_dir` says that a directory replaces them.
pub(super) fn links_that_become_directories(scripts: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let words = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "symlink_to_dir");
        let path = words.nth(1)?.trim_matches(['"', '\'']).strip_prefix('/')?;
        let clean =
            Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        (clean && !path.contains('$')).then(|| PathBuf::from(path.trim_end_matches('/')))
    };
    let lines = scripts.values().flat_map(|script| script.lines());
    let mut paths: Vec<PathBuf> = lines.filter_map(words).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The scripts that do something that matters and is not done.
pub(super) fn unrun(package: &str, scripts: &BTreeMap<String, String>) -> Vec<Unrun> {
    if KNOWN.contains(&package) {
        return Vec::new();
    }
    let installing = scripts.iter().filter(|(name, _)| ["preinst", "postinst"].contains(&&***name));
    let unrun = |(name, script): (&String, &String)| {
        let found: Vec<_> = COMMANDS.into_iter().filter(|command| uses(script, command)).collect();
        let found = (!found.is_empty()).then(|| found.join(", "))?;
        let script = format!("{name} (it calls {found})");
        Some(Unrun { package: package.into(), script, updates: vec![package.into()] })
    };
    installing.filter_map(unrun).collect()
}

/// Whether a line of the script, comments aside, has the command as a word.
fn uses(script: &str, command: &str) -> bool {
    let code = script.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let is_command = |word: &str| word.rsplit('/').next() == Some(command);
    code.flat_map(|line| line.split(|c| !is_name(c))).any(is_command)
}
