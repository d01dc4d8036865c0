//! Which packages of a repository count: excludes, and streams of modules.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::rpm::repo::modules::Modules;
use crate::format::rpm::repo::nevra::Nevra;

/// Which packages count. The empty filter lets all through but those of modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Patterns of packages that do not count: dnf's `excludepkgs`.
    pub(crate) excludes: Vec<String>,
    /// When there are any, only packages that match one count: dnf's `includepkgs`.
    pub(crate) includes: Vec<String>,
    /// The packages of modules: whether each is of a stream that is installed.
    modular: BTreeMap<String, bool>,
    /// Names that come from an installed stream and from nowhere else.
    claimed: BTreeSet<String>,
    /// Whether streams do not matter: dnf's `module_hotfixes`.
    pub(crate) all_streams: bool,
}

impl Filter {
    /// Adds the modules of a repository: only the streams in `installed` count (`name:stream`).
    pub(crate) fn streams(&mut self, modules: &Modules, installed: &[String]) {
        for module in &modules.streams {
            let ours = installed.contains(&module.name);
            for artifact in &module.artifacts {
                let entry = self.modular.entry(artifact.clone()).or_insert(false);
                *entry |= ours;
                if ours {
                    self.claimed.extend(artifact_name(artifact).map(Into::into));
                }
            }
        }
    }

    /// Whether a package counts.
    pub(crate) fn keeps(&self, package: &Nevra<'_>) -> bool {
        let matched = |patterns: &[String]| patterns.iter().any(|p| matches(p, package));
        if matched(&self.excludes) || (!self.includes.is_empty() && !matched(&self.includes)) {
            return false;
        }
        self.all_streams || self.is_of_installed_stream(package)
    }

    fn is_of_installed_stream(&self, package: &Nevra<'_>) -> bool {
        let Nevra { name, epoch, version, release, arch } = package;
        match self.modular.get(&format!("{name}-{epoch}:{version}-{release}.{arch}")) {
            Some(ours) => *ours,
            // A build of a module that no module lists is of none that can be told.
            None if release.contains(".module+") || release.contains(".module_") => false,
            None => !self.claimed.contains(*name),
        }
    }
}

/// The name in `name-epoch:version-release.arch`.
fn artifact_name(artifact: &str) -> Option<&str> {
    artifact.rsplitn(3, '-').nth(2)
}

/// Whether a pattern of `excludepkgs` means the package: dnf compares with the name, the name and
/// architecture, and everything.
fn matches(pattern: &str, package: &Nevra<'_>) -> bool {
    let Nevra { name, epoch, version, release, arch } = package;
    glob(pattern, name)
        || glob(pattern, &format!("{name}.{arch}"))
        || glob(pattern, &format!("{name}-{version}"))
        || glob(pattern, &format!("{name}-{version}-{release}"))
        || glob(pattern, &format!("{name}-{version}-{release}.{arch}"))
        || glob(pattern, &format!("{name}-{epoch}:{version}-{release}.{arch}"))
}

/// `fnmatch(3)` without character classes that are named: `*`, `?`, `[a-c]`, `[!a]`.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star does not fit.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        if let Some(width) = one(pattern.get(p..).unwrap_or_default(), text[t]) {
            (p, t) = (p + width, t + 1);
            continue;
        }
        let Some((after, from)) = star else { return false };
        (p, t) = (after, from + 1);
        star = Some((after, from + 1));
    }
    pattern.get(p..).unwrap_or_default().iter().all(|b| *b == b'*')
}

/// How much of the pattern one byte of text takes; `None` when it does not fit.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => class(pattern, byte),
        b'\\' => (*pattern.get(1)? == byte).then_some(2),
        other => (*other == byte).then_some(1),
    }
}

fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let start = if negated { 2 } else { 1 };
    let length = pattern.get(start + 1..)?.iter().position(|b| *b == b']')? + 1;
    let members = pattern.get(start..start + length)?;
    let mut inside = members.contains(&byte);
    for range in members.windows(3).filter(|range| range[1] == b'-') {
        inside |= (range[0]..=range[2]).contains(&byte);
    }
    (inside != negated).then_some(start + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::rpm::repo::modules::Stream;
    use proptest::prelude::*;

    fn package(name: &'static str, release: &'static str) -> Nevra<'static> {
        Nevra { name, epoch: "0", version: "1.2", release, arch: "x86_64" }
    }

    #[test]
    fn patterns_are_shell_patterns() {
        for (pattern, text, fits) in [
            ("kernel*", "kernel-core", true),
            ("kernel*", "akernel", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[a", "a", false),
            ("a\\*", "a*", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn excludes_and_includes_are_obeyed() {
        let filter = |excludes: &[&str], includes: &[&str]| Filter {
            excludes: excludes.iter().map(|s| s.to_string()).collect(),
            includes: includes.iter().map(|s| s.to_string()).collect(),
            ..Filter::default()
        };
        let demo = package("demo", "3");
        for pattern in
            ["demo", "d*", "demo.x86_64", "demo-1.2", "demo-1.2-3", "demo-0:1.2-3.x86_64"]
        {
            assert!(!filter(&[pattern], &[]).keeps(&demo), "{pattern}");
            assert!(filter(&[], &[pattern]).keeps(&demo), "{pattern}");
        }
        assert!(filter(&["demo.i686"], &[]).keeps(&demo));
        assert!(!filter(&[], &["other"]).keeps(&demo));
    }

    #[test]
    fn only_installed_streams_count() {
        let stream = |name: &str, artifact: &str| Stream {
            name: name.into(),
            artifacts: vec![artifact.into()],
        };
        let modules = Modules {
            streams: vec![
                stream("nodejs:18", "nodejs-0:1.2-18.module+el9.x86_64"),
                stream("nodejs:20", "nodejs-0:1.2-20.module+el9.x86_64"),
            ],
        };
        let (old, new) = (package("nodejs", "18.module+el9"), package("nodejs", "20.module+el9"));
        let (plain, unknown) = (package("nodejs", "1"), package("x", "1.module+el9"));
        let mut filter = Filter::default();
        filter.streams(&modules, &["nodejs:18".into()]);
        let kept = |filter: &Filter| [&old, &new, &plain, &unknown].map(|p| filter.keeps(p));
        assert_eq!(kept(&filter), [true, false, false, false]);
        let mut none = Filter::default();
        none.streams(&modules, &[]);
        assert_eq!(kept(&none), [false, false, true, false]);
        none.all_streams = true;
        assert_eq!(kept(&none), [true, true, true, true]);
    }

    proptest! {
        #[test]
        fn never_panics(pattern in "[a*?\\[\\]!\\\\-]{0,12}", text in "[a\\]-]{0,12}") {
            glob(&pattern, &text);
        }
    }
}
