//! `updateinfo.xml`: which vulnerabilities a version of a package fixes.
//!
//! An advisory lists references, those of type `cve` among them, and packages. Fedora's have none
//! of that type: there the titles of the bugs that a security advisory closes begin with the names.

use std::collections::BTreeSet;
use std::io::{self, BufRead};

use crate::format::rpm::repo::nevra::evr;
use crate::format::rpm::repo::xml::{Node, Xml};
use crate::repository::fixes::{Fixes, check_size};

/// An advisory as it is read.
#[derive(Debug, Default)]
struct Advisory {
    is_security: bool,
    vulnerabilities: BTreeSet<String>,
    /// Each with a tab before it.
    packages: String,
}

/// Reads all advisories; `counts` says of a stream of a module (`nodejs:18`) whether packages of it
/// can be meant.
///
/// # Errors
///
/// When reading fails, it is no XML, or there is more to keep than 64 MiB.
pub(crate) fn read(source: impl BufRead, counts: &dyn Fn(&str) -> bool) -> io::Result<Fixes> {
    let mut xml = Xml::new(source);
    let (mut fixes, mut root) = (Fixes::default(), false);
    loop {
        match xml.next()? {
            Node::Eof if root => return Ok(fixes),
            Node::Eof => return Err(io::Error::other("it is not a list of advisories")),
            Node::Start if xml.name() == "updates" => root = true,
            Node::Start if xml.name() == "update" && root => {
                let advisory = Advisory::read(&mut xml, counts)?;
                fixes.add(&advisory.vulnerabilities, &advisory.packages)?;
            }
            Node::Start => xml.skip()?,
            Node::End => {}
        }
    }
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
