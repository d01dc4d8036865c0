//! How tests come out.

use std::cmp::Ordering;

use crate::effect::shell::command::Command;
use crate::effect::shell::files;
use crate::port::Root;
use crate::version::deb::Version;

/// What tests are answered by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers<'a> {
    /// Whether the shell is bash, which knows `[[` and `==`; what others make of them is not known.
    pub(crate) is_bash: bool,
    /// The files that there are when the script runs, when those are known.
    pub(crate) files: Option<&'a dyn Root>,
}

/// Whether a command succeeds, as far as its words tell.
pub(super) fn outcome(command: &Command, by: Answers<'_>) -> Option<bool> {
    match &*command.name {
        ":" | "true" => return Some(true),
        "false" => return Some(false),
        // It sets variables, and computes nothing for them.
        "" => return (!command.computes).then_some(true),
        _ => {}
    }
    let words = command.known()?;
    match (&*command.name, &*words) {
        ("[", [words @ .., "]"]) | ("test", words) => by.test(words),
        ("[[", [words @ .., "]]"]) if by.is_bash => by.test(words),
        ("which", [name]) => files::has_command(by.files?, name),
        ("command", ["-v", name]) if !is_of_shell(name) => files::has_command(by.files?, name),
        ("dpkg", ["--compare-versions", one, operator, other])
        | ("dpkg", ["--compare-versions", "--", one, operator, other]) => {
            compare_versions(one, operator, other)
        }
        _ => None,
    }
}

/// Whether a shell has the command without any file. The library of debconf defines such ones.
fn is_of_shell(name: &str) -> bool {
    const ALL: [&str; 35] = [
        ".", ":", "[", "alias", "bg", "break", "cd", "command", "continue", "echo", "eval", "exec",
        "exit", "export", "false", "fg", "getopts", "hash", "jobs", "kill", "local", "printf",
        "pwd", "read", "readonly", "return", "set", "shift", "test", "times", "trap", "true",
        "type", "ulimit", "unset",
    ];
    ALL.contains(&name) || name.starts_with("db_")
}

impl Answers<'_> {
    fn test(self, words: &[&str]) -> Option<bool> {
        match words {
            [] => Some(false),
            [word] => Some(!word.is_empty()),
            ["-n", word] => Some(!word.is_empty()),
            ["-z", word] => Some(word.is_empty()),
            [operator, path] if *operator != "!" => files::test(self.files?, operator, path),
            [one, operator, other] if is_operator(operator) => {
                compare(one, operator, other, self.is_bash)
            }
            ["!", rest @ ..] if rest.len() < 4 => self.test(rest).map(|truth| !truth),
            _ => None,
        }
    }
}

fn is_operator(word: &str) -> bool {
    ["=", "==", "!=", "-eq", "-ne", "-gt", "-ge", "-lt", "-le"].contains(&word)
}

fn compare(one: &str, operator: &str, other: &str, is_bash: bool) -> Option<bool> {
    let number = |word: &str| word.parse::<u32>().ok();
    let numbers = || number(one).zip(number(other)).map(|(one, other)| one.cmp(&other));
    match operator {
        "=" => Some(one == other),
        "==" if is_bash => Some(one == other),
        "!=" => Some(one != other),
        "-eq" => numbers().map(Ordering::is_eq),
        "-ne" => numbers().map(Ordering::is_ne),
        "-gt" => numbers().map(Ordering::is_gt),
        "-ge" => numbers().map(Ordering::is_ge),
        "-lt" => numbers().map(Ordering::is_lt),
        "-le" => numbers().map(Ordering::is_le),
        _ => None,
    }
}

/// As dpkg compares: no version comes before all others, or with `-nl` after them.
pub(crate) fn compare_versions(one: &str, operator: &str, other: &str) -> Option<bool> {
    let plain = operator.strip_suffix("-nl").unwrap_or(operator);
    let later = plain.len() < operator.len();
    let order = match (one.is_empty(), other.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if later => Ordering::Greater,
        (false, true) if !later => Ordering::Greater,
        (true, false) | (false, true) => Ordering::Less,
        (false, false) => one.parse::<Version>().ok()?.cmp(&other.parse().ok()?),
    };
    Some(match plain {
        "lt" | "<<" => order.is_lt(),
        "le" | "<=" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | ">=" => order.is_ge(),
        "gt" | ">>" => order.is_gt(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;

    fn of(words: &str, is_bash: bool) -> Option<bool> {
        let mut words = words.split(' ').map(|word| match word {
            "?" => None,
            "''" => Some(String::new()),
            word => Some(word.to_owned()),
        });
        let name = words.next().unwrap().unwrap();
        let arguments = words.collect();
        let mut files = MemoryRoot::of(&[("usr/lib/x", "x"), ("usr/bin/run", "x"), ("etc/no", "")]);
        files.mode("usr/bin/run", 0o755);
        files.link("bin", "usr/bin");
        files.link("dead", "none");
        let by = Answers { is_bash, files: Some(&files) };
        outcome(&Command { name, arguments, computes: false, writes: false }, by)
    }

    #[test]
    fn files_are_asked_for_in_the_image() {
        for (words, wanted) in [
            ("[ -e /usr/lib/x ]", Some(true)),
            ("[ ! -e /usr/lib/x ]", Some(false)),
            ("[ -e /usr/lib/y ]", Some(false)),
            ("[ -f /usr/lib ]", Some(false)),
            ("[ -d /usr/lib ]", Some(true)),
            ("[ -d /usr/lib/x ]", Some(false)),
            ("test -x /bin/run", Some(true)),
            ("test -x /usr/lib/x", Some(false)),
            ("[ -s /etc/no ]", Some(false)),
            ("[ -s /usr/lib/x ]", Some(true)),
            ("[ -L /bin ]", Some(true)),
            ("[ -h /usr ]", Some(false)),
            ("[ -L /dead ]", Some(true)),
            ("[ -e /dead ]", Some(false)),
            ("[ -d /run/systemd/system ]", None),
            ("[ -e relative ]", None),
            ("[ -e ? ]", None),
            ("[ -w /etc/no ]", None),
            ("command -v run", Some(true)),
            ("which none", Some(false)),
            ("command -v none", Some(false)),
            ("command -v test", None),
            ("command -v db_get", None),
            ("which -a run", None),
            ("which /bin/run", None),
        ] {
            assert_eq!(of(words, false), wanted, "{words}");
        }
    }

    #[test]
    fn tests_come_out_as_in_a_shell() {
        for (words, wanted) in [
            ("true", Some(true)),
            ("false x", Some(false)),
            (": ?", Some(true)),
            ("rm x", None),
            ("[ a = a ]", Some(true)),
            ("[ a = b ]", Some(false)),
            ("[ a = b", None),
            ("[ a = ? ]", None),
            ("test a != b", Some(true)),
            ("[ ! a = b ]", Some(true)),
            ("[ 2 -gt 1 ]", Some(true)),
            ("[ 2 -le 1 ]", Some(false)),
            ("[ 02 -eq 2 ]", Some(true)),
            ("[ 02 = 2 ]", Some(false)),
            ("[ x -eq 2 ]", None),
            ("[ -n x ]", Some(true)),
            ("[ -n '' ]", Some(false)),
            ("[ -z '' ]", Some(true)),
            ("[ ! -z '' ]", Some(false)),
            ("[ '' ]", Some(false)),
            ("[ a = a -a -e x ]", None),
            ("[ ! = ! ]", Some(true)),
            ("dpkg --compare-versions 1.0 lt 1.0-1", Some(true)),
            ("dpkg --compare-versions 1.0~ ge 1.0", Some(false)),
            ("dpkg --compare-versions -- 1:1 gt 2", Some(true)),
            ("dpkg --compare-versions '' lt 1", Some(true)),
            ("dpkg --compare-versions '' lt-nl 1", Some(false)),
            ("dpkg --compare-versions 1 le-nl ''", Some(true)),
            ("dpkg --compare-versions ? lt 1", None),
            ("dpkg --compare-versions 1 like 1", None),
            ("dpkg --configure -a", None),
        ] {
            assert_eq!(of(words, false), wanted, "{words}");
        }
        for words in ["[ a == a ]", "[[ a = a ]]"] {
            assert_eq!((of(words, false), of(words, true)), (None, Some(true)), "{words}");
        }
    }

    /// dpkg itself compares versions like this.
    #[test]
    fn versions_compare_as_with_dpkg() {
        let versions = ["", "1", "1~", "1-1", "0:1", "2:0.1", "1.0a"];
        for (one, other) in versions.iter().flat_map(|one| versions.map(|other| (*one, other))) {
            for operator in ["lt", "le-nl", "eq", "ne", "ge", "gt-nl", "<<", ">="] {
                let mut command = std::process::Command::new("dpkg");
                command.args(["--compare-versions", one, operator, other]);
                let Ok(status) = command.status() else {
                    eprintln!("SKIPPED: no dpkg");
                    return;
                };
                let found = compare_versions(one, operator, other);
                assert_eq!(found, Some(status.success()), "{one} {operator} {other}");
            }
        }
    }
}
