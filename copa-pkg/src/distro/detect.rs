//! Which release of which distribution a file system holds.

use std::path::Path;

use crate::distro::os_release::OsRelease;
use crate::distro::release::{Distro, shown};
use crate::distro::table;
use crate::error::{Error, Result};
use crate::package::installed::Installed;
use crate::port::Root;

/// Where `os-release(5)` is.
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

impl Distro {
    /// The number of the release in the file system's `os-release`, with all its parts: `9.4`.
    pub(crate) fn version_id(root: &dyn Root) -> Result<Option<String>> {
        let mut found = None;
        for path in OS_RELEASE {
            let text = text(root, path)?.filter(|_| found.is_none());
            found = found.or_else(|| OsRelease::parse(&text?).release);
        }
        Ok(found)
    }

    /// Finds out which release the file system holds: from `os-release`, from `debian_version`,
    /// or else from the version of the installed package that brings `os-release`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSystem`] says each thing that was looked at and what was found there;
    /// [`Error::Unsupported`] when the file system says that it is something else.
    pub(crate) fn detect(root: &dyn Root, installed: &[Installed]) -> Result<Self> {
        let mut looked_at = Vec::new();
        for path in OS_RELEASE {
            match text(root, path)?.map(|text| OsRelease::parse(&text)) {
                None => looked_at.push(format!("{path} is not there")),
                Some(found) => match found.distro(path)? {
                    Some(distro) => return Ok(distro),
                    None => looked_at.push(found.names_no_release(path)),
                },
            }
        }
        match text(root, "etc/debian_version")? {
            Some(text) => match debian_version(&text) {
                Some(release) => return Self::new("debian", release),
                None => looked_at.push(format!("etc/debian_version says `{}`", shown(&text))),
            },
            None => looked_at.push("etc/debian_version is not there".into()),
        }
        if let Some(distro) = by_package(installed)? {
            return Ok(distro);
        }
        looked_at.push("no package that names a release is installed".into());
        Err(Error::UnknownSystem { looked_at: looked_at.join(", ") })
    }
}

/// The release that the installed package says which brings `os-release`: base-files
/// `12.4+deb12u15` belongs to Debian 12, azurelinux-release `3.0-31.azl3` to Azure Linux 3.0.
fn by_package(installed: &[Installed]) -> Result<Option<Distro>> {
    for package in installed {
        let brings = |row: &&table::Row| row.release_package == package.name;
        if let Some(row) = table::rows().find(brings) {
            let version = package.version.to_string();
            let end = version.find(|c: char| !c.is_ascii_digit() && c != '.');
            let number = version.get(..end.unwrap_or(version.len())).unwrap_or_default();
            return Distro::new(row.id, number.trim_end_matches('.')).map(Some);
        }
    }
    Ok(None)
}

/// `12.11`, or `trixie/sid` before a release is one.
fn debian_version(text: &str) -> Option<&str> {
    let first = text.lines().next()?.trim();
    let release = first.split('/').next()?;
    let number = release.starts_with(|c: char| c.is_ascii_digit());
    (number || Distro::new("debian", release).is_ok()).then_some(release)
}

fn text(root: &dyn Root, path: &str) -> Result<Option<String>> {
    let bytes = root.read(Path::new(path))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;
    use proptest::prelude::*;

    const DISTROLESS: &str = "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\n\
        VERSION_ID=\"12\"\nVERSION=\"Debian GNU/Linux 12 (bookworm)\"\n";

    fn base_files(version: &str) -> Vec<Installed> {
        let version = crate::version::any::Version::Deb(version.parse().unwrap());
        let (name, arch) = ("base-files".to_owned(), "amd64".to_owned());
        let source = name.clone();
        vec![Installed { name, version, arch, source, relations: Default::default(), held: false }]
    }

    #[test]
    fn the_release_is_found_wherever_it_is_written() {
        let old = "ID=debian\nPRETTY_NAME=Distroless\n";
        type Files<'a> = &'a [(&'a str, &'a str)];
        let table: [(Files<'_>, &[Installed], &str); 8] = [
            (&[("etc/os-release", DISTROLESS)], &[], "12"),
            (&[("usr/lib/os-release", DISTROLESS)], &[], "12"),
            (&[("etc/os-release", "ID=debian\nVERSION_CODENAME=trixie\n")], &[], "13"),
            (&[("etc/os-release", "ID='debian'\nVERSION='11 (bullseye)'\n")], &[], "11"),
            (&[("etc/os-release", old), ("etc/debian_version", "11.9\n")], &[], "11"),
            (&[("etc/debian_version", "trixie/sid\n")], &[], "13"),
            (&[("etc/os-release", old)], &base_files("12.4+deb12u15"), "12"),
            (&[], &base_files("13.8+deb13u1"), "13"),
        ];
        for (files, installed, version) in table {
            let root = MemoryRoot::of(files);
            let distro = Distro::detect(&root, installed).unwrap();
            assert_eq!(distro.version, version, "{files:?}");
        }
    }

    #[test]
    fn rpm_releases_are_found_in_os_release_or_by_its_package() {
        for (text, shown) in [
            ("ID=azurelinux\nVERSION_ID=\"3.0\"\n", "azurelinux 3.0"),
            ("ID=mariner\nVERSION_ID=\"2.0\"\n", "mariner 2.0"),
            ("ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n", "rhel 9"),
            ("ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\n", "opensuse-leap 15.6"),
        ] {
            let root = MemoryRoot::of(&[("usr/lib/os-release", text)]);
            assert_eq!(Distro::detect(&root, &[]).unwrap().to_string(), shown);
        }
        let mut installed = base_files("1");
        installed[0].name = "azurelinux-release".into();
        installed[0].version = crate::version::any::Version::Rpm("3.0-31.azl3".parse().unwrap());
        let distro = Distro::detect(&MemoryRoot::of(&[]), &installed).unwrap();
        assert_eq!(distro.to_string(), "azurelinux 3.0");
    }

    #[test]
    fn what_cannot_be_told_says_what_was_looked_at() {
        let root = MemoryRoot::of(&[
            ("usr/lib/os-release", "NAME=x\n"),
            ("etc/debian_version", "kali-rolling\n"),
        ]);
        let error = Distro::detect(&root, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the distribution cannot be told: etc/os-release is not there, usr/lib/os-release \
             names no release, etc/debian_version says `kali-rolling`, no package that names a \
             release is installed"
        );
        assert!(error.hint().is_some());
    }

    #[test]
    fn other_distributions_and_releases_are_refused_by_name() {
        // Ubuntu's debian_version says `bookworm/sid`: it must not be asked.
        let root = MemoryRoot::of(&[
            ("etc/os-release", "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04\n"),
            ("etc/debian_version", "bookworm/sid\n"),
        ]);
        let error = Distro::detect(&root, &[]).unwrap_err().to_string();
        assert!(error.starts_with("distribution ubuntu 22.04 is not supported"), "{error}");
        let root = MemoryRoot::of(&[("etc/debian_version", "10.8\n")]);
        let error = Distro::detect(&root, &[]).unwrap_err().to_string();
        assert!(error.starts_with("debian 10.8 is not supported"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = debian_version(&text);
            OsRelease::parse(&format!("ID={text}\nVERSION={text}\n{text}"));
        }
    }
}
