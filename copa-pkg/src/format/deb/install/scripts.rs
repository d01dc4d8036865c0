//! What maintainer scripts say. They never run: not here, and not when the image was built.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::effect::accounts::called::is_there;
use crate::effect::accounts::image::Accounts;
use crate::effect::script::{Scene, Verdict, verdict};
use crate::effect::shell::command::{Call, Command};
use crate::install::outcome::Unrun;
use crate::port::Root;
use crate::version::format::Format;

/// Packages whose scripts are known: what they do is done here, or has no effect in such an image.
const KNOWN: [&str; 5] = ["base-files", "ca-certificates", "libc-bin", "libc6", "tzdata"];

/// Links of which `dpkg-maintscript-helper symlink_to_dir` says that a directory replaces them.
pub(super) fn links_that_become_directories(scripts: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let words = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "symlink_to_dir");
        let path = words.nth(1)?.trim_matches(['"', '\'']).strip_prefix('/')?;
        let clean = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
        (clean && !path.contains('$')).then(|| PathBuf::from(path.trim_end_matches('/')))
    };
    let lines = scripts.values().flat_map(|script| script.lines());
    let mut paths: Vec<PathBuf> = lines.filter_map(words).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// A package that takes the place of an older version, or is new.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) package: String,
    pub(super) old: Option<String>,
    pub(super) new: String,
    /// Its scripts by name.
    pub(super) scripts: BTreeMap<String, String>,
    /// Whether the users and groups are there that its files for `systemd-sysusers` ask for.
    pub(super) has_sysusers: bool,
}

/// What the scripts find: the files before and after the installation, and the users and groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) before: &'a dyn Root,
    pub(super) after: &'a dyn Root,
    pub(super) accounts: &'a Accounts,
}

impl Step {
    /// The scripts whose effect is neither carried out here nor known to be none.
    pub(super) fn unrun(&self, image: Image<'_>) -> Vec<Unrun> {
        if KNOWN.contains(&&*self.package) {
            return Vec::new();
        }
        let unrun = |(name, script): (&String, &String)| {
            let Verdict::Unknown(why) = self.read(name, script, image)? else { return None };
            let (package, updates) = (self.package.clone(), vec![self.package.clone()]);
            Some(Unrun { package, script: format!("{name} (it {why})"), updates })
        };
        self.scripts.iter().filter_map(unrun).collect()
    }

    /// What is known of a script that dpkg would run. Of those of the version that goes the image
    /// tells nothing.
    fn read(&self, name: &str, script: &str, image: Image<'_>) -> Option<Verdict> {
        let (old, new) = (self.old.as_deref(), self.new.as_str());
        let (arguments, files) = match (name, old) {
            ("preinst", Some(old)) => ([Some("upgrade"), Some(old), Some(new)], image.before),
            ("preinst", None) => ([Some("install"), Some(""), None], image.before),
            ("postinst", _) => {
                ([Some("configure"), Some(old.unwrap_or_default()), None], image.after)
            }
            _ => return None,
        };
        let is_bash = match interpreter(script) {
            "sh" | "dash" => false,
            "bash" => true,
            other => return Some(Verdict::Unknown(format!("is written for {other}"))),
        };
        let makes = |command: &Command| match &*command.name {
            "systemd-sysusers" => self.has_sysusers,
            _ => is_there(command, image.accounts),
        };
        let scene = Scene { format: Format::Deb, files: Some(files), makes: &makes };
        Some(verdict(script, &Call { arguments, is_bash }, scene))
    }
}

/// The name of the program that runs a script.
fn interpreter(script: &str) -> &str {
    let first = script.lines().next().and_then(|line| line.strip_prefix("#!"));
    let program = first.and_then(|line| line.split_whitespace().next()).unwrap_or("sh");
    let name = program.rsplit('/').next().unwrap_or_default();
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
        name
    } else {
        "another program"
    }
}
