//! What commands of maintainer scripts mean for an image at rest: one table for all formats.

use crate::effect::shell::command::{Call, Command};
use crate::effect::shell::outcome::compare_versions;
use crate::version::format::Format;

/// What a command does to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing: it changes no file, or only what runs.
    Nothing,
    /// What the effect of this name does.
    Effect(&'static str),
    /// It makes a user or a group.
    Account,
    /// Nobody here knows.
    Unknown,
}

/// The effects that commands stand for.
pub(crate) const LDCACHE: &str = "ldcache";
pub(crate) const CERTIFICATES: &str = "certificates";
pub(crate) const LINKS: &str = "links that become directories";
pub(crate) const ACCOUNTS: &str = "accounts";

/// Commands of a kind, and in whose scripts they mean that.
struct Row {
    formats: &'static [Format],
    names: &'static [&'static str],
    meaning: Said,
}

/// What the table says of a command.
enum Said {
    Always(Meaning),
    /// It depends on its arguments.
    By(fn(&Command, &Call<'_>) -> Meaning),
}

const ALL: &[Format] = &[Format::Deb, Format::Rpm];
const DEB: &[Format] = &[Format::Deb];
const RPM: &[Format] = &[Format::Rpm];
const NOTHING: Said = Said::Always(Meaning::Nothing);

const TABLE: [Row; 15] = [
    // Words of the shell.
    Row {
        formats: ALL,
        names: &[
            "", ":", "[", "[[", "break", "cd", "continue", "echo", "exit", "export", "false",
            "local", "printf", "read", "readonly", "return", "set", "shift", "sleep", "test",
            "true", "type", "umask", "unset", "wait",
        ],
        meaning: NOTHING,
    },
    Row { formats: ALL, names: &["command"], meaning: Said::By(only_asked) },
    // What only reads.
    Row {
        formats: ALL,
        names: &[
            "basename", "cat", "cmp", "cut", "dirname", "egrep", "expr", "fgrep", "getent", "grep",
            "head", "id", "ls", "readlink", "realpath", "stat", "tail", "tr", "uname", "wc",
            "which", "whoami",
        ],
        meaning: NOTHING,
    },
    // What runs, which nothing does in an image.
    Row {
        formats: ALL,
        names: &[
            "journalctl",
            "restorecon",
            "service",
            "systemctl",
            "systemd-binfmt",
            "systemd-sysctl",
            "systemd-tmpfiles",
            "telinit",
            "udevadm",
        ],
        meaning: NOTHING,
    },
    Row { formats: RPM, names: &["systemd-hwdb", "systemd-update-helper"], meaning: NOTHING },
    Row {
        formats: DEB,
        names: &[
            "apparmor_parser",
            "deb-systemd-helper",
            "deb-systemd-invoke",
            "invoke-rc.d",
            "ischroot",
            "pidof",
            "start-stop-daemon",
            "systemd-detect-virt",
            "update-rc.d",
        ],
        meaning: NOTHING,
    },
    // Triggers are looked at where they go off; bytecode that does not fit its source is not used.
    Row {
        formats: DEB,
        names: &[
            "dpkg-query",
            "dpkg-trigger",
            "py3clean",
            "py3compile",
            "pypy3clean",
            "pypy3compile",
        ],
        meaning: NOTHING,
    },
    Row { formats: DEB, names: &["dpkg"], meaning: Said::By(dpkg) },
    Row { formats: DEB, names: &["."], meaning: Said::By(confmodule) },
    // Questions of debconf and their answers.
    Row { formats: DEB, names: &["db_*"], meaning: NOTHING },
    Row {
        formats: DEB,
        names: &["dpkg-maintscript-helper"],
        meaning: Said::By(maintscript_helper),
    },
    // What is done here.
    Row { formats: ALL, names: &["ldconfig"], meaning: Said::Always(Meaning::Effect(LDCACHE)) },
    Row {
        formats: DEB,
        names: &["update-ca-certificates"],
        meaning: Said::Always(Meaning::Effect(CERTIFICATES)),
    },
    Row {
        formats: ALL,
        names: &["groupadd", "systemd-sysusers", "useradd"],
        meaning: Said::Always(Meaning::Account),
    },
    Row { formats: DEB, names: &["addgroup", "adduser"], meaning: Said::Always(Meaning::Account) },
];

impl Row {
    /// Whether one of its names is the command's, or is its beginning and ends with `*`.
    fn names_it(&self, command: &str) -> bool {
        let is = |name: &&str| match name.strip_suffix('*') {
            Some(beginning) => command.starts_with(beginning),
            None => *name == command,
        };
        self.names.iter().any(is)
    }
}

/// What a command means in a script of this format that is called like this.
pub(crate) fn meaning(command: &Command, call: &Call<'_>, format: Format) -> Meaning {
    let is = |row: &&Row| row.formats.contains(&format) && row.names_it(&command.name);
    match TABLE.iter().find(is).map(|row| &row.meaning) {
        Some(Said::Always(meaning)) => *meaning,
        Some(Said::By(decide)) => decide(command, call),
        None => Meaning::Unknown,
    }
}

fn nothing_if(is_nothing: bool) -> Meaning {
    if is_nothing { Meaning::Nothing } else { Meaning::Unknown }
}

fn first(command: &Command) -> &str {
    command.arguments.first().and_then(Option::as_deref).unwrap_or_default()
}

/// `command -v NAME` asks whether there is a command; otherwise it runs it.
fn only_asked(command: &Command, _: &Call<'_>) -> Meaning {
    nothing_if(matches!(first(command), "-v" | "-V"))
}

/// dpkg is asked something.
fn dpkg(command: &Command, _: &Call<'_>) -> Meaning {
    let asks = ["-L", "-S", "-l", "-s", "--list", "--listfiles", "--search", "--status"];
    let word = first(command);
    let begins = ["--assert-", "--compare-versions", "--print-", "--validate-"];
    nothing_if(asks.contains(&word) || begins.iter().any(|begin| word.starts_with(begin)))
}

/// The library of debconf defines functions to ask questions; any other file may do anything.
fn confmodule(command: &Command, _: &Call<'_>) -> Meaning {
    nothing_if(command.known().as_deref() == Some(&["/usr/share/debconf/confmodule"]))
}

/// `dpkg-maintscript-helper ACTION PATH... [PRIOR-VERSION [PACKAGE]] -- "$@"` acts when a version
/// is updated that is not later than the prior one.
fn maintscript_helper(command: &Command, call: &Call<'_>) -> Meaning {
    let words = command.arguments.iter().map(Option::as_deref);
    let Some(words) = words.take_while(|w| *w != Some("--")).collect::<Option<Vec<_>>>() else {
        return Meaning::Unknown;
    };
    let (action, paths) = match words.first() {
        Some(&"supports") => return Meaning::Nothing,
        Some(action @ &"rm_conffile") => (*action, 1),
        Some(action @ (&"mv_conffile" | &"symlink_to_dir" | &"dir_to_symlink")) => (*action, 2),
        _ => return Meaning::Unknown,
    };
    let prior = words.get(1 + paths).copied().unwrap_or_default();
    let acts = match call.arguments {
        [Some(_), Some(""), _] => Some(false),
        [Some(_), Some(_), _] if prior.is_empty() => Some(true),
        [Some(_), Some(old), _] => compare_versions(old, "le-nl", prior),
        _ => None,
    };
    match (acts, action) {
        (Some(false), _) => Meaning::Nothing,
        (_, "symlink_to_dir") => Meaning::Effect(LINKS),
        _ => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &str) -> Command {
        let mut words = words.split(' ').map(|word| Some(word.to_owned()).filter(|w| w != "?"));
        let name = words.next().unwrap().unwrap();
        Command { name, arguments: words.collect(), computes: false, writes: false }
    }

    fn of(words: &str, old: Option<&str>, format: Format) -> Meaning {
        let call = Call { arguments: [Some("configure"), old, None], is_bash: false };
        meaning(&command(words), &call, format)
    }

    #[test]
    fn commands_mean_what_they_do() {
        use Meaning::{Account, Effect, Nothing, Unknown};
        for (words, wanted) in [
            ("echo x", Nothing),
            ("command -v x", Nothing),
            ("command rm x", Unknown),
            ("command ?", Unknown),
            ("rm x", Unknown),
            ("db_get x/y", Nothing),
            (". /usr/share/debconf/confmodule", Nothing),
            (". /usr/share/other", Unknown),
            (". ?", Unknown),
            ("dpkg --compare-versions ? lt 1", Nothing),
            ("dpkg -i x", Unknown),
            ("dpkg-divert --add x", Unknown),
            ("update-ca-certificates --fresh", Effect(CERTIFICATES)),
            ("ldconfig", Effect(LDCACHE)),
            ("adduser --system ?", Account),
            ("systemd-hwdb update", Unknown),
        ] {
            assert_eq!(of(words, Some("1"), Format::Deb), wanted, "{words}");
        }
        for (words, wanted) in [
            ("db_get x", Unknown),
            ("deb-systemd-helper enable x", Unknown),
            (". /usr/share/debconf/confmodule", Unknown),
            ("update-ca-certificates", Unknown),
            ("systemd-hwdb update", Nothing),
            ("ldconfig", Effect(LDCACHE)),
        ] {
            assert_eq!(of(words, Some("1"), Format::Rpm), wanted, "{words}");
        }
    }

    #[test]
    fn the_helper_acts_on_older_versions_only() {
        use Meaning::{Effect, Nothing, Unknown};
        for (words, old, wanted) in [
            ("rm_conffile /etc/x 2~ p -- ?", Some("1"), Unknown),
            ("rm_conffile /etc/x 2~ p -- ?", Some("2~"), Unknown),
            ("rm_conffile /etc/x 2~ p -- ?", Some("2"), Nothing),
            ("rm_conffile /etc/x 2~ p -- ?", Some(""), Nothing),
            ("rm_conffile /etc/x 2~ p -- ?", None, Unknown),
            ("rm_conffile /etc/x -- ?", Some("2"), Unknown),
            ("mv_conffile /etc/x /etc/y 2~ -- ?", Some("2"), Nothing),
            ("mv_conffile /etc/x /etc/y 2~ -- ?", Some("1"), Unknown),
            ("symlink_to_dir /x y 2~ -- ?", Some("1"), Effect(LINKS)),
            ("symlink_to_dir /x y 2~ -- ?", Some("3"), Nothing),
            ("dir_to_symlink ? y 2~ -- ?", Some("3"), Unknown),
            ("supports rm_conffile", None, Nothing),
            ("rename x", Some("3"), Unknown),
        ] {
            let words = format!("dpkg-maintscript-helper {words}");
            assert_eq!(of(&words, old, Format::Deb), wanted, "{words} {old:?}");
        }
    }
}
