//! The last look before a layer is built: the image as it will be must list what was planned.
//!
//! A scanner believes the package database. When the database of the patched image does not list a
//! planned version, or lists it for another architecture, the run must stop: nothing may claim a fix
//! that the image does not show.

use crate::error::{Error, Result};
use crate::format::formats;
use crate::install::change::ChangeSet;
use crate::install::overlay::Overlay;
use crate::install::transaction::Transaction;
use crate::package::installed::Installed;
use crate::port::Root;

/// Reads the package database of the image as it will be and holds it against the transaction.
///
/// # Errors
///
/// [`Error::SelfCheck`] when a planned version is not listed, or something that goes still is; what
/// reading the database gives.
pub(crate) fn self_check(
    root: &dyn Root,
    transaction: &Transaction<'_>,
    changes: &ChangeSet,
) -> Result<()> {
    let after = formats::open(&Overlay::new(root, changes))?;
    let installed = after.db().installed();
    for package in transaction.packages {
        let planned = package.candidate();
        let is_it = |i: &&Installed| (&i.name, &i.arch) == (&planned.name, &planned.arch);
        let listed: Vec<String> =
            installed.iter().filter(is_it).map(|i| i.version.to_string()).collect();
        if !listed.contains(&planned.version.to_string()) {
            return Err(failed(&planned.name, &planned.version.to_string(), &listed));
        }
    }
    for removal in transaction.removals {
        let stays = |i: &&Installed| (&i.name, &i.arch) == (&removal.package, &removal.arch);
        if let Some(stays) = installed.iter().find(stays) {
            let listed = [stays.version.to_string()];
            return Err(failed(&removal.package, "none", &listed));
        }
    }
    Ok(())
}

fn failed(package: &str, planned: &str, listed: &[String]) -> Error {
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    Error::SelfCheck { package: package.into(), planned: planned.into(), listed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;
    use crate::install::change::{Content, File};
    use crate::package::candidate::Candidate;
    use crate::package::checksum::Checksum;
    use crate::package::fetched::{Package, Verified};
    use crate::package::relation::Relations;
    use crate::package::removal::Removal;
    use crate::version::any::Version;
    use crate::version::format::Format;

    const RECORD: &str = "var/lib/dpkg/status.d/a";

    fn stanza(version: &str, arch: &str) -> String {
        format!("Package: a\nVersion: {version}\nArchitecture: {arch}\n")
    }

    fn planned(version: &str) -> Verified {
        let candidate = Candidate {
            name: "a".into(),
            version: Version::parse(Format::Deb, version).unwrap(),
            arch: "amd64".into(),
            source: "a".into(),
            url: "https://mirror.invalid/a.deb".parse().unwrap(),
            size: 1,
            checksum: Checksum::Sha256("00".repeat(32)),
            origin: "suite".into(),
            relations: Relations::default(),
        };
        let package = Package { candidate, bytes: Default::default(), repacked: None };
        Verified { package, warning: None }
    }

    fn checked(record: Option<&str>, packages: &[Verified], removals: &[Removal]) -> String {
        let root = MemoryRoot::of(&[(RECORD, &stanza("1", "amd64"))]);
        let mut changes = ChangeSet::new();
        if let Some(text) = record {
            let content = Content::Regular(text.to_owned().into());
            let file = File { content, ..File::plain_directory() };
            changes.write(RECORD, file);
        }
        let transaction = Transaction { packages, removals };
        match self_check(&root, &transaction, &changes) {
            Ok(()) => "fine".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_was_planned_must_be_listed() {
        let two = [planned("2")];
        assert_eq!(checked(Some(&stanza("2", "amd64")), &two, &[]), "fine");
        for (record, listed) in [
            (None, "lists 1"),
            (Some(stanza("1.5", "amd64")), "lists 1.5"),
            (Some(stanza("2", "arm64")), "lists none"),
        ] {
            let said = checked(record.as_deref(), &two, &[]);
            assert!(said.contains("a 2 was planned") && said.contains(listed), "{said}");
        }
    }

    #[test]
    fn what_goes_must_not_be_listed() {
        let removal = Removal {
            package: "a".into(),
            arch: "amd64".into(),
            version: Version::parse(Format::Deb, "1").unwrap(),
            because: "b".into(),
        };
        let said = checked(None, &[], &[removal]);
        assert!(said.contains("a none was planned") && said.contains("lists 1"), "{said}");
    }
}
