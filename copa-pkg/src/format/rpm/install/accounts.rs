//! Users and groups that packages bring: the owners of their files are among them.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::effect::accounts::create::create;
use crate::effect::accounts::image::Accounts;
use crate::effect::accounts::sysusers::{Wanted, is_of_sysusers, is_overridden, parse};
use crate::error::Result;
use crate::format::rpm::package::archive::{Archive, File, Kind};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::change::ChangeSet;
use crate::port::Root;
use crate::unpack::decompress::Budget;

/// The users and groups of the image, and those that the packages want, which are made. None is
/// made when a package has the files that list them: who has changed those is seen by what they
/// were.
///
/// # Errors
///
/// When the image or a package cannot be read.
pub(super) fn with_new(
    root: &dyn Root,
    packages: &[Archive],
    changes: &mut ChangeSet,
) -> Result<Accounts> {
    let mut accounts = Accounts::of(root)?;
    if packages.iter().any(lists_accounts) {
        return Ok(accounts);
    }
    let mut all = Vec::new();
    for package in packages {
        all.extend(wanted(root, package)?);
    }
    for (path, file) in create(root, &mut accounts, &all)? {
        changes.write(path, file);
    }
    Ok(accounts)
}

fn lists_accounts(package: &Archive) -> bool {
    let files = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];
    let is = |path: &Path| files.iter().any(|file| path == Path::new(file));
    package.files.iter().any(|file| is(&file.path) && !file.flags.is_ghost())
}

/// What the files of a package ask for, and what its header says that they do. A file that cannot
/// be read to its end asks for nothing.
fn wanted(root: &dyn Root, package: &Archive) -> Result<Vec<Wanted>> {
    let is_asking = |file: &File| {
        file.kind == Kind::Regular && is_of_sysusers(&file.path) && !is_overridden(root, &file.path)
    };
    let mut all = provided(&package.package.header);
    if package.files.iter().any(is_asking) {
        let contents = package.contents(&mut Budget::installation())?;
        for (number, content) in contents {
            if package.files.get(number).is_some_and(is_asking) {
                all.extend(parse(&String::from_utf8_lossy(&content)).unwrap_or_default());
            }
        }
    }
    Ok(all)
}

/// Since rpm 4.19 a package provides `user(NAME)` with the line of its file in base64.
fn provided(header: &Header) -> Vec<Wanted> {
    let is_account =
        |name: &str| ["user(", "group(", "groupmember("].iter().any(|kind| name.starts_with(kind));
    let names = header.texts(Tag::PROVIDENAME);
    let all = names.zip(header.texts(Tag::PROVIDEVERSION)).filter(|(name, _)| is_account(name));
    let lines = all.filter_map(|(_, line)| STANDARD.decode(line.as_bytes()).ok());
    lines.flat_map(|line| parse(&String::from_utf8_lossy(&line)).unwrap_or_default()).collect()
}
