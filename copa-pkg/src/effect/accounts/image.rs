//! Users and groups by name, as the image's own `etc/passwd` and `etc/group` number them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::Result;
use crate::port::Root;

/// The users and groups of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    users: Numbered,
    groups: Numbered,
    /// Groups, and the users that they list.
    members: BTreeSet<(String, String)>,
}

/// Names and their numbers, and numbers and the first of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Numbered {
    numbers: BTreeMap<String, u64>,
    names: BTreeMap<u64, String>,
}

impl Numbered {
    fn add(&mut self, name: &str, number: u64) {
        self.numbers.insert(name.to_owned(), number);
        self.names.entry(number).or_insert_with(|| name.to_owned());
    }

    /// The superuser is known without any file.
    fn number(&self, name: &str) -> Option<u64> {
        if name == "root" { Some(0) } else { self.numbers.get(name).copied() }
    }

    fn name(&self, number: u64) -> Option<&str> {
        let found = self.names.get(&number).map(String::as_str);
        found.or((number == 0).then_some("root"))
    }
}

impl Accounts {
    /// Reads both files; without one only `root` is known.
    pub(crate) fn of(root: &dyn Root) -> Result<Self> {
        let mut accounts = Self::default();
        for line in text(root, "etc/passwd")?.lines() {
            numbered(line).into_iter().for_each(|(name, number)| accounts.add_user(&name, number));
        }
        for line in text(root, "etc/group")?.lines() {
            let Some((group, number)) = numbered(line) else { continue };
            let members = line.split(':').nth(3).unwrap_or_default().split(',');
            let members = members.map(str::trim).filter(|member| !member.is_empty());
            accounts.members.extend(members.map(|member| (group.clone(), member.to_owned())));
            accounts.add_group(&group, number);
        }
        Ok(accounts)
    }

    /// The number of a user.
    pub(crate) fn user(&self, name: &str) -> Option<u64> {
        self.users.number(name)
    }

    /// The number of a group.
    pub(crate) fn group(&self, name: &str) -> Option<u64> {
        self.groups.number(name)
    }

    /// Whether a group lists a user.
    pub(crate) fn is_member(&self, group: &str, user: &str) -> bool {
        self.members.contains(&(group.to_owned(), user.to_owned()))
    }

    /// The name of the user with this number.
    pub(super) fn user_numbered(&self, number: u64) -> Option<&str> {
        self.users.name(number)
    }

    /// The name of the group with this number.
    pub(super) fn group_numbered(&self, number: u64) -> Option<&str> {
        self.groups.name(number)
    }

    pub(super) fn add_user(&mut self, name: &str, number: u64) {
        self.users.add(name, number);
    }

    pub(super) fn add_group(&mut self, name: &str, number: u64) {
        self.groups.add(name, number);
    }

    pub(super) fn add_member(&mut self, group: &str, user: &str) {
        self.members.insert((group.to_owned(), user.to_owned()));
    }
}

fn text(root: &dyn Root, path: &str) -> Result<String> {
    let text = root.read(Path::new(path))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// `NAME:PASSWORD:NUMBER[:...]`
fn numbered(line: &str) -> Option<(String, u64)> {
    let mut fields = line.split(':');
    let (name, number) = (fields.next()?, fields.nth(1)?);
    Some((name.into(), number.parse::<u32>().ok()?.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::root::MemoryRoot;

    #[test]
    fn names_have_the_image_s_numbers() {
        let root = MemoryRoot::of(&[
            ("etc/passwd", "root:x:7:0::/:/sh\ndemo:x:991:990::/:/sh\nbad:x:-1:0\n:\nshort\n"),
            ("etc/group", "demo:x:990:a, b,\nhuge:x:99999999999:\n"),
        ]);
        let accounts = Accounts::of(&root).unwrap();
        assert_eq!(accounts.user("demo"), Some(991));
        assert_eq!(accounts.group("demo"), Some(990));
        assert_eq!((accounts.user("root"), accounts.group("root")), (Some(0), Some(0)));
        for name in ["bad", "", "short", "huge"] {
            assert_eq!((accounts.user(name), accounts.group(name)), (None, None), "{name}");
        }
        assert_eq!(Accounts::of(&MemoryRoot::default()).unwrap().user("demo"), None);
        let is_member = |user| accounts.is_member("demo", user);
        assert_eq!(["a", "b", "", "c"].map(is_member), [true, true, false, false]);
        assert_eq!(
            (accounts.user_numbered(991), accounts.group_numbered(990)),
            (Some("demo"), Some("demo"))
        );
        assert_eq!((accounts.user_numbered(1), accounts.group_numbered(0)), (None, Some("root")));
    }

    proptest! {
        #[test]
        fn any_text_is_read(passwd in "[a-c:0-9,\n\\PC]{0,60}", group in "[a-c:0-9,\n]{0,60}") {
            let root = MemoryRoot::of(&[("etc/passwd", &passwd), ("etc/group", &group)]);
            Accounts::of(&root).unwrap();
        }
    }
}
