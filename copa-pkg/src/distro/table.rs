//! What is known of each distribution: one row, and every other room asks it here.

use crate::version::format::Format;

/// A distribution.
#[derive(Debug)]
pub(crate) struct Row {
    /// `ID` in `os-release(5)`.
    pub(crate) id: &'static str,
    /// The format of its packages.
    pub(crate) format: Format,
    /// How its releases are told.
    pub(crate) releases: Releases,
    /// The package that brings `os-release`, for images that lost the file.
    pub(crate) release_package: &'static str,
    /// What its archives are called in `NAME=URL`; the first is named in hints.
    pub(crate) mirrors: &'static [&'static str],
    /// Parts of the file names of its keys, among those that come with this program.
    pub(crate) keys: &'static [&'static str],
    /// What scanners call it, where that is not its `ID`.
    pub(crate) scanners: &'static [&'static str],
}

/// How the releases of a distribution are told.
#[derive(Debug)]
pub(crate) enum Releases {
    /// These are supported, by number and name.
    Named(&'static [(&'static str, &'static str)]),
    /// Any number is; it has so many parts of `VERSION_ID`.
    Numbered(usize),
}

/// A distribution with RPM packages.
const fn rpm(id: &'static str, parts: usize, release_package: &'static str) -> Row {
    let (format, releases) = (Format::Rpm, Releases::Numbered(parts));
    Row { id, format, releases, release_package, mirrors: &[], keys: &[], scanners: &[] }
}

/// All of them, Debian first.
static ROWS: [Row; 16] = [
    Row {
        id: "debian",
        format: Format::Deb,
        releases: Releases::Named(&[("11", "bullseye"), ("12", "bookworm"), ("13", "trixie")]),
        release_package: "base-files",
        mirrors: &["debian", "debian-security"],
        keys: &[],
        scanners: &[],
    },
    Row {
        mirrors: &["azurelinux"],
        keys: &["MICROSOFT-"],
        ..rpm("azurelinux", 2, "azurelinux-release")
    },
    Row {
        mirrors: &["mariner", "cbl-mariner"],
        keys: &["MICROSOFT-"],
        scanners: &["cbl-mariner"],
        ..rpm("mariner", 2, "mariner-release")
    },
    Row { mirrors: &["fedora"], keys: &["fedora"], ..rpm("fedora", 1, "fedora-release-common") },
    Row {
        mirrors: &["rhel", "ubi"],
        keys: &["redhat"],
        scanners: &["redhat"],
        ..rpm("rhel", 1, "redhat-release")
    },
    Row { mirrors: &["rocky"], keys: &["ocky"], ..rpm("rocky", 1, "rocky-release") },
    Row {
        mirrors: &["almalinux", "alma"],
        keys: &["AlmaLinux"],
        scanners: &["alma"],
        ..rpm("almalinux", 1, "almalinux-release")
    },
    Row { mirrors: &["centos"], keys: &["CentOS"], ..rpm("centos", 1, "centos-stream-release") },
    Row {
        mirrors: &["oraclelinux", "ol"],
        keys: &["oracle"],
        scanners: &["oracle"],
        ..rpm("ol", 1, "oraclelinux-release")
    },
    Row {
        mirrors: &["amazonlinux", "amzn"],
        keys: &["amazon-linux"],
        scanners: &["amazon"],
        ..rpm("amzn", 1, "system-release")
    },
    Row {
        mirrors: &["opensuse-leap"],
        keys: &["SuSE-SLE", "openSUSE"],
        scanners: &["opensuse.leap"],
        ..rpm("opensuse-leap", 2, "Leap-release")
    },
    Row {
        mirrors: &["opensuse-tumbleweed"],
        keys: &["openSUSE"],
        scanners: &["opensuse.tumbleweed"],
        ..rpm("opensuse-tumbleweed", 1, "openSUSE-release")
    },
    Row { mirrors: &["sles"], keys: &["SuSE"], ..rpm("sles", 2, "sles-release") },
    Row { mirrors: &["sl-micro"], keys: &["SuSE"], ..rpm("sl-micro", 2, "SL-Micro-release") },
    Row {
        mirrors: &["sle-micro"],
        keys: &["SuSE"],
        scanners: &["slem"],
        ..rpm("sle-micro", 2, "SUSE-MicroOS-release")
    },
    rpm("photon", 2, "photon-release"),
];

/// The row of the distribution with this `ID`, in any case of its letters.
pub(crate) fn row(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id.eq_ignore_ascii_case(id))
}

/// All rows.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
}

/// The names that mirrors can be given for.
pub(crate) fn mirror_names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(|row| row.mirrors.iter().copied())
}

/// The `ID` of the distribution that a scanner calls by this name.
pub(crate) fn id_of_scanner(name: &str) -> &str {
    let called = |row: &&Row| row.scanners.contains(&name);
    ROWS.iter().find(called).map_or(name, |row| row.id)
}
