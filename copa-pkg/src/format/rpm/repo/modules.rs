//! `modules.yaml`: which packages belong to which stream of which module.
//!
//! Of modulemd documents only three things count: the name, the stream and the list of artifacts.
//! They are read line by line, in the block style in which libmodulemd writes them; anything that
//! is written otherwise is passed over, and the packages that it would have listed do not count.

use std::io::{self, BufRead};

/// The longest line that is read.
const LONGEST: u64 = 64 << 10;

/// The most that is kept: Fedora and RHEL have some 50,000 artifacts.
const MOST: usize = 1_000_000;

/// The streams of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Modules {
    pub(crate) streams: Vec<Stream>,
}

/// A stream of a module, in one of its versions and contexts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// `nodejs:18`.
    pub(crate) name: String,
    /// `nodejs-1:18.20.2-1.module+el9.4.0+21815+7a2b.x86_64`.
    pub(crate) artifacts: Vec<String>,
}

/// What is gathered of a document.
#[derive(Default)]
struct Document {
    /// Whether it says `document: modulemd`.
    is_stream: bool,
    name: Option<String>,
    stream: Option<String>,
    artifacts: Vec<String>,
    /// The keys that the line is below, with their indentation.
    path: Vec<(usize, String)>,
}

impl Modules {
    /// Reads all documents.
    ///
    /// # Errors
    ///
    /// When reading fails, or a line or the whole is larger than is read.
    pub(crate) fn read(mut source: impl BufRead) -> io::Result<Self> {
        let mut modules = Self::default();
        let mut document = Document::default();
        let mut kept = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = io::Read::take(&mut source, LONGEST).read_until(b'\n', &mut line)?;
            if read as u64 == LONGEST {
                return Err(io::Error::other("a line of it is too long"));
            }
            let text = String::from_utf8_lossy(&line);
            if read == 0 || text.trim_end() == "---" || text.trim_end() == "..." {
                modules.streams.extend(std::mem::take(&mut document).finish());
            }
            if read == 0 {
                return Ok(modules);
            }
            kept += usize::from(document.line(text.trim_end()));
            if kept > MOST {
                return Err(io::Error::other("it lists too many packages"));
            }
        }
    }
}

impl Document {
    /// Takes in a line; says whether it was an artifact.
    fn line(&mut self, line: &str) -> bool {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if text.is_empty() || text.starts_with('#') {
            return false;
        }
        if let Some(item) = text.strip_prefix("- ") {
            self.path.retain(|(at, _)| *at <= indent);
            let listed = self.is_below(&["data", "artifacts", "rpms"]);
            self.artifacts.extend(listed.then(|| scalar(item)));
            return listed;
        }
        self.path.retain(|(at, _)| *at < indent);
        let Some((key, value)) = text.split_once(':') else { return false };
        let value = scalar(value);
        match (self.path.as_slice(), key) {
            ([], "document") => self.is_stream = value == "modulemd",
            ([(_, data)], "name") if data == "data" => self.name = Some(value),
            ([(_, data)], "stream") if data == "data" => self.stream = Some(value),
            _ => {}
        }
        if self.path.len() < 16 {
            self.path.push((indent, key.to_owned()));
        }
        false
    }

    fn is_below(&self, keys: &[&str]) -> bool {
        self.path.iter().map(|(_, key)| key.as_str()).eq(keys.iter().copied())
    }

    fn finish(self) -> Option<Stream> {
        let (name, stream) = (self.name?, self.stream?);
        self.is_stream
            .then(|| Stream { name: format!("{name}:{stream}"), artifacts: self.artifacts })
    }
}

/// A plain or quoted scalar.
fn scalar(text: &str) -> String {
    let text = text.trim();
    let quoted = ['"', '\''].iter().find_map(|&q| text.strip_prefix(q)?.strip_suffix(q));
    quoted.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::corpus;
    use crate::unpack::compression::Compression;
    use proptest::prelude::*;

    const TEXT: &str = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: nodejs\n  \
        stream: \"18\"\n  version: 1\n  description: >-\n    name: not this\n  profiles:\n    \
        common:\n      rpms:\n      - not-this\n  components:\n    rpms:\n      nodejs:\n        \
        name: nor this\n  artifacts:\n    rpms:\n    - nodejs-1:18.20.2-1.x86_64\n    - \
        npm-1:10-1.x86_64\n...\n---\ndocument: modulemd-defaults\ndata:\n  module: nodejs\n  \
        stream: 18\n  name: x\n...\n---\ndocument: modulemd\ndata:\n  name: perl\n  stream: 5.32\n";

    #[test]
    fn streams_and_their_packages_are_read() {
        let modules = Modules::read(TEXT.as_bytes()).unwrap();
        let names: Vec<&str> = modules.streams.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["nodejs:18", "perl:5.32"]);
        let artifacts = ["nodejs-1:18.20.2-1.x86_64", "npm-1:10-1.x86_64"];
        assert_eq!(modules.streams[0].artifacts, artifacts);
        assert!(modules.streams[1].artifacts.is_empty());
    }

    #[test]
    fn a_real_one_is_read() {
        let Some(corpus) = corpus() else { return };
        let name =
            "4fbad65c641f4f8fb3cec9b1672fcec2357443e1ea6e93541a0bb559c7dc9238-modules.yaml.gz";
        let path = corpus
            .join("rpm-software-management+createrepo_c/repo_with_additional_metadata/repodata")
            .join(name);
        let bytes = std::fs::read(path).unwrap();
        let text = Compression::Gzip.reader(&bytes[..]).unwrap();
        let modules = Modules::read(std::io::BufReader::new(text)).unwrap();
        assert!(modules.streams.iter().all(|s| s.name.contains(':')), "{modules:?}");
        assert!(!modules.streams.is_empty());
    }

    #[test]
    fn endless_lines_are_refused() {
        let long = format!("data:\n  name: {}\n", "x".repeat(1 << 20));
        assert!(Modules::read(long.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "( |\n|- |---|data:|artifacts:|rpms:|name: x|stream: y|document: modulemd|#|:){0,40}") {
            let _ = Modules::read(text.as_bytes());
        }
    }
}
