//! `repomd.xml`: which files describe a repository, and what they hash to.

use std::collections::BTreeMap;
use std::io;

use crate::error::{Error, Result};
use crate::format::rpm::repo::xml::{Node, Xml};
use crate::package::checksum::Checksum;

/// The most kinds of metadata that a repository may list: real ones have some twenty.
const MOST: usize = 200;

/// What a repository's `repomd.xml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Repomd {
    /// When it was made, seconds since 1970: the latest of all its dates. Zero when it has none.
    pub(crate) date: i64,
    /// Its files by kind: `primary`, `updateinfo`, `modules`.
    files: BTreeMap<String, Listed>,
}

/// A file of metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it is, below the repository's root.
    pub(crate) path: String,
    /// What it hashes to; `None` when only with a weak function.
    pub(crate) checksum: Option<Checksum>,
    /// What it hashes to uncompressed.
    pub(crate) open_checksum: Option<Checksum>,
    /// How many bytes it has.
    pub(crate) size: Option<u64>,
    /// How many bytes it has uncompressed.
    pub(crate) open_size: Option<u64>,
}

impl Repomd {
    /// Reads it; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when it is none.
    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        let malformed = |reason: String| Error::Malformed { what: what.into(), reason };
        let repomd = Self::read(bytes).map_err(|e| malformed(e.to_string()))?;
        if repomd.files.is_empty() {
            return Err(malformed("it lists no metadata".into()));
        }
        Ok(repomd)
    }

    /// The file of this kind.
    pub(crate) fn file(&self, kind: &str) -> Option<&Listed> {
        self.files.get(kind)
    }

    fn read(bytes: &[u8]) -> io::Result<Self> {
        let mut xml = Xml::new(bytes);
        let mut repomd = Self::default();
        loop {
            match xml.next()? {
                Node::Eof => return Ok(repomd),
                Node::Start if xml.name() == "repomd" => {}
                Node::Start if xml.name() == "revision" => repomd.dated(&xml.text()?),
                Node::Start if xml.name() == "data" => repomd.data(&mut xml)?,
                Node::Start => xml.skip()?,
                Node::End => {}
            }
        }
    }

    fn data(&mut self, xml: &mut Xml<&[u8]>) -> io::Result<()> {
        let kind = xml.attribute("type").unwrap_or_default().to_owned();
        let mut file = Listed::default();
        while xml.next()? == Node::Start {
            match xml.name() {
                "location" => {
                    file.path = xml.attribute("href").unwrap_or_default().to_owned();
                    xml.skip()?;
                }
                "checksum" => file.checksum = checksum(xml)?,
                "open-checksum" => file.open_checksum = checksum(xml)?,
                "size" => file.size = xml.text()?.parse().ok(),
                "open-size" => file.open_size = xml.text()?.parse().ok(),
                "timestamp" => self.dated(&xml.text()?),
                _ => xml.skip()?,
            }
        }
        if !is_path(&file.path) {
            return Err(io::Error::other("a file of it has no path, or one that leads elsewhere"));
        }
        if self.files.len() == MOST || self.files.insert(kind, file).is_some() {
            return Err(io::Error::other("it lists a kind of metadata twice, or too many"));
        }
        Ok(())
    }

    /// Takes in a date: `1700000000`, `1700000000.25`. Revisions need not be dates.
    fn dated(&mut self, text: &str) {
        let whole = text.split('.').next().unwrap_or_default();
        let date = whole.parse().ok().filter(|date| *date < i64::from(u32::MAX));
        self.date = self.date.max(date.unwrap_or(0));
    }
}

/// `<checksum type="sha256">...</checksum>`, of the element that began last.
pub(super) fn checksum<R: io::BufRead>(xml: &mut Xml<R>) -> io::Result<Option<Checksum>> {
    let kind = xml.attribute("type").unwrap_or_default().to_owned();
    Ok(strong(&kind, &xml.text()?))
}

/// The checksum, if it is one of those that count, and as long as its kind says.
pub(super) fn strong(kind: &str, digits: &str) -> Option<Checksum> {
    let length = match kind {
        "sha256" => 32,
        "sha384" => 48,
        "sha512" => 64,
        _ => return None,
    };
    let digest = hex::decode(digits).ok().filter(|digest| digest.len() == length)?;
    Checksum::from_digest(&digest)
}

/// Below the repository's root, and nowhere else.
pub(super) fn is_path(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_graphic() && !b"\\?#".contains(&b);
    let component = |part: &str| !matches!(part, "" | "." | "..");
    let scheme = text.split('/').next().is_some_and(|first| first.contains(':'));
    text.bytes().all(legal) && text.split('/').all(component) && !scheme
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::corpus;
    use proptest::prelude::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn text(data: &str) -> String {
        format!(
            "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>7</revision>\
             <tags><distro cpeid=\"x\">y</distro></tags>{data}</repomd>"
        )
    }

    fn data(kind: &str, href: &str) -> String {
        format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{SHA}</checksum>\
             <open-checksum type=\"sha\">da39a3</open-checksum><location href=\"{href}\"/>\
             <timestamp>1700000000.5</timestamp><size>9</size><database_version>10</database_version>\
             </data>"
        )
    }

    #[test]
    fn files_are_found_by_kind() {
        let text = text(&(data("primary", "repodata/p.xml.gz") + &data("modules", "repodata/m")));
        let repomd = Repomd::parse(text.as_bytes(), "x").unwrap();
        let primary = repomd.file("primary").unwrap();
        assert_eq!((&*primary.path, primary.size), ("repodata/p.xml.gz", Some(9)));
        assert_eq!(primary.checksum, Some(Checksum::Sha256(SHA.into())));
        assert_eq!((&primary.open_checksum, primary.open_size), (&None, None));
        assert_eq!(repomd.date, 1_700_000_000);
        assert!(repomd.file("filelists").is_none() && repomd.file("modules").is_some());
    }

    #[test]
    fn what_leads_elsewhere_or_stands_twice_is_refused() {
        for bad in [
            String::new(),
            data("primary", "../p.xml"),
            data("primary", "/etc/passwd"),
            data("primary", "http://elsewhere.invalid/p"),
            data("primary", ""),
            data("primary", "a b"),
            data("primary", "a") + &data("primary", "b"),
            (0..=MOST).map(|i| data(&format!("k{i}"), "a")).collect(),
        ] {
            let error = Repomd::parse(text(&bad).as_bytes(), "x").unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
        }
    }

    #[test]
    fn real_ones_are_read() {
        let Some(corpus) = corpus() else { return };
        for (path, sizes) in [
            ("createrepo_c/repo_00", (false, true)),
            ("createrepo_c/repo_01", (false, false)),
            ("createrepo_c/repo_02", (false, false)),
            ("createrepo_c/repo_with_additional_metadata", (true, true)),
            ("librepo/repo_yum_03", (false, true)),
        ] {
            let path = corpus.join(format!("rpm-software-management+{path}/repodata/repomd.xml"));
            let repomd = Repomd::parse(&std::fs::read(&path).unwrap(), "x").unwrap();
            let primary = repomd.file("primary").unwrap();
            assert!(primary.checksum.is_some() && repomd.date > 0, "{path:?} {primary:?}");
            assert!(primary.size.is_some() && primary.open_size.is_some(), "{path:?}");
            assert_eq!(repomd.file("modules").is_some(), sizes.0, "{path:?}");
        }
        // The first repositories had nothing stronger than SHA-1.
        let path = corpus.join("rpm-software-management+librepo/repo_yum_01/repodata/repomd.xml");
        let repomd = Repomd::parse(&std::fs::read(path).unwrap(), "x").unwrap();
        assert_eq!(repomd.file("primary").unwrap().checksum, None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(<repomd>|</repomd>|<data type='p'>|</data>|<checksum type='sha256'>|</checksum>|<location href='a'/>|<size>|</size>|[a0-9.]){0,30}") {
            let _ = Repomd::parse(text.as_bytes(), "x");
        }
    }
}
