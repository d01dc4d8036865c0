//! Making the users and groups that packages want: what `systemd-sysusers` does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::effect::accounts::image::Accounts;
use crate::effect::accounts::numbers::{Numbers, existing_group};
use crate::effect::accounts::sysusers::{User, Wanted};
use crate::error::Result;
use crate::install::change::{Content, File};
use crate::port::{FileKind, Root};

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";
/// Passwords of users and groups, where an image keeps them.
const SHADOW: &str = "etc/shadow";
const GSHADOW: &str = "etc/gshadow";
const LISTS_MEMBERS: [&str; 2] = [GROUP, GSHADOW];
/// Longer files are not added to.
const BYTES_MAX: usize = 16 << 20;
const NO_LOGIN: &str = "/usr/sbin/nologin";

/// Makes what is wanted and not there. Gives the files that change; none when the image has no
/// files of users and groups.
pub(crate) fn create(
    root: &dyn Root,
    accounts: &mut Accounts,
    wanted: &[Wanted],
) -> Result<Vec<(PathBuf, File)>> {
    let has = |path: &&str| {
        let real = root.real_path(Path::new(path)).and_then(|real| root.stat(&real));
        real.is_some_and(|stat| matches!(stat.kind, FileKind::Regular(_)))
    };
    if ![PASSWD, GROUP].iter().all(has) {
        return Ok(Vec::new());
    }
    let mut new = New::default();
    let mut numbers = Numbers::of(root)?;
    let asked = Asked::of(wanted);
    for (name, number) in &asked.groups {
        new.group(accounts, &mut numbers, name, (*number, None));
    }
    for user in &asked.users {
        new.user(accounts, &mut numbers, user);
    }
    for (group, members) in members(wanted) {
        members.iter().for_each(|user| new.member(accounts, user, group));
    }
    new.files(root)
}

/// Whether all that is wanted is there.
pub(crate) fn is_made(accounts: &Accounts, wanted: &[Wanted]) -> bool {
    wanted.iter().all(|wanted| match wanted {
        Wanted::User(user) => accounts.user(&user.name).is_some(),
        Wanted::Group { name, .. } => accounts.group(name).is_some(),
        Wanted::Member { user, group } => accounts.is_member(group, user),
    })
}

/// What is asked for, each name once, and what that implies.
#[derive(Debug, Default)]
struct Asked {
    groups: Vec<(String, Option<u32>)>,
    users: Vec<User>,
    /// The names of both.
    group_names: BTreeSet<String>,
    user_names: BTreeSet<String>,
}

impl Asked {
    fn of(wanted: &[Wanted]) -> Self {
        let mut asked = Self::default();
        for wanted in wanted {
            match wanted {
                Wanted::User(user) => asked.user(user.clone()),
                Wanted::Group { name, number } => asked.group(name, *number),
                Wanted::Member { .. } => {}
            }
        }
        for (group, members) in members(wanted) {
            for user in members {
                asked.user(User { name: user.to_owned(), ..User::default() });
            }
            // A user brings the group of its name.
            if !asked.user_names.contains(group) {
                asked.group(group, None);
            }
        }
        asked
    }

    fn user(&mut self, user: User) {
        if self.user_names.insert(user.name.clone()) {
            self.users.push(user);
        }
    }

    fn group(&mut self, name: &str, number: Option<u32>) {
        if self.group_names.insert(name.to_owned()) {
            self.groups.push((name.to_owned(), number));
        }
    }
}

/// Groups and their members, in the order in which they are asked for.
fn members(wanted: &[Wanted]) -> Vec<(&str, Vec<&str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut places = BTreeMap::new();
    for wanted in wanted {
        let Wanted::Member { user, group } = wanted else { continue };
        let place = *places.entry(group.as_str()).or_insert_with(|| {
            all.push((group, Vec::new()));
            all.len() - 1
        });
        all.get_mut(place).into_iter().for_each(|(_, members)| members.push(user));
    }
    all
}

/// Lines to be added, by file.
#[derive(Debug, Default)]
struct New {
    lines: BTreeMap<&'static str, Vec<String>>,
    /// The names of the new groups.
    groups: BTreeSet<String>,
    /// Groups, and the users that they are to list.
    members: BTreeMap<String, Vec<String>>,
}

impl New {
    fn group(
        &mut self,
        accounts: &mut Accounts,
        numbers: &mut Numbers,
        name: &str,
        asked: (Option<u32>, Option<u32>),
    ) -> Option<u32> {
        if let Some(number) = accounts.group(name) {
            return number.try_into().ok();
        }
        let number = numbers.group(accounts, asked)?;
        accounts.add_group(name, number.into());
        self.groups.insert(name.to_owned());
        self.line(GROUP, format!("{name}:x:{number}:"));
        self.line(GSHADOW, format!("{name}:!*::"));
        Some(number)
    }

    /// Makes a user and the group of its name. What cannot be made is left out.
    fn user(&mut self, accounts: &mut Accounts, numbers: &mut Numbers, user: &User) -> Option<()> {
        let name = &user.name;
        // Who asks for the group, too, means the number, whatever else has it.
        let is_strict = user.group.is_some() || self.groups.contains(name);
        let group = match &user.group {
            Some(group) => existing_group(accounts, group)?,
            None => self.group(accounts, numbers, name, (None, user.number))?,
        };
        if accounts.user(name).is_some() {
            return None;
        }
        let number = numbers.user(accounts, user, (group, is_strict))?;
        accounts.add_user(name, number.into());
        let (home, shell) = (user.home.as_deref(), user.shell.as_deref());
        let (home, shell) = (home.unwrap_or("/"), shell.unwrap_or(NO_LOGIN));
        self.line(PASSWD, format!("{name}:x:{number}:{group}:{}:{home}:{shell}", user.comment));
        self.line(SHADOW, format!("{name}:!*:::::::"));
        Some(())
    }

    fn member(&mut self, accounts: &mut Accounts, user: &str, group: &str) {
        if accounts.group(group).is_some() && !accounts.is_member(group, user) {
            accounts.add_member(group, user);
            self.members.entry(group.into()).or_default().push(user.into());
        }
    }

    fn line(&mut self, file: &'static str, line: String) {
        self.lines.entry(file).or_default().push(line);
    }

    fn files(&self, root: &dyn Root) -> Result<Vec<(PathBuf, File)>> {
        let mut files = Vec::new();
        for path in [PASSWD, GROUP, SHADOW, GSHADOW] {
            let Some(real) = root.real_path(Path::new(path)) else { continue };
            let Some((text, stat)) = root.read(&real)?.zip(root.stat(&real)) else { continue };
            let is_concerned = self.lines.contains_key(path)
                || (LISTS_MEMBERS.contains(&path) && !self.members.is_empty());
            let new = self.with_new(path, &text);
            if is_concerned && new != *text && text.len() <= BYTES_MAX {
                let content = Content::Regular(new.into());
                let (mode, uid, gid) = (stat.mode, stat.uid, stat.gid);
                let file = File { content, mode, uid, gid, mtime: stat.mtime, xattrs: stat.xattrs };
                files.push((real, file));
            }
        }
        Ok(files)
    }

    /// The text of a file with the new lines: at the end, before those that stand for another
    /// database.
    fn with_new(&self, path: &str, text: &[u8]) -> Vec<u8> {
        let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
        let is_own = |line: &[u8]| !line.starts_with(b"+") && !line.starts_with(b"-");
        let own = lines.iter().rposition(|line| is_own(line)).map_or(0, |last| last + 1);
        let (own, others) = lines.split_at(own);
        let has_members = LISTS_MEMBERS.contains(&path);
        let new = self.lines.get(path).into_iter().flatten().map(|line| line.as_bytes());
        let mut out = Vec::new();
        for line in own.iter().copied().chain(new) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            match self.with_members(line).filter(|_| has_members) {
                Some(line) => out.extend(line.into_bytes()),
                None => out.extend_from_slice(line),
            }
            out.push(b'\n');
        }
        others.iter().for_each(|line| out.extend_from_slice(line));
        out
    }

    /// The line of a group with its new members, all of them sorted.
    fn with_members(&self, line: &[u8]) -> Option<String> {
        let (group, old) = std::str::from_utf8(line).ok()?.rsplit_once(':')?;
        let new = self.members.get(group.split(':').next()?)?;
        let old = old.split(',').filter(|member| !member.is_empty());
        let all: BTreeSet<&str> = old.chain(new.iter().map(String::as_str)).collect();
        let all: Vec<&str> = all.into_iter().collect();
        (group.split(':').count() == 3).then(|| format!("{group}:{}", all.join(",")))
    }
}

#[cfg(test)]
#[path = "tests/create.rs"]
mod tests;
