//! What is known of distributions: where their packages are, and who signs what.

use crate::distro::release::Distro;
use crate::format::rpm::sources::variables::Variables;
use crate::package::arch::Arch;

/// A distribution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Its `ID` in `os-release`.
    id: &'static str,
    /// What its release begins with, where releases differ.
    release: &'static str,
    /// What its repositories are below. `None` when they are only found by [`lists`](Self::lists), or
    /// not at all.
    pub(crate) root: Option<&'static str>,
    /// Its repositories, the first of which must be there.
    pub(crate) paths: &'static [&'static str],
    /// Metalinks and lists of mirrors, in place of the root.
    pub(crate) lists: &'static [List],
    /// Whether it signs `repomd.xml`.
    pub(crate) signed: bool,
}

/// Where the addresses of a repository are to be had.
#[derive(Debug, Clone, Copy)]
pub(crate) enum List {
    Metalink(&'static str),
    Mirrors(&'static str),
}

const EL: &[&str] = &["$releasever/BaseOS/$basearch/os", "$releasever/AppStream/$basearch/os"];

/// The distributions that are known.
const ALL: [Layout; 15] = [
    Layout {
        id: "azurelinux",
        release: "",
        root: Some("https://packages.microsoft.com/azurelinux"),
        paths: &[
            "$releasever/prod/base/$basearch",
            "$releasever/prod/extended/$basearch",
            "$releasever/prod/ms-oss/$basearch",
            "$releasever/prod/cloud-native/$basearch",
        ],
        lists: &[],
        signed: true,
    },
    Layout {
        id: "mariner",
        release: "",
        root: Some("https://packages.microsoft.com/cbl-mariner"),
        paths: &["$releasever/prod/base/$basearch", "$releasever/prod/extended/$basearch"],
        lists: &[],
        signed: true,
    },
    Layout {
        id: "fedora",
        release: "",
        root: Some("https://dl.fedoraproject.org/pub/fedora/linux"),
        paths: &[
            "releases/$releasever/Everything/$basearch/os",
            "updates/$releasever/Everything/$basearch",
        ],
        lists: &[
            List::Metalink(
                "https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch",
            ),
            List::Metalink(
                "https://mirrors.fedoraproject.org/metalink?repo=updates-released-f$releasever&\
                 arch=$basearch",
            ),
        ],
        signed: false,
    },
    Layout {
        id: "rhel",
        release: "",
        root: Some("https://cdn-ubi.redhat.com/content/public/ubi/dist"),
        paths: &[
            "ubi$releasever/$releasever/$basearch/baseos/os",
            "ubi$releasever/$releasever/$basearch/appstream/os",
        ],
        lists: &[],
        signed: false,
    },
    Layout {
        id: "rocky",
        release: "",
        root: Some("https://dl.rockylinux.org/pub/rocky"),
        paths: EL,
        lists: &[],
        signed: false,
    },
    Layout {
        id: "almalinux",
        release: "",
        root: Some("https://repo.almalinux.org/almalinux"),
        paths: EL,
        lists: &[],
        signed: false,
    },
    Layout {
        id: "centos",
        release: "",
        root: Some("https://mirror.stream.centos.org"),
        paths: &[
            "$releasever-stream/BaseOS/$basearch/os",
            "$releasever-stream/AppStream/$basearch/os",
        ],
        lists: &[],
        signed: false,
    },
    Layout {
        id: "ol",
        release: "",
        root: Some("https://yum.oracle.com/repo/OracleLinux"),
        paths: &["OL$releasever/baseos/latest/$basearch", "OL$releasever/appstream/$basearch"],
        lists: &[],
        signed: false,
    },
    Layout {
        id: "amzn",
        release: "2023",
        root: None,
        paths: &[],
        lists: &[List::Mirrors(
            "https://cdn.amazonlinux.com/al2023/core/mirrors/latest/$basearch/mirror.list",
        )],
        signed: false,
    },
    Layout {
        id: "opensuse-leap",
        release: "",
        root: Some("https://download.opensuse.org"),
        paths: &[
            "update/leap/$releasever/sle",
            "update/leap/$releasever/oss",
            "distribution/leap/$releasever/repo/oss",
        ],
        lists: &[],
        signed: true,
    },
    Layout {
        id: "opensuse-tumbleweed",
        release: "",
        root: Some("https://download.opensuse.org/tumbleweed"),
        paths: &["repo/oss", "update/tumbleweed"],
        lists: &[],
        signed: true,
    },
    // Their own servers want a subscription, or are Amazon's inside its network: mirrors only.
    Layout { id: "amzn", release: "", root: None, paths: &[], lists: &[], signed: false },
    Layout { id: "sles", release: "", root: None, paths: &[], lists: &[], signed: true },
    Layout { id: "sl-micro", release: "", root: None, paths: &[], lists: &[], signed: true },
    Layout { id: "sle-micro", release: "", root: None, paths: &[], lists: &[], signed: true },
];

impl Layout {
    /// What is known of the distribution.
    pub(crate) fn of(distro: &Distro) -> Option<&'static Self> {
        let known = |layout: &&Layout| layout.id == distro.id;
        ALL.iter().filter(known).find(|layout| distro.version.starts_with(layout.release))
    }

    /// Whether its own servers are known.
    pub(crate) fn has_servers(&self) -> bool {
        self.root.is_some() || !self.lists.is_empty()
    }
}

/// `$releasever`, `$basearch` and `$arch`.
pub(crate) fn variables(distro: &Distro, arch: Arch) -> Variables {
    let release = releasever(distro);
    let all = [
        ("releasever", release),
        ("basearch", basearch(arch)),
        ("arch", basearch(arch)),
        ("awsregion", "default"),
        ("awsdomain", "amazonaws.com"),
    ];
    all.into_iter().collect()
}

/// What `$releasever` is: Enterprise Linux has updates by major release, Amazon's current ones are
/// called `latest`.
fn releasever(distro: &Distro) -> &str {
    let version = distro.version.as_str();
    match distro.id.as_str() {
        "rhel" | "rocky" | "almalinux" | "centos" | "ol" => {
            version.split('.').next().unwrap_or(version)
        }
        "amzn" if version.starts_with("2023") => "latest",
        _ => version,
    }
}

/// RPM's name of the architecture.
pub(crate) fn basearch(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86_64",
        Arch::Arm64 => "aarch64",
        Arch::Armhf => "armhfp",
        Arch::Ppc64el => "ppc64le",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_an_address() {
        for layout in ALL {
            let distro =
                Distro { id: layout.id.into(), version: "9.4".into(), codename: String::new() };
            let variables = variables(&distro, Arch::Arm64);
            let root = layout.root.into_iter();
            let of = |root: &str| {
                layout.paths.iter().map(|path| format!("{root}/{path}")).collect::<Vec<_>>()
            };
            let lists = layout.lists.iter().map(|list| match list {
                List::Metalink(text) | List::Mirrors(text) => (*text).to_owned(),
            });
            let all: Vec<String> = root.flat_map(of).chain(lists).collect();
            assert!(
                !all.is_empty() || ["sles", "amzn", "sl-micro", "sle-micro"].contains(&layout.id)
            );
            for text in all {
                let text = variables.fill(&text);
                let url: url::Url = text.parse().unwrap();
                assert!(url.scheme() == "https" && !text.contains('$'), "{text}");
            }
        }
    }

    #[test]
    fn releases_are_what_repositories_call_them() {
        for (id, version, wanted) in [
            ("rocky", "9.4", "9"),
            ("fedora", "42", "42"),
            ("azurelinux", "3.0", "3.0"),
            ("amzn", "2023", "latest"),
            ("amzn", "2", "2"),
            ("opensuse-leap", "15.6", "15.6"),
        ] {
            let distro = Distro { id: id.into(), version: version.into(), codename: String::new() };
            assert_eq!(releasever(&distro), wanted, "{id} {version}");
        }
    }
}
