//! The users and groups that a command would make.

use crate::effect::accounts::image::Accounts;
use crate::effect::shell::command::Command;

/// Options of these commands after which a value stands.
const WITH_VALUES: [(&str, &[&str]); 5] = [
    (
        "useradd",
        &[
            "-b",
            "-c",
            "-d",
            "-e",
            "-f",
            "-g",
            "-G",
            "-k",
            "-K",
            "-p",
            "-s",
            "-u",
            "-Z",
            "--base-dir",
            "--comment",
            "--home-dir",
            "--home",
            "--expiredate",
            "--inactive",
            "--gid",
            "--groups",
            "--skel",
            "--key",
            "--password",
            "--shell",
            "--uid",
        ],
    ),
    ("groupadd", &["-g", "-K", "-p", "--gid", "--key", "--password"]),
    ("adduser", OF_ADDUSER),
    ("addgroup", OF_ADDUSER),
    ("systemd-sysusers", &[]),
];
const OF_ADDUSER: &[&str] = &[
    "--comment",
    "--conf",
    "--firstgid",
    "--firstuid",
    "--gecos",
    "--gid",
    "--home",
    "--ingroup",
    "--lastgid",
    "--lastuid",
    "--shell",
    "--uid",
];

/// Whether everything that the command would make is there, so that it would change nothing.
pub(crate) fn is_there(command: &Command, accounts: &Accounts) -> bool {
    let Some((options, names)) = taken_apart(command) else { return false };
    let is_for_group = options.contains(&"--group") && !options.contains(&"--system");
    match (&*command.name, &*names) {
        ("useradd", [user]) => accounts.user(user).is_some(),
        ("groupadd" | "addgroup", [group]) => accounts.group(group).is_some(),
        ("adduser", [group]) if is_for_group => accounts.group(group).is_some(),
        ("adduser", [user]) => {
            accounts.user(user).is_some()
                && (!options.contains(&"--group") || accounts.group(user).is_some())
        }
        ("adduser" | "addgroup", [user, group]) => accounts.is_member(group, user),
        _ => false,
    }
}

/// The options of a command, and what else stands there. `None` when not all is known.
fn taken_apart(command: &Command) -> Option<(Vec<&str>, Vec<&str>)> {
    let (_, with_values) = WITH_VALUES.iter().find(|(name, _)| *name == command.name)?;
    let (mut options, mut names) = (Vec::new(), Vec::new());
    let mut words = command.known()?.into_iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            names.push(word);
            continue;
        }
        options.push(word);
        if with_values.contains(&word) {
            words.next()?;
        }
    }
    Some((options, names))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::root::MemoryRoot;

    fn is_there_after(words: &str) -> bool {
        let root = MemoryRoot::of(&[
            ("etc/passwd", "demo:x:1:1::/:/\n"),
            ("etc/group", "group:x:1:demo\nempty:x:2:\n"),
        ]);
        let mut words = words.split(' ').map(|word| Some(word.to_owned()).filter(|w| w != "?"));
        let name = words.next().unwrap().unwrap();
        let command = Command { name, arguments: words.collect(), computes: false, writes: false };
        is_there(&command, &Accounts::of(&root).unwrap())
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        for words in [
            "useradd demo",
            "useradd -r -g group -d /var/demo -s /sbin/nologin -c Demo demo",
            "useradd demo --system --uid 7",
            "groupadd -r -g 7 group",
            "adduser --system --home /x --gecos Demo --no-create-home demo",
            "adduser --quiet demo group",
            "adduser --group group",
            "addgroup --system group",
            "addgroup demo group",
        ] {
            assert!(is_there_after(words), "{words}");
        }
        for words in [
            "useradd other",
            "useradd -r ?",
            "useradd",
            "useradd -c demo",
            "useradd demo other",
            "useradd --unknown value demo",
            "groupadd demo",
            "adduser --system --group demo",
            "adduser demo empty",
            "addgroup demo",
            "usermod demo",
            "systemd-sysusers demo.conf",
        ] {
            assert!(!is_there_after(words), "{words}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(words in "(useradd|adduser|groupadd)( (-g|--home|--group|demo|group|\\PC{1,3})){0,6}") {
            is_there_after(&words);
        }
    }
}
