//! What scriptlets and triggers of packages say. They never run.
//!
//! Each is classified by its commands. Those whose effect is carried out here (`ldconfig`), has no
//! meaning in an image at rest (systemd's macros) or is there already (users) are known; of every
//! other one the user is told.

use std::collections::BTreeSet;
use std::path::Path;

use super::Work;
use crate::Unrun;
use crate::rpm::archive::Archive;
use crate::rpm::header::Header;
use crate::rpm::tag::Tag;

/// Scriptlets that run when a package takes the place of an older one: of the new package.
const NEW: [(&str, Tag, Tag); 4] = [
    ("%pretrans", Tag::PRETRANS, Tag::PRETRANSPROG),
    ("%pre", Tag::PREIN, Tag::PREINPROG),
    ("%post", Tag::POSTIN, Tag::POSTINPROG),
    ("%posttrans", Tag::POSTTRANS, Tag::POSTTRANSPROG),
];
/// Triggers of installed packages that run when files appear below a path.
const FILE_TRIGGERS: [(&str, [Tag; 4]); 2] = [
    (
        "%filetriggerin",
        [
            Tag::FILETRIGGERNAME,
            Tag::FILETRIGGERINDEX,
            Tag::FILETRIGGERSCRIPTS,
            Tag::FILETRIGGERSCRIPTPROG,
        ],
    ),
    (
        "%transfiletriggerin",
        [
            Tag::TRANSFILETRIGGERNAME,
            Tag::TRANSFILETRIGGERINDEX,
            Tag::TRANSFILETRIGGERSCRIPTS,
            Tag::TRANSFILETRIGGERSCRIPTPROG,
        ],
    ),
];
/// Packages whose scripts in rpm's own Lua are known: they prepare a first installation (links of
/// a merged `/usr`, users, directories that become links) or look after a running system.
const KNOWN_LUA: [&str; 8] = [
    "basesystem",
    "bash",
    "filesystem",
    "glibc",
    "glibc-common",
    "glibc-langpack-en",
    "glibc-minimal-langpack",
    "setup",
];
/// Words of the shell, and commands without effect on files.
const HARMLESS: [&str; 21] = [
    ":", "[", "[[", "command", "do", "done", "echo", "elif", "else", "exit", "false", "fi",
    "getent", "if", "printf", "return", "set", "test", "then", "true", "while",
];
/// Commands for what runs, which nothing does in an image; and for caches that are made here.
const RUNTIME: [&str; 8] = [
    "ldconfig",
    "systemctl",
    "systemd-hwdb",
    "systemd-sysctl",
    "systemd-tmpfiles",
    "systemd-update-helper",
    "udevadm",
    "restorecon",
];
/// Commands that make users and groups.
const ACCOUNTS: [&str; 3] = ["groupadd", "systemd-sysusers", "useradd"];

/// What is known of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Its effect is carried out, or has no meaning in an image.
    Known,
    /// It makes users and groups.
    Accounts,
    Unknown,
}

impl Work<'_> {
    /// Notes the scripts that would have run and whose effect is not known.
    pub(super) fn scriptlets(&mut self, new: &[Archive]) {
        let mut unrun = BTreeSet::new();
        for archive in new {
            unrun.extend(self.of_new(archive));
        }
        let erased: BTreeSet<&str> = self.owners.gone.iter().map(|old| &*old.name).collect();
        let installed = self.db.all_headers();
        let staying = installed
            .filter(|header| header.text(Tag::NAME).is_some_and(|name| !erased.contains(&*name)));
        let headers = staying.chain(new.iter().map(|archive| &archive.package.header));
        for header in headers {
            unrun.extend(self.file_triggers(header));
        }
        self.out.unrun = unrun.into_iter().collect();
    }

    fn of_new(&self, archive: &Archive) -> Vec<Unrun> {
        let header = &archive.package.header;
        let name = header.text(Tag::NAME).unwrap_or_default();
        let accounts_there = || {
            let known = |file: &super::PackagedFile| {
                let user = self.accounts.user(&file.user);
                user.and(self.accounts.group(&file.group)).is_some()
            };
            archive.files.iter().all(known)
        };
        let unknown = NEW.into_iter().filter(|(_, body, program)| {
            let script = header.text(*body).unwrap_or_default();
            let program: Vec<_> = header.texts(*program).collect();
            match class(&name, &program.join(" "), &script) {
                Class::Known => false,
                Class::Accounts => !accounts_there(),
                Class::Unknown => true,
            }
        });
        unknown
            .map(|(script, ..)| Unrun { package: name.to_string(), script: script.into() })
            .collect()
    }

    /// File triggers of a package that what is written would have set off.
    fn file_triggers(&self, header: &Header) -> Vec<Unrun> {
        let name = header.text(Tag::NAME).unwrap_or_default();
        let mut found = Vec::new();
        for (kind, [names, indexes, scripts, programs]) in FILE_TRIGGERS {
            let scripts: Vec<_> = header.texts(scripts).collect();
            let programs: Vec<_> = header.texts(programs).collect();
            for (path, index) in header.texts(names).zip(header.numbers(indexes)) {
                let at = |list: &[std::borrow::Cow<'_, str>]| {
                    let index = usize::try_from(index).ok()?;
                    list.get(index).map(ToString::to_string)
                };
                let (script, program) = (at(&scripts), at(&programs));
                let class = class(&name, &program.unwrap_or_default(), &script.unwrap_or_default());
                if class == Class::Unknown && self.is_written_below(&path) {
                    found.push(Unrun {
                        package: name.to_string(),
                        script: format!("{kind} -- {path}"),
                    });
                }
            }
        }
        found
    }

    /// Whether something is written whose path begins like this.
    fn is_written_below(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let begins =
            |written: &Path| written.to_str().is_some_and(|written| written.starts_with(path));
        self.out.changes.iter().any(|(written, _)| begins(written))
    }
}

/// What is known of a script of a package.
fn class(package: &str, program: &str, script: &str) -> Class {
    let program = program.split(' ').next().unwrap_or_default();
    match program.rsplit('/').next().unwrap_or_default() {
        "" if script.trim().is_empty() => Class::Known,
        "ldconfig" => Class::Known,
        "<lua>" if KNOWN_LUA.contains(&package) => Class::Known,
        "sh" | "bash" | "" => of_shell(script),
        _ => Class::Unknown,
    }
}

fn of_shell(script: &str) -> Class {
    // What is computed or read from elsewhere cannot be told.
    if ["`", "$(", "<<"].iter().any(|odd| script.contains(odd)) {
        return Class::Unknown;
    }
    let mut class = Class::Known;
    for command in commands(script) {
        if ACCOUNTS.contains(&command) {
            class = Class::Accounts;
        } else if !HARMLESS.contains(&command) && !RUNTIME.contains(&command) {
            return Class::Unknown;
        }
    }
    if writes(script) { Class::Unknown } else { class }
}

/// The first words of all commands, without folders.
fn commands(script: &str) -> impl Iterator<Item = &str> {
    let lines = script.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let parts = lines.flat_map(|line| line.split([';', '|', '&', '(', ')', '{', '}']));
    // A command stands after these words, too.
    let lead = ["if", "then", "else", "elif", "do", "while", "!"];
    let first = move |part: &'_ str| -> Option<usize> {
        let mut at = part.len() - part.trim_start().len();
        for word in part.split_whitespace() {
            at = part.get(at..)?.find(word)? + at;
            if !lead.contains(&word) {
                return Some(at);
            }
            at += word.len();
        }
        None
    };
    parts.filter_map(move |part| {
        let word = part.get(first(part)?..)?.split_whitespace().next()?;
        // What is left of a redirection: `2>&1`.
        let number = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        (!number).then(|| word.rsplit('/').next().unwrap_or(word))
    })
}

/// Whether output goes anywhere but to nothing.
fn writes(script: &str) -> bool {
    let mut parts = script.split('>').skip(1);
    parts.any(|after| {
        let to = after.trim_start_matches('>').trim_start();
        !(to.starts_with("/dev/null") || to.starts_with('&') || to.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("x", "/bin/sh", "true && cp a b", Unknown),
            ("x", "/usr/bin/python3", "", Unknown),
            ("glibc", "<lua>", "posix.mkdir('/x')", Known),
            ("x", "<lua>", "posix.mkdir('/x')", Unknown),
        ] {
            assert_eq!(class(package, program, script), wanted, "{program}: {script}");
        }
    }
}
