//! Which numbers new users and groups get, as `systemd-sysusers` gives them: the one that is asked
//! for when it is free, else that of the group or user of the same name, else the highest that is
//! free below those of people.

use std::path::Path;

use crate::effect::accounts::image::Accounts;
use crate::effect::accounts::sysusers::{Group, User};
use crate::error::Result;
use crate::port::Root;

const DEFS: &str = "etc/login.defs";
/// The numbers of the system, where `etc/login.defs` says nothing.
const SYSTEM: (u32, u32) = (1, 999);
/// No system has more: a higher bound in `etc/login.defs` is taken for this one.
const SYSTEM_MAX: u32 = 65_533;

/// The numbers that are left.
#[derive(Debug)]
pub(super) struct Numbers {
    lowest: u32,
    /// The last one that was looked at, downward.
    last: u32,
}

impl Numbers {
    /// Those that the image has for the system.
    pub(super) fn of(root: &dyn Root) -> Result<Self> {
        let text = root.read(Path::new(DEFS))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let defined = |key: &str| {
            let of = |line: &str| {
                let mut words = line.split_whitespace();
                words.next().filter(|word| *word == key)?;
                words.next()?.parse::<u32>().ok()
            };
            text.lines().filter_map(of).next_back()
        };
        let highest = [defined("SYS_UID_MAX"), defined("SYS_GID_MAX")].into_iter().flatten();
        let highest = highest.min().unwrap_or(SYSTEM.1).min(SYSTEM_MAX);
        let lowest = defined("SYS_UID_MIN").unwrap_or(SYSTEM.0).max(1);
        Ok(Self { lowest, last: highest.saturating_add(1) })
    }

    /// The highest number that fits.
    fn next(&mut self, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let found = (self.lowest..self.last).rev().find(|number| fits(*number));
        self.last = found.unwrap_or(self.lowest);
        found
    }

    /// The number of a new group.
    pub(super) fn group(
        &mut self,
        accounts: &Accounts,
        (group, user): (Option<u32>, Option<u32>),
    ) -> Option<u32> {
        let is_free = |number: u32| accounts.group_numbered(number.into()).is_none();
        let is_users = |number: u32| accounts.user_numbered(number.into()).is_some();
        let fits = |number: u32| is_free(number) && !is_users(number);
        let asked = group.filter(|number| is_free(*number));
        let asked = asked.or(user.filter(|number| group.is_none() && fits(*number)));
        asked.or_else(|| self.next(fits))
    }

    /// The number of a new user whose group has this one. When it is strict, the one that is asked
    /// for may be another group's.
    pub(super) fn user(
        &mut self,
        accounts: &Accounts,
        user: &User,
        (group, is_strict): (u32, bool),
    ) -> Option<u32> {
        let is_free = |number: u32| accounts.user_numbered(number.into()).is_none();
        let other = |number: u32| accounts.group_numbered(number.into());
        let fits = |number: u32| is_free(number) && other(number).is_none_or(|n| n == user.name);
        let asked = user.number.filter(|n| if is_strict { is_free(*n) } else { fits(*n) });
        asked.or(Some(group).filter(|number| fits(*number))).or_else(|| self.next(fits))
    }
}

/// The number of the group that a user asks for and that has to be there.
pub(super) fn existing_group(accounts: &Accounts, group: &Group) -> Option<u32> {
    match group {
        Group::Number(number) => accounts.group_numbered((*number).into()).map(|_| *number),
        Group::Name(name) => accounts.group(name).and_then(|number| number.try_into().ok()),
    }
}
