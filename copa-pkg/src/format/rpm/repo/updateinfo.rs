//! `updateinfo.xml`: which vulnerabilities a version of a package fixes.
//!
//! An advisory lists references, those of type `cve` among them, and packages. Fedora's have none
//! of that type: there the titles of the bugs that a security advisory closes begin with the names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use bytes::Bytes;

use crate::format::rpm::repo::primary::evr;
use crate::format::rpm::repo::xml::{Node, Xml};
use crate::resolve::plan::Update;
use crate::version::any::Version;

/// The most text that is kept. RHEL's AppStream, ten years of it, needs some 10 MB.
const LARGEST: usize = 64 << 20;

/// What is kept of an `updateinfo.xml`: a line for each advisory that names vulnerabilities, in it
/// their names divided by blanks, and behind tabs the packages: name, version and architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fixes(String);

/// An advisory as it is read.
#[derive(Debug, Default)]
struct Advisory {
    is_security: bool,
    vulnerabilities: BTreeSet<String>,
    /// Each with a tab before it.
    packages: String,
}

impl Fixes {
    /// Reads all advisories; `counts` says of a stream of a module (`nodejs:18`) whether packages
    /// of it can be meant.
    ///
    /// # Errors
    ///
    /// When reading fails, it is no XML, or there is more to keep than 64 MiB.
    pub(crate) fn read(source: impl BufRead, counts: &dyn Fn(&str) -> bool) -> io::Result<Self> {
        let mut xml = Xml::new(source);
        let (mut fixes, mut root) = (Self::default(), false);
        loop {
            match xml.next()? {
                Node::Eof if root => return Ok(fixes),
                Node::Eof => return Err(io::Error::other("it is not a list of advisories")),
                Node::Start if xml.name() == "updates" => root = true,
                Node::Start if xml.name() == "update" && root => {
                    fixes.add(&Advisory::read(&mut xml, counts)?)?;
                }
                Node::Start => xml.skip()?,
                Node::End => {}
            }
        }
    }

    fn add(&mut self, advisory: &Advisory) -> io::Result<()> {
        if advisory.vulnerabilities.is_empty() || advisory.packages.is_empty() {
            return Ok(());
        }
        for (i, name) in advisory.vulnerabilities.iter().enumerate() {
            self.0.push_str(if i == 0 { "" } else { " " });
            self.0.push_str(name);
        }
        self.0.push_str(&advisory.packages);
        self.0.push('\n');
        check_size(&self.0)
    }

    /// The bytes for the cache.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Reads back what [`as_bytes`](Self::as_bytes) gave.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        Some(Self(std::str::from_utf8(bytes).ok()?.to_owned()))
    }

    /// What each of the updates fixes, by its place among them: whatever is listed for a version
    /// that is higher than the installed one and no higher than the new one.
    pub(crate) fn of(&self, updates: &[Update]) -> BTreeMap<usize, BTreeSet<String>> {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, update) in updates.iter().enumerate() {
            by_name.entry(&update.to.name).or_default().push(i);
        }
        let mut all: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for line in self.0.lines() {
            let (vulnerabilities, packages) = line.split_once('\t').unwrap_or((line, ""));
            let mut fixed = BTreeSet::new();
            for package in packages.split('\t') {
                let mut words = package.splitn(3, ' ');
                let (name, version, arch) = (words.next(), words.next(), words.next());
                let places = name.and_then(|name| by_name.get(name)).into_iter().flatten();
                fixed.extend(places.filter(|&&i| fixed_by(&updates[i], version, arch)));
            }
            for i in fixed {
                let names = vulnerabilities.split(' ').map(Into::into);
                all.entry(i).or_default().extend(names);
            }
        }
        all
    }
}

/// Whether the update goes from below the version to it, or beyond.
fn fixed_by(update: &Update, version: Option<&str>, arch: Option<&str>) -> bool {
    let for_all = |arch: &str| matches!(arch, "" | "noarch");
    let (arch, ours) = (arch.unwrap_or_default(), update.to.arch.as_str());
    if arch != ours && !for_all(arch) && !for_all(ours) {
        return false;
    }
    let Some(version) = version.and_then(|text| text.parse().ok()).map(Version::Rpm) else {
        return false;
    };
    update.from.as_ref().is_some_and(|from| *from < version) && version <= update.to.version
}

impl Advisory {
    fn read<R: BufRead>(xml: &mut Xml<R>, counts: &dyn Fn(&str) -> bool) -> io::Result<Self> {
        let mut advisory =
            Self { is_security: xml.attribute("type") == Some("security"), ..Self::default() };
        while xml.next()? == Node::Start {
            match xml.name() {
                "references" => advisory.references(xml)?,
                "pkglist" => advisory.packages(xml, counts)?,
                _ => xml.skip()?,
            }
        }
        Ok(advisory)
    }

    fn references<R: BufRead>(&mut self, xml: &mut Xml<R>) -> io::Result<()> {
        while xml.next()? == Node::Start {
            if xml.name() == "reference" {
                self.reference(xml);
            }
            xml.skip()?;
        }
        Ok(())
    }

    fn reference<R: BufRead>(&mut self, xml: &Xml<R>) {
        let get = |name| xml.attribute(name).unwrap_or_default();
        let is_cve = get("type").eq_ignore_ascii_case("cve");
        if is_cve {
            self.vulnerabilities.extend(names_at_start(get("id")));
        }
        if is_cve || self.is_security {
            self.vulnerabilities.extend(names_at_start(get("title")));
        }
    }

    fn packages<R: BufRead>(
        &mut self,
        xml: &mut Xml<R>,
        counts: &dyn Fn(&str) -> bool,
    ) -> io::Result<()> {
        while xml.next()? == Node::Start {
            match xml.name() {
                "collection" => self.collection(xml, counts)?,
                _ => xml.skip()?,
            }
        }
        Ok(())
    }

    /// Packages, and perhaps the stream of a module that they are of.
    fn collection<R: BufRead>(
        &mut self,
        xml: &mut Xml<R>,
        counts: &dyn Fn(&str) -> bool,
    ) -> io::Result<()> {
        let start = self.packages.len();
        let mut meant = true;
        while xml.next()? == Node::Start {
            let get = |name| xml.attribute(name).unwrap_or_default();
            match xml.name() {
                "module" => meant = counts(&format!("{}:{}", get("name"), get("stream"))),
                "package" => {
                    let version = evr(get("epoch"), get("version"), get("release"));
                    self.package(get("name"), &version, get("arch"));
                    check_size(&self.packages)?;
                }
                _ => {}
            }
            xml.skip()?;
        }
        if !meant {
            self.packages.truncate(start);
        }
        Ok(())
    }

    /// One whose name or version is none is not in any plan.
    fn package(&mut self, name: &str, version: &str, arch: &str) {
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        let whole = !name.is_empty() && !version.is_empty() && !matches!(arch, "src" | "nosrc");
        let whole = whole && version.matches('-').count() <= 1;
        if whole && [name, version, arch].into_iter().all(word) {
            self.packages.extend(["\t", name, " ", version, " ", arch]);
        }
    }
}

fn check_size(text: &str) -> io::Result<()> {
    match text.len() > LARGEST {
        true => Err(io::Error::other("it lists more than 64 MiB of advisories")),
        false => Ok(()),
    }
}

/// The vulnerabilities whose names a text begins with: `CVE-2026-1234 CVE-2026-1235 openssl: ...`.
fn names_at_start(text: &str) -> impl Iterator<Item = String> {
    let words = text.split([' ', ',', ';', ':']).filter(|word| !word.is_empty());
    words.take_while(|word| is_cve(word)).map(Into::into)
}

/// `CVE-`, four digits, a hyphen, at least four digits.
fn is_cve(text: &str) -> bool {
    let digits = |text: &str| text.len() >= 4 && text.bytes().all(|b| b.is_ascii_digit());
    let parts = text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(year, number)| year.len() == 4 && digits(year) && digits(number))
}

#[cfg(test)]
#[path = "tests/updateinfo.rs"]
mod tests;
