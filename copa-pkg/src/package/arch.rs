//! Architectures, in the distribution's words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An architecture, by Debian's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Arch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit Arm.
    Arm64,
    /// 32-bit Arm, soft float.
    Armel,
    /// 32-bit Arm version 7, hard float.
    Armhf,
    /// 32-bit x86.
    I386,
    /// 64-bit MIPS, little endian.
    Mips64el,
    /// 64-bit PowerPC, little endian.
    Ppc64el,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit z/Architecture.
    S390x,
}

/// All of them, with their names.
const NAMES: [(Arch, &str); 9] = [
    (Arch::Amd64, "amd64"),
    (Arch::Arm64, "arm64"),
    (Arch::Armel, "armel"),
    (Arch::Armhf, "armhf"),
    (Arch::I386, "i386"),
    (Arch::Mips64el, "mips64el"),
    (Arch::Ppc64el, "ppc64el"),
    (Arch::Riscv64, "riscv64"),
    (Arch::S390x, "s390x"),
];

impl Arch {
    /// Debian's name of it: `amd64`.
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(arch, _)| *arch == self).map_or("", |(_, name)| name)
    }
}

/// RPM's names of them; the first of each is the one that repositories go by.
const RPM: [(Arch, &str); 13] = [
    (Arch::Amd64, "x86_64"),
    (Arch::Arm64, "aarch64"),
    (Arch::Armel, "armv5tel"),
    (Arch::Armhf, "armv7hl"),
    (Arch::Armhf, "armv7hnl"),
    (Arch::I386, "i686"),
    (Arch::I386, "i586"),
    (Arch::I386, "i486"),
    (Arch::I386, "i386"),
    (Arch::Mips64el, "mips64el"),
    (Arch::Ppc64el, "ppc64le"),
    (Arch::Riscv64, "riscv64"),
    (Arch::S390x, "s390x"),
];

impl Arch {
    /// RPM's name of it: `x86_64`.
    pub(crate) fn as_rpm(self) -> &'static str {
        RPM.iter().find(|(arch, _)| *arch == self).map_or("", |(_, name)| name)
    }

    /// The one that RPM has this name for.
    pub(crate) fn from_rpm(name: &str) -> Option<Self> {
        RPM.iter().find(|(_, known)| *known == name).map(|(arch, _)| *arch)
    }
}

/// Whether packages of this architecture are for all: Debian's `all`, RPM's `noarch`.
pub(crate) fn is_for_all(arch: &str) -> bool {
    matches!(arch, "all" | "noarch")
}

impl FromStr for Arch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(arch, _)| *arch);
        found.ok_or_else(|| Error::Invalid {
            what: "architecture",
            text: text.chars().take(60).collect(),
            reason: format!("it is not one of {}", NAMES.map(|(_, name)| name).join(", ")),
        })
    }
}

impl TryFrom<String> for Arch {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Arch> for String {
    fn from(arch: Arch) -> Self {
        arch.as_str().into()
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (arch, name) in NAMES {
            assert_eq!(name.parse::<Arch>().unwrap(), arch);
            assert_eq!(arch.to_string(), name);
            assert_eq!(Arch::from_rpm(arch.as_rpm()), Some(arch));
        }
        assert_eq!(Arch::from_rpm("i586"), Some(Arch::I386));
        assert!(Arch::from_rpm("noarch").is_none());
        for text in ["", "AMD64", "x86_64", "all", "any"] {
            assert!(text.parse::<Arch>().is_err(), "{text}");
        }
    }
}
