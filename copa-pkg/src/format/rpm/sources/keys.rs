//! Who may sign packages and metadata: the keys of the distributions that come with this program,
//! and those of the image.

use std::path::Path;
use std::sync::OnceLock;

use crate::distro::table;
use crate::error::Result;
use crate::port::Root;
use crate::trust::openpgp::Keyring;

macro_rules! keys {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../../keys/rpm/", $name)).as_slice())),*]
    };
}

/// As distributions publish them: see `keys/rpm/README.md`.
const ALL: [(&str, &[u8]); 31] = keys![
    "MICROSOFT-METADATA-GPG-KEY",
    "MICROSOFT-RPM-GPG-KEY",
    "RPM-GPG-KEY-AlmaLinux-8",
    "RPM-GPG-KEY-AlmaLinux-9",
    "RPM-GPG-KEY-AlmaLinux-10",
    "RPM-GPG-KEY-CentOS-7",
    "RPM-GPG-KEY-CentOS-Official",
    "RPM-GPG-KEY-CentOS-Official-SHA256",
    "RPM-GPG-KEY-rockyofficial",
    "RPM-GPG-KEY-Rocky-9",
    "RPM-GPG-KEY-Rocky-10",
    "RPM-GPG-KEY-SuSE-SLE-12",
    "RPM-GPG-KEY-SuSE-SLE-Main-2023",
    "RPM-GPG-KEY-amazon-linux-2",
    "RPM-GPG-KEY-amazon-linux-2023",
    "RPM-GPG-KEY-fedora-41-primary",
    "RPM-GPG-KEY-fedora-42-primary",
    "RPM-GPG-KEY-fedora-43-primary",
    "RPM-GPG-KEY-fedora-44-primary",
    "RPM-GPG-KEY-fedora-45-primary",
    "RPM-GPG-KEY-fedora-46-primary",
    "RPM-GPG-KEY-openSUSE-16-Backports",
    "RPM-GPG-KEY-openSUSE-2022",
    "RPM-GPG-KEY-openSUSE-Backports-2023",
    "RPM-GPG-KEY-oracle-ol7",
    "RPM-GPG-KEY-oracle-ol8",
    "RPM-GPG-KEY-oracle-ol9",
    "RPM-GPG-KEY-oracle-ol10",
    "RPM-GPG-KEY-redhat10-release-without-PQC",
    "RPM-GPG-KEY-redhat8-release",
    "RPM-GPG-KEY-redhat9-release"
];

/// Where an image keeps keys.
const DIRECTORY: &str = "etc/pki/rpm-gpg";

/// The keys of the distribution that come with this program. Empty for one that is not known.
pub(crate) fn official(id: &str) -> Keyring {
    let mut keys = Keyring::default();
    let parts = table::row(id).map_or(&[][..], |row| row.keys);
    for (name, keyring) in parsed() {
        if parts.iter().any(|part| name.contains(part)) {
            keys.extend(keyring);
        }
    }
    keys
}

/// Reading a key takes a while: it is done once.
fn parsed() -> &'static [(&'static str, Keyring)] {
    static PARSED: OnceLock<Vec<(&'static str, Keyring)>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let read =
            |(name, bytes): &(&'static str, &[u8])| Some((*name, Keyring::parse(bytes).ok()?));
        ALL.iter().filter_map(read).collect()
    })
}

/// The keys that the image keeps in files.
///
/// # Errors
///
/// [`crate::Error::Root`] when the image cannot be read.
pub(crate) fn of_image(root: &dyn Root) -> Result<Keyring> {
    let mut keys = Keyring::default();
    for name in root.list(Path::new(DIRECTORY)) {
        let path = Path::new(DIRECTORY).join(&name);
        let Some(bytes) = root.read(&path)? else { continue };
        match Keyring::parse(&bytes) {
            Ok(more) => keys.extend(&more),
            Err(reason) => tracing::debug!(?path, reason, "no keyring"),
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;

    #[test]
    fn all_keys_can_be_read_and_belong_to_somebody() {
        assert_eq!(parsed().len(), ALL.len());
        for (name, keyring) in parsed() {
            assert!(!keyring.is_empty(), "{name}");
            let mut parts = table::rows().flat_map(|row| row.keys);
            assert!(parts.any(|part| name.contains(part)), "{name}");
        }
        for row in table::rows().filter(|row| !row.keys.is_empty()) {
            assert!(!official(row.id).is_empty(), "{}", row.id);
        }
        assert!(official("debian").is_empty());
    }

    #[test]
    fn all_keys_may_sign_packages() {
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        let unusable: Vec<&str> = parsed()
            .iter()
            .filter(|(_, keyring)| keyring.usable(now) == 0)
            .map(|(name, _)| *name)
            .collect();
        assert!(unusable.is_empty(), "{unusable:?}");
    }

    #[test]
    fn keys_of_the_image_are_found() {
        let key = String::from_utf8(ALL[0].1.to_vec()).unwrap();
        let root =
            MemoryRoot::of(&[("etc/pki/rpm-gpg/KEY", &key), ("etc/pki/rpm-gpg/README", "no key")]);
        assert!(!of_image(&root).unwrap().is_empty());
        assert!(of_image(&MemoryRoot::default()).unwrap().is_empty());
    }
}
