//! What is known of a script of an RPM package.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::commands::LDCACHE;
use crate::effect::script::{Scene, Verdict, verdict};
use crate::effect::shell::command::Call;
use crate::version::format::Format;

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
/// Files are not asked for: triggers and scripts of several packages take turns.
const SCENE: Scene<'_> = Scene { format: Format::Rpm, files: None, makes: &|_| true };

/// Scripts that did not run, and the updates that would have made them run.
pub(super) type Found = BTreeMap<(String, String), BTreeSet<String>>;

/// How a script is called: with the numbers of packages that there are, as far as they are known.
pub(super) fn call(one: Option<u32>, two: Option<u32>) -> Call<'static> {
    let text = |count: Option<u32>| match count {
        Some(0) => Some("0"),
        Some(1) => Some("1"),
        Some(2) => Some("2"),
        _ => None,
    };
    // Where packages are RPMs, the shell is bash, by whatever name.
    Call { arguments: [text(one), text(two), None], is_bash: true }
}

/// What is known of a script of a package. Of users and groups only the owners of its files tell
/// whether they are there.
pub(super) fn of(package: &str, program: &str, script: &str, call: &Call<'_>) -> Verdict {
    let program = program.split(' ').next().unwrap_or_default();
    match program.rsplit('/').next().unwrap_or_default() {
        "" if script.trim().is_empty() => Verdict::NoEffect,
        "ldconfig" => Verdict::CarriedOut(LDCACHE),
        "<lua>" if KNOWN_LUA.contains(&package) => Verdict::NoEffect,
        "sh" | "bash" | "" => verdict(script, call, SCENE),
        _ => Verdict::Unknown("is not written for the shell".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::commands::ACCOUNTS;

    fn class(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::CarriedOut(ACCOUNTS) => "accounts",
            Verdict::NoEffect | Verdict::CarriedOut(_) => "known",
            Verdict::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn scripts_are_known_by_their_commands() {
        let (known, accounts, unknown) = ("known", "accounts", "unknown");
        for (package, program, script, wanted) in [
            ("x", "", "", known),
            ("x", "/sbin/ldconfig", "", known),
            ("x", "/bin/sh", "/sbin/ldconfig\n", known),
            (
                "x",
                "/bin/sh",
                "# a word\nif [ $1 -eq 1 ] && [ -x /usr/bin/systemctl ]; then\n  /usr/lib/systemd/systemd-update-helper install-system-units a.service || :\nfi\n",
                known,
            ),
            ("x", "/bin/sh", "systemctl daemon-reload >/dev/null 2>&1 || :", known),
            ("x", "/bin/sh", "getent group demo >/dev/null || groupadd -r demo\nexit 0", accounts),
            ("x", "/bin/sh", "/usr/bin/systemd-sysusers demo.conf", accounts),
            ("x", "/bin/sh", "update-alternatives --install a b c 1", unknown),
            ("x", "/bin/sh", "if true; then rm -rf /var/cache/x; fi", unknown),
            ("x", "/bin/sh", "echo x > /etc/x", unknown),
            ("x", "/bin/sh", "echo `rm x`", unknown),
            ("x", "/bin/sh", "command -v x && command rm x", unknown),
            ("x", "/bin/sh", "[ $1 = 2 ] || exit 0; rm x", unknown),
            ("x", "/bin/sh", "[ $1 = 1 ] || exit 0; rm x", known),
            ("x", "/bin/sh", "if [ $1 -eq 0 ]; then echo x >/etc/x; y=$(z); fi", known),
            ("x", "/bin/sh", "true && cp a b", unknown),
            ("x", "/usr/bin/python3", "", unknown),
            ("glibc", "<lua>", "posix.mkdir('/x')", known),
            ("x", "<lua>", "posix.mkdir('/x')", unknown),
        ] {
            let found = of(package, program, script, &call(Some(2), None));
            assert_eq!(class(&found), wanted, "{program}: {script}");
        }
    }
}
