//! Metalinks and lists of mirrors: where a repository is, and what its `repomd.xml` hashes to.

use std::io;

use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::repomd::checksum;
use crate::format::rpm::repo::xml::{Node, Xml};
use crate::package::checksum::Checksum;

/// The most mirrors and hashes that are kept.
const MOST: usize = 200;

/// What a metalink says of `repomd.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metalink {
    /// The roots of the repository's mirrors, the preferred first.
    pub(crate) roots: Vec<Url>,
    /// What `repomd.xml` may hash to: mirrors may lag behind. Empty when only weak functions are
    /// used.
    pub(crate) hashes: Vec<Checksum>,
}

impl Metalink {
    /// Reads it; `what` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when it is none, or names no mirror that can be asked.
    pub(crate) fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        let malformed = |reason: String| Error::Malformed { what: what.into(), reason };
        let mut found = Found::default();
        found.read(bytes).map_err(|e| malformed(e.to_string()))?;
        found.mirrors.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
        let roots: Vec<Url> = found.mirrors.into_iter().map(|(_, url)| url).collect();
        if roots.is_empty() {
            return Err(malformed("it names no mirror of repomd.xml by http or https".into()));
        }
        Ok(Self { roots, hashes: found.hashes })
    }
}

#[derive(Default)]
struct Found {
    mirrors: Vec<(i64, Url)>,
    hashes: Vec<Checksum>,
}

impl Found {
    fn read(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut xml = Xml::new(bytes);
        let mut inside = false;
        loop {
            match xml.next()? {
                Node::Eof => return Ok(()),
                Node::End => {}
                Node::Start => match xml.name() {
                    "file" => inside = xml.attribute("name") == Some("repomd.xml"),
                    "hash" if inside => {
                        self.hashes.extend(checksum(&mut xml)?);
                        self.hashes.truncate(MOST);
                    }
                    "url" if inside => self.mirror(&mut xml)?,
                    _ => {}
                },
            }
        }
    }

    fn mirror(&mut self, xml: &mut Xml<&[u8]>) -> io::Result<()> {
        let preference = xml.attribute("preference").and_then(|text| text.parse().ok());
        let text = xml.text()?;
        let root = text.strip_suffix("repodata/repomd.xml").and_then(address);
        if let Some(url) = root.filter(|_| self.mirrors.len() < MOST) {
            self.mirrors.push((preference.unwrap_or(0), url));
        }
        Ok(())
    }
}

/// The addresses of a `mirrorlist`, one a line.
///
/// # Errors
///
/// [`Error::Malformed`] when there is none.
pub(crate) fn mirror_list(bytes: &[u8], what: &str) -> Result<Vec<Url>> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let found: Vec<Url> = lines.filter_map(address).take(MOST).collect();
    if found.is_empty() {
        let reason = "it names no mirror by http or https".into();
        return Err(Error::Malformed { what: what.into(), reason });
    }
    Ok(found)
}

/// A mirror that can be asked: a list from the network must not lead into this machine's files.
fn address(text: &str) -> Option<Url> {
    text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::corpus;
    use proptest::prelude::*;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn mirrors_are_sorted_and_hashes_are_the_strong_ones() {
        let text = format!(
            "<metalink xmlns:mm0=\"x\"><files><file name=\"other\"><verification>\
             <hash type=\"sha256\">{SHA}</hash></verification></file><file name=\"repomd.xml\">\
             <mm0:timestamp>1</mm0:timestamp><verification><hash type=\"md5\">00</hash>\
             <hash type=\"sha256\">{SHA}</hash></verification><mm0:alternates><mm0:alternate>\
             <verification><hash type=\"sha512\">{SHA}{SHA}</hash></verification></mm0:alternate>\
             </mm0:alternates><resources><url protocol=\"https\" preference=\"9\">\
             https://b.invalid/r/repodata/repomd.xml</url><url preference=\"10\">\
             http://a.invalid/r/repodata/repomd.xml</url><url>rsync://c.invalid/repodata/repomd.xml\
             </url><url>https://d.invalid/elsewhere</url></resources></file></files></metalink>"
        );
        let metalink = Metalink::parse(text.as_bytes(), "x").unwrap();
        let roots: Vec<&str> = metalink.roots.iter().map(Url::as_str).collect();
        assert_eq!(roots, ["http://a.invalid/r/", "https://b.invalid/r/"]);
        assert_eq!(metalink.hashes.len(), 2);
        assert_eq!(metalink.hashes[0], Checksum::Sha256(SHA.into()));
    }

    #[test]
    fn lists_are_read() {
        let text = b"# comment\nhttps://a.invalid/x\n\nfile:///etc/\nhttp://b.invalid/\n";
        let found = mirror_list(text, "x").unwrap();
        assert_eq!(
            found.iter().map(Url::as_str).collect::<Vec<_>>(),
            ["https://a.invalid/x", "http://b.invalid/"]
        );
        assert!(mirror_list(b"<html>sorry</html>", "x").is_err());
    }

    #[test]
    fn real_ones_are_read_and_broken_ones_refused() {
        let Some(corpus) = corpus() else { return };
        let read = |name: &str| {
            let path = corpus.join("rpm-software-management+librepo/metalinks").join(name);
            Metalink::parse(&std::fs::read(path).unwrap(), name)
        };
        for good in ["metalink_good_01", "metalink_good_02", "metalink_with_alternates"] {
            let metalink = read(good).unwrap();
            assert!(!metalink.roots.is_empty(), "{good}");
        }
        assert!(read("metalink_with_alternates").unwrap().hashes.len() > 2);
        for bad in ["metalink_really_bad_01", "metalink_really_bad_02", "metalink_really_bad_03"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(<file name='repomd.xml'>|</file>|<url>|</url>|<hash type='md5'>|</hash>|http://a/repodata/repomd.xml|[a0\n]){0,30}") {
            let _ = Metalink::parse(text.as_bytes(), "x");
            let _ = mirror_list(text.as_bytes(), "x");
        }
    }
}
