//! Which release of which distribution a file system holds.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Format, Installed, Result, Root};

/// A release of a distribution.
///
/// Debian's releases are known one by one; of a distribution with RPM packages, any release is
/// taken as its `os-release(5)` numbers it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub struct Distro {
    /// The distribution, as `os-release(5)`'s `ID` has it: `debian`.
    pub id: String,
    /// The release without its point release: `12`, `3.0`.
    pub version: String,
    /// The name of the release, by which archives know it: `bookworm`. Empty where archives go by
    /// the number.
    pub codename: String,
}

/// The supported releases of Debian and their names.
const DEBIAN: [(&str, &str); 3] = [("11", "bullseye"), ("12", "bookworm"), ("13", "trixie")];

/// Distributions with RPM packages: `ID`, how many parts of `VERSION_ID` name a release, and the
/// package that brings `os-release`, for images that lost the file.
const RPM: [(&str, usize, &str); 12] = [
    ("almalinux", 1, "almalinux-release"),
    ("amzn", 1, "system-release"),
    ("azurelinux", 2, "azurelinux-release"),
    ("centos", 1, "centos-stream-release"),
    ("fedora", 1, "fedora-release-common"),
    ("mariner", 2, "mariner-release"),
    ("ol", 1, "oraclelinux-release"),
    ("opensuse-leap", 2, "Leap-release"),
    ("photon", 2, "photon-release"),
    ("rhel", 1, "redhat-release"),
    ("rocky", 1, "rocky-release"),
    ("sles", 2, "sles-release"),
];

impl Distro {
    /// A release of Debian by its number, its point release (`12.11`) or its name.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for releases that are not supported.
    pub fn debian(release: &str) -> Result<Self> {
        let major = release.split('.').next().unwrap_or_default();
        let found = DEBIAN.iter().find(|(version, codename)| {
            *version == major || codename.eq_ignore_ascii_case(release)
        });
        let (version, codename) = found.ok_or_else(|| Error::Unsupported {
            what: format!("debian {}", shown(release)),
            reason: "Debian 11, 12 and 13 are".into(),
        })?;
        Ok(Self { id: "debian".into(), version: (*version).into(), codename: (*codename).into() })
    }

    /// A release of a distribution with RPM packages, by its `ID` and `VERSION_ID`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for other distributions, [`Error::Invalid`] when the release is not
    /// a number.
    pub fn rpm(id: &str, release: &str) -> Result<Self> {
        let found = RPM.iter().find(|(known, ..)| known.eq_ignore_ascii_case(id));
        let (id, parts, _) = found.ok_or_else(|| unsupported(id, release, ""))?;
        let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if release.len() > 30 || !release.split('.').all(number) {
            let (what, text) = ("release", shown(release));
            return Err(Error::Invalid { what, text, reason: "it is not a number".into() });
        }
        let version = release.split('.').take(*parts).collect::<Vec<_>>().join(".");
        Ok(Self { id: (*id).into(), version, codename: String::new() })
    }

    /// The number of the release in the file system's `os-release`, with all its parts: `9.4`.
    pub(crate) fn version_id(root: &dyn Root) -> Result<Option<String>> {
        let mut found = None;
        for path in ["etc/os-release", "usr/lib/os-release"] {
            let text = text(root, path)?.filter(|_| found.is_none());
            found = found.or_else(|| OsRelease::parse(&text?).release);
        }
        Ok(found)
    }

    /// The format of its packages.
    pub fn format(&self) -> Format {
        if is_rpm(&self.id) { Format::Rpm } else { Format::Deb }
    }

    /// Finds out which release the file system holds: from `os-release`, from `debian_version`,
    /// or else from the version of the installed package `base-files`, or of the package that
    /// brings `os-release`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSystem`] says each thing that was looked at and what was found there;
    /// [`Error::Unsupported`] when the file system says that it is something else.
    pub(crate) fn detect(root: &dyn Root, installed: &[Installed]) -> Result<Self> {
        let mut looked_at = Vec::new();
        for path in ["etc/os-release", "usr/lib/os-release"] {
            match text(root, path)?.map(|text| OsRelease::parse(&text)) {
                Some(OsRelease { id: Some(id), release }) if is_rpm(&id) => match release {
                    Some(release) => return Self::rpm(&id, &release),
                    None => looked_at.push(format!("{path} names no release of {id}")),
                },
                Some(release) if release.is_another() => return Err(release.unsupported(path)),
                Some(OsRelease { release: Some(release), .. }) => return Self::debian(&release),
                Some(_) => looked_at.push(format!("{path} names no release")),
                None => looked_at.push(format!("{path} is not there")),
            }
        }
        match text(root, "etc/debian_version")? {
            Some(text) => match debian_version(&text) {
                Some(release) => return Self::debian(release),
                None => looked_at.push(format!("etc/debian_version says `{}`", shown(&text))),
            },
            None => looked_at.push("etc/debian_version is not there".into()),
        }
        match installed.iter().find(|package| package.name == "base-files") {
            Some(package) => return Self::debian(&major(&package.version.to_string())),
            None => looked_at.push("the package base-files is not installed".into()),
        }
        for package in installed {
            if let Some((id, ..)) = RPM.iter().find(|(.., name)| *name == package.name) {
                let version = package.version.to_string();
                return Self::rpm(id, version.split('-').next().unwrap_or_default());
            }
        }
        Err(Error::UnknownSystem { looked_at: looked_at.join(", ") })
    }
}

impl FromStr for Distro {
    type Err = Error;

    /// Reads `debian:12`, `debian:12.11`, `debian:bookworm` or `azurelinux:3.0`.
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((id, release)) if id.eq_ignore_ascii_case("debian") && !release.is_empty() => {
                Self::debian(release)
            }
            Some((id, release)) if !id.is_empty() && !release.is_empty() => Self::rpm(id, release),
            _ => Err(Error::Invalid {
                what: "distribution",
                text: shown(text),
                reason: "it is a name and a release, like debian:12".into(),
            }),
        }
    }
}

impl TryFrom<String> for Distro {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Distro> for String {
    fn from(distro: Distro) -> Self {
        format!("{}:{}", distro.id, distro.version)
    }
}

impl fmt::Display for Distro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.version)?;
        if self.codename.is_empty() { Ok(()) } else { write!(f, " ({})", self.codename) }
    }
}

/// What counts of an `os-release(5)` file.
#[derive(Debug, Default, PartialEq, Eq)]
struct OsRelease {
    id: Option<String>,
    /// A number or a name.
    release: Option<String>,
}

impl OsRelease {
    fn parse(text: &str) -> Self {
        let get = |key: &str| {
            let mut lines = text.lines().rev().filter_map(|line| line.trim().split_once('='));
            lines.find(|(name, _)| *name == key).map(|(_, value)| unquote(value))
        };
        let get = |key: &str| get(key).filter(|value| !value.is_empty());
        let release = get("VERSION_ID").or_else(|| get("VERSION_CODENAME")).or_else(|| {
            // `13 (trixie)`: the only place that says it in some images.
            let version = get("VERSION")?;
            let (_, name) = version.split_once('(')?;
            Some(name.trim_end().trim_end_matches(')').to_owned())
        });
        Self { id: get("ID"), release }
    }

    /// Whether it names a distribution that is not Debian.
    fn is_another(&self) -> bool {
        self.id.as_ref().is_some_and(|id| !id.eq_ignore_ascii_case("debian"))
    }

    fn unsupported(&self, path: &str) -> Error {
        let named = format!("{path} names it; ");
        let release = self.release.as_deref().unwrap_or_default();
        unsupported(self.id.as_deref().unwrap_or_default(), release, &named)
    }
}

/// That a distribution is not supported, and which ones are. `before` says how it came up.
fn unsupported(id: &str, release: &str, before: &str) -> Error {
    let what = format!("distribution {} {}", shown(id), shown(release));
    let ids = RPM.map(|(id, ..)| id).join(", ");
    let reason = format!("{before}Debian 11, 12 and 13 are, and {ids}");
    Error::Unsupported { what: what.trim_end().into(), reason }
}

fn is_rpm(id: &str) -> bool {
    RPM.iter().any(|(known, ..)| known.eq_ignore_ascii_case(id))
}

/// The value of a shell assignment, as `os-release(5)` allows it.
fn unquote(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)));
    let mut text = String::new();
    let mut chars = inner.unwrap_or(value).chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    text
}

/// `12.11`, or `trixie/sid` before a release is one.
fn debian_version(text: &str) -> Option<&str> {
    let first = text.lines().next()?.trim();
    let release = first.split('/').next()?;
    let number = release.starts_with(|c: char| c.is_ascii_digit());
    (number || DEBIAN.iter().any(|(_, name)| *name == release)).then_some(release)
}

/// The digits before anything else: base-files `12.4+deb12u15` belongs to Debian 12.
fn major(version: &str) -> String {
    version.chars().take_while(char::is_ascii_digit).collect()
}

fn text(root: &dyn Root, path: &str) -> Result<Option<String>> {
    let bytes = root.read(Path::new(path))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn shown(text: &str) -> String {
    text.trim().chars().take(60).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_root::MemoryRoot;
    use proptest::prelude::*;

    const DISTROLESS: &str = "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\n\
        VERSION_ID=\"12\"\nVERSION=\"Debian GNU/Linux 12 (bookworm)\"\n";

    fn base_files(version: &str) -> Vec<Installed> {
        let version = crate::Version::Deb(version.parse().unwrap());
        let (name, arch) = ("base-files".to_owned(), "amd64".to_owned());
        let source = name.clone();
        vec![Installed { name, version, arch, source, relations: Default::default(), held: false }]
    }

    #[test]
    fn releases_are_named_in_several_ways() {
        for text in ["debian:12", "debian:12.11", "debian:bookworm", "Debian:Bookworm"] {
            let distro: Distro = text.parse().unwrap();
            assert_eq!((&*distro.version, &*distro.codename), ("12", "bookworm"), "{text}");
        }
        for text in ["", "debian", "debian:", ":12", "debian:10", "debian:sid", "ubuntu:22.04"] {
            assert!(text.parse::<Distro>().is_err(), "{text}");
        }
        assert_eq!("debian:13".parse::<Distro>().unwrap().to_string(), "debian 13 (trixie)");
        for (text, shown) in [
            ("azurelinux:3.0", "azurelinux 3.0"),
            ("azurelinux:3.0.20240101", "azurelinux 3.0"),
            ("rhel:9.4", "rhel 9"),
            ("Fedora:41", "fedora 41"),
            ("amzn:2023", "amzn 2023"),
            ("sles:15.6", "sles 15.6"),
        ] {
            let distro: Distro = text.parse().unwrap();
            assert_eq!((distro.to_string(), distro.format()), (shown.into(), Format::Rpm));
            assert_eq!(String::from(distro.clone()).parse::<Distro>().unwrap(), distro);
        }
        for text in ["rhel:nine", "rhel:9.", "fedora:", "fedora:rawhide", "fedora:../../x"] {
            assert!(text.parse::<Distro>().is_err(), "{text}");
        }
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
        installed[0].version = crate::Version::Rpm("3.0-31.azl3".parse().unwrap());
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
             names no release, etc/debian_version says `kali-rolling`, the package base-files is \
             not installed"
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
            let _ = text.parse::<Distro>();
            let _ = debian_version(&text);
            OsRelease::parse(&format!("ID={text}\nVERSION={text}\n{text}"));
        }
    }
}
