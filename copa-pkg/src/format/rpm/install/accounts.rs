//! Owners by name, as the image's own `etc/passwd` and `etc/group` number them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::port::Root;

/// The users and groups of the image.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: BTreeMap<String, u64>,
    groups: BTreeMap<String, u64>,
}

impl Accounts {
    /// Reads both files; without one only `root` is known.
    pub(super) fn of(root: &dyn Root) -> Result<Self> {
        let numbers = |path| -> Result<BTreeMap<String, u64>> {
            let text = root.read(Path::new(path))?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&text).lines().filter_map(numbered).collect())
        };
        Ok(Self { users: numbers("etc/passwd")?, groups: numbers("etc/group")? })
    }

    /// The number of a user.
    pub(super) fn user(&self, name: &str) -> Option<u64> {
        number(&self.users, name)
    }

    /// The number of a group.
    pub(super) fn group(&self, name: &str) -> Option<u64> {
        number(&self.groups, name)
    }
}

/// The superuser is known without any file.
fn number(all: &BTreeMap<String, u64>, name: &str) -> Option<u64> {
    if name == "root" { Some(0) } else { all.get(name).copied() }
}

/// `NAME:PASSWORD:NUMBER[:...]`
fn numbered(line: &str) -> Option<(String, u64)> {
    let mut fields = line.split(':');
    let (name, number) = (fields.next()?, fields.nth(1)?);
    Some((name.into(), number.parse::<u32>().ok()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;

    #[test]
    fn names_have_the_image_s_numbers() {
        let root = MemoryRoot::of(&[
            ("etc/passwd", "root:x:7:0::/:/sh\ndemo:x:991:990::/:/sh\nbad:x:-1:0\n:\nshort\n"),
            ("etc/group", "demo:x:990:\nhuge:x:99999999999:\n"),
        ]);
        let accounts = Accounts::of(&root).unwrap();
        assert_eq!(accounts.user("demo"), Some(991));
        assert_eq!(accounts.group("demo"), Some(990));
        assert_eq!((accounts.user("root"), accounts.group("root")), (Some(0), Some(0)));
        for name in ["bad", "", "short", "huge"] {
            assert_eq!((accounts.user(name), accounts.group(name)), (None, None), "{name}");
        }
        assert_eq!(Accounts::of(&MemoryRoot::default()).unwrap().user("demo"), None);
    }
}
