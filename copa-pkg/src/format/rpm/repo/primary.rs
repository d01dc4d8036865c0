//! `primary.xml`: which packages a repository has. One pass over the bytes as they come.

use std::io::{self, BufRead};

use crate::format::rpm::db::installed::source_name;
use crate::format::rpm::relation;
use crate::format::rpm::relation::names;
use crate::format::rpm::repo::filter::Filter;
use crate::format::rpm::repo::nevra::{Nevra, evr};
use crate::format::rpm::repo::repomd::{is_path, strong};
use crate::format::rpm::repo::xml::{Node, Xml};
use crate::package::checksum::Checksum;
use crate::repository::index::build::{Builder, Fields, LONGEST_TEXT};
use crate::repository::index::table::Index;
use crate::version::any::Version;

/// Builds an [`Index`] out of `primary.xml`.
#[derive(Debug)]
pub(crate) struct Scanner {
    index: Builder,
    filter: Filter,
}

/// A package as it is read.
#[derive(Debug, Default)]
struct Found {
    name: String,
    arch: String,
    epoch: String,
    version: String,
    release: String,
    checksum: Option<Checksum>,
    size: Option<u64>,
    path: String,
    /// An address for this one package, in place of the repository's.
    base: Option<String>,
    source: String,
    requires: String,
    provides: String,
    conflicts: String,
    obsoletes: String,
    /// Whether a part of it is not understood.
    broken: bool,
}

impl Scanner {
    /// Keeps the packages that the filter lets through.
    pub(crate) fn new(filter: Filter) -> Self {
        Self { index: Builder::new(names), filter }
    }

    /// Reads all packages.
    ///
    /// # Errors
    ///
    /// When reading fails, it is no XML, or there is more to keep than 512 MiB.
    pub(crate) fn read(&mut self, source: impl BufRead) -> io::Result<()> {
        let mut xml = Xml::new(source);
        let mut root = false;
        loop {
            match xml.next()? {
                Node::Eof if root => return Ok(()),
                Node::Eof => return Err(io::Error::other("it is not a list of packages")),
                Node::Start if xml.name() == "metadata" => root = true,
                Node::Start if xml.name() == "package" && root => {
                    let is_rpm = xml.attribute("type").is_none_or(|kind| kind == "rpm");
                    let package = Found::read(&mut xml)?;
                    if is_rpm {
                        self.take(&package)?;
                    }
                }
                Node::Start => xml.skip()?,
                Node::End => {}
            }
        }
    }

    /// The index of all that was read.
    pub(crate) fn finish(self) -> Index {
        self.index.finish()
    }

    fn take(&mut self, package: &Found) -> io::Result<()> {
        if matches!(&*package.arch, "src" | "nosrc") {
            return Ok(());
        }
        let Some((version, filename, digest)) = package.checked() else {
            self.index.refuse();
            return Ok(());
        };
        if !self.filter.keeps(&package.nevra()) {
            return Ok(());
        }
        self.index.add(&Fields {
            package: package.name.as_bytes(),
            version: version.as_bytes(),
            arch: package.arch.as_bytes(),
            source: source_name(&package.source).unwrap_or(&package.name).as_bytes(),
            filename: filename.as_bytes(),
            checksum: &digest,
            requires: package.requires.as_bytes(),
            provides: package.provides.as_bytes(),
            conflicts: package.conflicts.as_bytes(),
            replaces: package.obsoletes.as_bytes(),
            size: package.size.unwrap_or_default(),
        })
    }
}

impl Found {
    fn read<R: BufRead>(xml: &mut Xml<R>) -> io::Result<Self> {
        let mut found = Self::default();
        while xml.next()? == Node::Start {
            match xml.name() {
                "name" => found.name = xml.text()?,
                "arch" => found.arch = xml.text()?,
                "version" => found.evr(xml)?,
                "checksum" => {
                    let kind = xml.attribute("type").unwrap_or_default().to_owned();
                    found.checksum = strong(&kind, &xml.text()?);
                }
                "size" => {
                    found.size = xml.attribute("package").and_then(|text| text.parse().ok());
                    xml.skip()?;
                }
                "location" => {
                    found.path = xml.attribute("href").unwrap_or_default().into();
                    found.base = xml.attribute("base").map(Into::into);
                    xml.skip()?;
                }
                "format" => found.format(xml)?,
                _ => xml.skip()?,
            }
        }
        Ok(found)
    }

    fn evr<R: BufRead>(&mut self, xml: &mut Xml<R>) -> io::Result<()> {
        let get = |name| xml.attribute(name).unwrap_or_default().to_owned();
        (self.epoch, self.version, self.release) = (get("epoch"), get("ver"), get("rel"));
        xml.skip()
    }

    fn format<R: BufRead>(&mut self, xml: &mut Xml<R>) -> io::Result<()> {
        while xml.next()? == Node::Start {
            match xml.name() {
                "sourcerpm" => self.source = xml.text()?,
                "requires" => self.broken |= !entries(xml, &mut self.requires)?,
                "provides" => self.broken |= !entries(xml, &mut self.provides)?,
                "conflicts" => self.broken |= !entries(xml, &mut self.conflicts)?,
                "obsoletes" => self.broken |= !entries(xml, &mut self.obsoletes)?,
                "file" => {
                    // What others need by its path; a path with blanks is needed by none.
                    let path = xml.text()?;
                    if let Some(line) = relation::line(&path, None, "") {
                        self.broken |= !add(&mut self.provides, &line);
                    }
                }
                _ => xml.skip()?,
            }
        }
        Ok(())
    }

    /// Its version, where it is, and its digest, if it is in order.
    fn checked(&self) -> Option<(String, String, Vec<u8>)> {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let part = |text: &str| word(text) && !text.contains([':', '-', '/']);
        let named = word(&self.name) && !self.name.contains(['/', ':']) && part(&self.arch);
        let placed = is_path(&self.path) && self.size.is_some() && !self.broken;
        if !named || !placed || !part(&self.version) || !part(&self.release) {
            return None;
        }
        let version = evr(&self.epoch, &self.version, &self.release);
        let _: Version = version.parse().ok().map(Version::Rpm)?;
        let filename = match &self.base {
            Some(base) => absolute(base, &self.path)?,
            None => self.path.clone(),
        };
        let digest = hex::decode(self.checksum.as_ref()?.parts().1).ok()?;
        Some((version, filename, digest))
    }

    fn nevra(&self) -> Nevra<'_> {
        let epoch = if self.epoch.is_empty() { "0" } else { &self.epoch };
        let Self { name, version, release, arch, .. } = self;
        Nevra { name, epoch, version, release, arch }
    }
}

/// The lines of the entries of `<rpm:requires>` and the like, and whether all were understood.
fn entries<R: BufRead>(xml: &mut Xml<R>, lines: &mut String) -> io::Result<bool> {
    let mut understood = true;
    while xml.next()? == Node::Start {
        let get = |name| xml.attribute(name).unwrap_or_default();
        let name = get("name");
        let version = evr(get("epoch"), get("ver"), get("rel"));
        match relation::line(name, xml.attribute("flags"), &version) {
            // What rpm itself must be able to do: this program does not ask rpm.
            Some(_) if name.starts_with("rpmlib(") => {}
            Some(line) => understood &= add(lines, &line),
            None => understood = false,
        }
        xml.skip()?;
    }
    Ok(understood)
}

/// Adds a line, unless that makes a text that is too long to be kept.
fn add(lines: &mut String, line: &str) -> bool {
    let fits = lines.len() + line.len() < LONGEST_TEXT;
    if fits {
        lines.extend([line, "\n"]);
    }
    fits
}

/// The whole address of a package that is not where its repository is. Never one of this machine.
fn absolute(base: &str, path: &str) -> Option<String> {
    let url: url::Url = base.parse().ok()?;
    let remote = matches!(url.scheme(), "http" | "https") && url.query().is_none();
    remote.then(|| format!("{}/{path}", url.as_str().trim_end_matches('/')))
}

#[cfg(test)]
#[path = "tests/primary.rs"]
mod tests;
