//! `sysusers.d(5)`: the users and groups that packages want.

use std::path::Path;

use crate::port::Root;

/// What a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    User(User),
    Group {
        name: String,
        number: Option<u32>,
    },
    /// A user in a group.
    Member {
        user: String,
        group: String,
    },
}

/// A user to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) number: Option<u32>,
    /// Its group, when that is not the one of its own name.
    pub(crate) group: Option<Group>,
    pub(crate) comment: String,
    pub(crate) home: Option<String>,
    pub(crate) shell: Option<String>,
}

/// The group of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Group {
    Number(u32),
    Name(String),
}

/// Longer files, and those with more lines, are not read.
const BYTES_MAX: usize = 1 << 20;
const LINES_MAX: usize = 4096;
/// The longest name, as with `useradd`.
const NAME_MAX: usize = 31;

/// Where packages have files of these lines, and where the image may have others in their place.
const DIRECTORY: &str = "usr/lib/sysusers.d";
const OVERRIDES: [&str; 2] = ["etc/sysusers.d", "run/sysusers.d"];

/// Whether a file of a package at this path says which users and groups it wants.
pub(crate) fn is_of_sysusers(path: &Path) -> bool {
    path.parent() == Some(Path::new(DIRECTORY)) && path.extension().is_some_and(|e| e == "conf")
}

/// Whether the image has a file of its own in place of a package's.
pub(crate) fn is_overridden(root: &dyn Root, path: &Path) -> bool {
    let there = |dir: &str| path.file_name().and_then(|name| root.stat(&Path::new(dir).join(name)));
    OVERRIDES.iter().any(|dir| there(dir).is_some())
}

/// Reads a file. `Err` has the first line of which this program does not know what it asks for.
pub(crate) fn parse(text: &str) -> Result<Vec<Wanted>, String> {
    if text.len() > BYTES_MAX || text.lines().count() > LINES_MAX {
        return Err("a long file".into());
    }
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| wanted(line).ok_or_else(|| shown(line))).collect()
}

/// What may be told of a line.
fn shown(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn wanted(line: &str) -> Option<Wanted> {
    // What `%` stands for depends on the system.
    let fields = fields(line).filter(|_| !line.contains('%'))?;
    let field = |at: usize| fields.get(at).map(String::as_str).filter(|f| !matches!(*f, "" | "-"));
    let name = field(1).filter(|name| is_name(name))?.to_owned();
    match (fields.first()?.as_str(), fields.len()) {
        ("u", 2..=6) => {
            let (number, group) = numbers(field(2))?;
            let absent_or = |at, is: fn(&str) -> bool| match field(at) {
                Some(text) => is(text).then(|| Some(text.to_owned())),
                None => Some(None),
            };
            let comment = absent_or(3, is_comment)?.unwrap_or_default();
            let (home, shell) = (absent_or(4, is_path)?, absent_or(5, is_path)?);
            Some(Wanted::User(User { name, number, group, comment, home, shell }))
        }
        ("g", 2..=6) if (3..6).all(|at| field(at).is_none()) => {
            let number = field(2).map(|number| number.parse().ok());
            let is_number = number.is_none_or(|number| number.is_some_and(is_usable));
            is_number.then_some(Wanted::Group { name, number: number.flatten() })
        }
        ("m", 3..=6) if (3..6).all(|at| field(at).is_none()) => {
            let group = field(2).filter(|group| is_name(group))?.to_owned();
            Some(Wanted::Member { user: name, group })
        }
        _ => None,
    }
}

/// `UID`, `UID:GID`, `UID:GROUP`, `-:GID`, `-:GROUP`
fn numbers(field: Option<&str>) -> Option<(Option<u32>, Option<Group>)> {
    let Some(field) = field else { return Some((None, None)) };
    let (user, group) = field.split_once(':').map_or((field, None), |(u, g)| (u, Some(g)));
    let number = |text: &str| text.parse().ok().filter(|number| is_usable(*number));
    let user = if user == "-" { None } else { Some(number(user)?) };
    let group = match group {
        None => None,
        Some(name) if is_name(name) => Some(Group::Name(name.to_owned())),
        Some(group) => Some(Group::Number(number(group)?)),
    };
    Some((user, group))
}

/// The superuser is nobody's to make, and some numbers stand for none.
fn is_usable(number: u32) -> bool {
    !matches!(number, 0 | 0xffff | u32::MAX)
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    starts && name.len() <= NAME_MAX && name.bytes().all(is_part)
}

fn is_comment(text: &str) -> bool {
    !text.contains(|c: char| c == ':' || c.is_control())
}

fn is_path(text: &str) -> bool {
    let is_odd = |part: &str| matches!(part, "." | "..");
    text.starts_with('/')
        && is_comment(text)
        && !text.split('/').any(is_odd)
        && !text.contains("//")
}

/// The fields of a line: words, or texts in quotes.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let field = match first {
            '"' | '\'' => {
                let end = rest.get(1..)?.find(first)? + 1;
                let field = rest.get(1..end)?;
                rest = rest.get(end + 1..)?;
                // A quotation is a whole field.
                (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(field)?
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                rest = after;
                (!field.contains(['"', '\''])).then_some(field)?
            }
        };
        (!field.contains('\\')).then_some(())?;
        fields.push(field.to_owned());
        rest = rest.trim_start();
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_are_known_by_their_place() {
        let root = crate::fixture::root::MemoryRoot::of(&[("etc/sysusers.d/a.conf", "")]);
        for (path, is_one, overridden) in [
            ("usr/lib/sysusers.d/a.conf", true, true),
            ("usr/lib/sysusers.d/b.conf", true, false),
            ("usr/lib/sysusers.d/README", false, false),
            ("usr/lib/sysusers.d/x/a.conf", false, true),
            ("etc/sysusers.d/b.conf", false, false),
        ] {
            let path = Path::new(path);
            let found = (is_of_sysusers(path), is_overridden(&root, path));
            assert_eq!(found, (is_one, overridden), "{}", path.display());
        }
    }

    #[test]
    fn lines_ask_for_users_and_groups() {
        let user = |name: &str| User { name: name.into(), ..User::default() };
        let group = |name: &str, number| Wanted::Group { name: name.into(), number };
        for (line, wanted) in [
            ("u demo", Wanted::User(user("demo"))),
            ("u demo -", Wanted::User(user("demo"))),
            (
                "u  demo 7 \"A Demo\" /var/lib/demo /bin/sh",
                Wanted::User(User {
                    number: Some(7),
                    comment: "A Demo".into(),
                    home: Some("/var/lib/demo".into()),
                    shell: Some("/bin/sh".into()),
                    ..user("demo")
                }),
            ),
            (
                "u demo 7:8",
                Wanted::User(User {
                    number: Some(7),
                    group: Some(Group::Number(8)),
                    ..user("demo")
                }),
            ),
            (
                "u demo -:x",
                Wanted::User(User { group: Some(Group::Name("x".into())), ..user("demo") }),
            ),
            ("u demo - '' - -", Wanted::User(user("demo"))),
            ("g demo", group("demo", None)),
            ("g demo 7 - -", group("demo", Some(7))),
            ("m demo group", Wanted::Member { user: "demo".into(), group: "group".into() }),
        ] {
            assert_eq!(parse(&format!("# a word\n\n {line}\n")), Ok(vec![wanted]), "{line}");
        }
    }

    #[test]
    fn a_line_that_asks_for_more_is_named() {
        for line in [
            "u",
            "u %m",
            "u demo /usr/bin/demo",
            "u demo 0",
            "u demo 65535",
            "u demo x",
            "u! demo",
            "u demo - \"a:b\"",
            "u demo - - relative",
            "u demo - - /a/../b",
            "u demo - - - /sh x",
            "u -demo",
            "u a.b",
            "g demo x",
            "g demo - comment",
            "m demo",
            "r - 500-900",
            "U demo",
            "u \"demo",
            "u de\"mo\"",
            "u demo\\x20",
        ] {
            assert_eq!(parse(line), Err(line.to_owned()), "{line}");
        }
        assert!(parse(&"g a\n".repeat(LINES_MAX + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([ugmr]! |[a-z%:/\"'\\\\ \n-]|[0-9]{1,12}|\\PC){0,40}") {
            if let Ok(wanted) = parse(&text) {
                prop_assert!(wanted.len() <= text.lines().count());
            }
        }
    }
}
