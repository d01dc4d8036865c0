//! What scriptlets and triggers of packages say. They never run.
//!
//! Each is classified by its commands. Those whose effect is carried out here (`ldconfig`), has no
//! meaning in an image at rest (systemd's macros) or is there already (users) are known; of every
//! other one the user is told.
//!
//! Which would run is as rpm has it: scriptlets of the new version and of the one that goes, and
//! triggers of every package that one of them sets off. Of what goes only a database tells.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::effect::shell::{Arguments, Command, commands};
use crate::format::rpm::db::installed;
use crate::format::rpm::install::owners::Old;
use crate::format::rpm::install::transaction::Work;
use crate::format::rpm::install::triggers::{Moved, Owner, Scene};
use crate::format::rpm::package::archive::{Archive, File};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::installation::Unrun;
use crate::package::database::PackageDb;
use crate::package::installed::Installed;
use crate::version::any::Version;

/// Scriptlets of a package that takes the place of an older one, or is new.
const NEW: [(&str, Tag, Tag); 4] = [
    ("%pretrans", Tag::PRETRANS, Tag::PRETRANSPROG),
    ("%pre", Tag::PREIN, Tag::PREINPROG),
    ("%post", Tag::POSTIN, Tag::POSTINPROG),
    (POSTTRANS, Tag::POSTTRANS, Tag::POSTTRANSPROG),
];
/// Its argument is not the same with every version of rpm.
const POSTTRANS: &str = "%posttrans";
/// Scriptlets of a package that goes.
const OLD: [(&str, Tag, Tag); 4] = [
    ("%preuntrans", Tag::PREUNTRANS, Tag::PREUNTRANSPROG),
    ("%preun", Tag::PREUN, Tag::PREUNPROG),
    ("%postun", Tag::POSTUN, Tag::POSTUNPROG),
    ("%postuntrans", Tag::POSTUNTRANS, Tag::POSTUNTRANSPROG),
];
/// Packages whose scripts in rpm's own Lua are known: they prepare a first installation (links of
/// a merged `/usr`, users, directories that become links), call `ldconfig` or look after a running
/// system.
const KNOWN_LUA: [&str; 11] = [
    "basesystem",
    "bash",
    "filesystem",
    "glibc",
    "glibc-common",
    "glibc-langpack-en",
    "glibc-minimal-langpack",
    "libgcc",
    "setup",
    "systemd",
    "systemd-udev",
];
/// Words of the shell, and commands without effect on files.
const HARMLESS: [&str; 17] = [
    "", ":", "[", "[[", "echo", "exit", "false", "for", "getent", "grep", "printf", "return",
    "set", "test", "true", "wait", "sleep",
];
/// Commands for what runs, which nothing does in an image; and for caches that are made here.
const RUNTIME: [&str; 12] = [
    "journalctl",
    "ldconfig",
    "restorecon",
    "service",
    "systemctl",
    "systemd-binfmt",
    "systemd-hwdb",
    "systemd-sysctl",
    "systemd-tmpfiles",
    "systemd-update-helper",
    "telinit",
    "udevadm",
];
/// Commands that make users and groups.
const ACCOUNTS: [&str; 3] = ["groupadd", "systemd-sysusers", "useradd"];

/// What is known of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Its effect is carried out, or has no meaning in an image.
    Known,
    /// It makes users and groups.
    Accounts,
    Unknown,
}

/// Scripts that did not run, and the updates that would have made them run.
pub(super) type Found = BTreeMap<(String, String), BTreeSet<String>>;

impl Work<'_> {
    /// Notes the scripts that would have run and whose effect is not known.
    pub(super) fn scriptlets(&mut self, new: &[Archive]) {
        let comes: Vec<_> = new.iter().map(|archive| self.coming(archive, new)).collect();
        let goes: Vec<_> = self.owners.gone.iter().map(|old| self.going(old, new)).collect();
        let scene = Scene { comes, goes, stays: self.staying(), owners: &self.owners };
        let mut found = Found::new();
        for (archive, comes) in new.iter().zip(&scene.comes) {
            own(&archive.package.header, &NEW, comes, &mut found);
        }
        for (old, goes) in self.owners.gone.iter().zip(&scene.goes) {
            own(old.header, &OLD, goes, &mut found);
        }
        for header in self.db.all_headers() {
            let goes = self.owners.gone.iter().any(|old| std::ptr::eq(old.header, header));
            scene.triggers(header, if goes { Owner::Goes } else { Owner::Stays }, &mut found);
        }
        for archive in new {
            scene.triggers(&archive.package.header, Owner::Comes, &mut found);
        }
        let unrun = |((package, script), updates): ((String, String), BTreeSet<String>)| Unrun {
            package,
            script,
            updates: updates.into_iter().collect(),
        };
        self.image.out.unrun = found.into_iter().map(unrun).collect();
    }

    /// The versions of the packages that stay.
    fn staying(&self) -> BTreeMap<String, Vec<Version>> {
        let mut stays: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        let goes = |package: &&Installed| {
            let mut gone = self.owners.gone.iter();
            gone.any(|old| (&old.name, &old.arch) == (&package.name, &package.arch))
        };
        for package in self.db.installed().iter().filter(|package| !goes(package)) {
            stays.entry(package.name.clone()).or_default().push(package.version.clone());
        }
        stays
    }

    fn coming(&mut self, archive: &Archive, new: &[Archive]) -> Moved {
        let header = &archive.package.header;
        let name = header.text(Tag::NAME).unwrap_or_default().into_owned();
        let count = match (self.instances(&name), named(new, &name)) {
            (before @ (0 | 1), 1) => Some(before + 1),
            _ => None,
        };
        let known = |file: &File| {
            let user = self.accounts.user(&file.user);
            user.and(self.accounts.group(&file.group)).is_some()
        };
        let has_accounts = archive.files.iter().all(known);
        let mut paths = BTreeSet::new();
        for file in &archive.files {
            if self.image.out.changes.get(&self.image.paths.physical(&file.path)).is_some() {
                paths.insert(file.path.clone());
            }
        }
        let updates = vec![name.clone()];
        Moved { version: version(header), name, count, updates, paths, has_accounts }
    }

    fn going(&self, old: &Old<'_>, new: &[Archive]) -> Moved {
        let count = match (self.instances(&old.name), named(new, &old.name)) {
            (1, after @ (0 | 1)) => Some(after),
            _ => None,
        };
        let on_account_of = |archive: &&Archive| {
            let header = &archive.package.header;
            header.text(Tag::NAME).is_some_and(|name| name == old.name)
                || header.texts(Tag::OBSOLETENAME).any(|name| name == old.name)
        };
        let name = |archive: &Archive| archive.package.header.text(Tag::NAME).map(Cow::into_owned);
        let changes = |path: &Path| self.image.out.changes.get(path).is_some();
        let paths = old.files.iter().filter(|(path, _)| changes(path));
        Moved {
            name: old.name.clone(),
            version: version(old.header),
            count,
            updates: new.iter().filter(on_account_of).filter_map(name).collect(),
            paths: paths.map(|(_, file)| file.path.clone()).collect(),
            has_accounts: false,
        }
    }

    /// How many packages of this name there are in the image.
    fn instances(&self, name: &str) -> u32 {
        let all = self.db.installed().iter().filter(|package| package.name == name);
        u32::try_from(all.count()).unwrap_or(u32::MAX)
    }
}

/// How many of the packages have this name.
fn named(new: &[Archive], name: &str) -> u32 {
    let is = |archive: &&Archive| archive.package.header.text(Tag::NAME).is_some_and(|n| n == name);
    u32::try_from(new.iter().filter(is).count()).unwrap_or(u32::MAX)
}

fn version(header: &Header) -> Option<Version> {
    Some(installed::package(header).ok()??.version)
}

/// Notes a package's own scriptlets.
fn own(header: &Header, scriptlets: &[(&str, Tag, Tag)], moved: &Moved, found: &mut Found) {
    for (script, body, program) in scriptlets {
        let programs: Vec<_> = header.texts(*program).collect();
        let count = moved.count.filter(|_| *script != POSTTRANS);
        let body = header.text(*body).unwrap_or_default();
        let class = class(&moved.name, &programs.join(" "), &body, [count, None]);
        if class == Class::Unknown || (class == Class::Accounts && !moved.has_accounts) {
            let entry = found.entry((moved.name.clone(), (*script).to_owned()));
            entry.or_default().extend(moved.updates.iter().cloned());
        }
    }
}

/// What is known of a script of a package, called with these arguments.
pub(super) fn class(package: &str, program: &str, script: &str, arguments: Arguments) -> Class {
    let program = program.split(' ').next().unwrap_or_default();
    match program.rsplit('/').next().unwrap_or_default() {
        "" if script.trim().is_empty() => Class::Known,
        "ldconfig" => Class::Known,
        "<lua>" if KNOWN_LUA.contains(&package) => Class::Known,
        "sh" | "bash" | "" => of_shell(script, arguments),
        _ => Class::Unknown,
    }
}

fn of_shell(script: &str, arguments: Arguments) -> Class {
    let Some(commands) = commands(script, arguments) else { return Class::Unknown };
    let mut class = Class::Known;
    for command in commands {
        // What is computed cannot be told.
        if command.text.contains('`') || command.text.contains("$(") || writes(command.text) {
            return Class::Unknown;
        } else if ACCOUNTS.contains(&command.name) {
            class = Class::Accounts;
        } else if !is_harmless(&command) && !RUNTIME.contains(&command.name) {
            return Class::Unknown;
        }
    }
    class
}

fn is_harmless(command: &Command<'_>) -> bool {
    HARMLESS.contains(&command.name)
        || (command.name == "command" && command.text.contains("command -v "))
}

/// Whether output goes anywhere but to nothing.
fn writes(command: &str) -> bool {
    let mut parts = command.split('>').skip(1);
    parts.any(|after| {
        let to = after.trim_start_matches('>').trim_start();
        !(to.starts_with("/dev/null") || to.starts_with('&') || to.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;
    use crate::format::rpm::install::triggers::{Scope, Triggers};

    #[test]
    fn scripts_are_known_by_their_commands() {
        use Class::{Accounts, Known, Unknown};
        for (package, program, script, wanted) in [
            ("x", "", "", Known),
            ("x", "/sbin/ldconfig", "", Known),
            ("x", "/bin/sh", "/sbin/ldconfig\n", Known),
            (
                "x",
                "/bin/sh",
                "# a word\nif [ $1 -eq 1 ] && [ -x /usr/bin/systemctl ]; then\n  /usr/lib/systemd/systemd-update-helper install-system-units a.service || :\nfi\n",
                Known,
            ),
            ("x", "/bin/sh", "systemctl daemon-reload >/dev/null 2>&1 || :", Known),
            ("x", "/bin/sh", "getent group demo >/dev/null || groupadd -r demo\nexit 0", Accounts),
            ("x", "/bin/sh", "/usr/bin/systemd-sysusers demo.conf", Accounts),
            ("x", "/bin/sh", "update-alternatives --install a b c 1", Unknown),
            ("x", "/bin/sh", "if true; then rm -rf /var/cache/x; fi", Unknown),
            ("x", "/bin/sh", "echo x > /etc/x", Unknown),
            ("x", "/bin/sh", "echo `rm x`", Unknown),
            ("x", "/bin/sh", "command -v x && command rm x", Unknown),
            ("x", "/bin/sh", "[ $1 = 2 ] || exit 0; rm x", Unknown),
            ("x", "/bin/sh", "[ $1 = 1 ] || exit 0; rm x", Known),
            ("x", "/bin/sh", "if [ $1 -eq 0 ]; then echo x >/etc/x; y=$(z); fi", Known),
            ("x", "/bin/sh", "true && cp a b", Unknown),
            ("x", "/usr/bin/python3", "", Unknown),
            ("glibc", "<lua>", "posix.mkdir('/x')", Known),
            ("x", "<lua>", "posix.mkdir('/x')", Unknown),
        ] {
            assert_eq!(
                class(package, program, script, [Some(2), None]),
                wanted,
                "{program}: {script}"
            );
        }
    }

    /// All scripts and triggers of a package that is upgraded, and what is known of each.
    fn scripts_of(header: &Header) -> Vec<(String, Class)> {
        let name = header.text(Tag::NAME).unwrap();
        let mut found = Vec::new();
        for (script, body, program, count) in
            NEW.map(|(s, b, p)| (s, b, p, 2)).into_iter().chain(OLD.map(|(s, b, p)| (s, b, p, 1)))
        {
            let programs: Vec<_> = header.texts(program).collect();
            let body = header.text(body).unwrap_or_default();
            let class = class(&name, &programs.join(" "), &body, [Some(count), None]);
            found.extend((!programs.is_empty()).then(|| (format!("{name} {script}"), class)));
        }
        for mut triggers in Scope::ALL.map(|scope| Triggers::of(header, scope)) {
            for trigger in std::mem::take(&mut triggers.all) {
                let count = 2 - u32::from(trigger.sense.is_of_removal());
                let class = triggers.class(&trigger, [None, Some(count)]);
                found.push((format!("{name} {}", triggers.shown(&trigger)), class));
            }
        }
        found
    }

    /// All of a real system, as if each package was upgraded: what is left is what matters there.
    #[test]
    fn of_a_real_system_only_what_matters_is_left() {
        let Some(corpus) = crate::fixture::root::corpus() else { return };
        let file = corpus.join("knqyf263+go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite");
        let mut root = MemoryRoot::default();
        root.file("var/lib/rpm/rpmdb.sqlite", &std::fs::read(file).unwrap());
        let db = crate::format::rpm::db::rpmdb::RpmDb::open(&root).unwrap().unwrap();
        let mut scripts: Vec<(String, Class)> = db.all_headers().flat_map(scripts_of).collect();
        scripts.sort_by(|a, b| a.0.cmp(&b.0));
        let left = scripts.iter().filter(|(_, class)| *class != Class::Known);
        let left: Vec<&str> = left.map(|(script, _)| &**script).collect();
        let matters = [
            "ca-certificates-base %post",
            "ca-certificates-base %postun",
            "mariner-repos-shared %posttrans",
            "mariner-repos-shared %preun",
            "p11-kit-trust %post",
            "shadow-utils %post",
            "vim %post",
        ];
        assert_eq!(left, matters);
        assert!(scripts.len() > 100, "{}", scripts.len());
    }
}
