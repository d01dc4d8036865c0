//! Small packages, made in memory.

use std::path::Path;

use md5::{Digest, Md5};

use super::package;
use crate::format::deb::install::distroless::tests::tree::Tree;
use crate::package::fetched::Verified;

/// When the old versions of the tests were built; the user came later, the sources before.
pub(super) const BUILT: i64 = 1_000_000;
pub(super) const LATER: i64 = 2_000_000;

/// A package: its name, its entries and what is in its control archive besides `control`.
#[derive(Debug, Clone)]
pub(super) struct Deb {
    name: String,
    version: u32,
    entries: Vec<(String, Item)>,
    control: Vec<(String, String)>,
    conffiles: Vec<String>,
}

#[derive(Debug, Clone)]
enum Item {
    File(String, u32),
    Link(String),
    Hard(String),
    Directory,
}

impl Deb {
    pub(super) fn new(name: &str, version: u32) -> Self {
        let name = name.to_owned();
        Self { name, version, entries: vec![], control: vec![], conffiles: vec![] }
    }

    fn item(mut self, path: &str, item: Item) -> Self {
        self.entries.push((path.into(), item));
        self
    }

    pub(super) fn file(self, path: &str, content: &str) -> Self {
        self.item(path, Item::File(content.into(), 0o644))
    }

    pub(super) fn setuid(self, path: &str, content: &str) -> Self {
        self.item(path, Item::File(content.into(), 0o4755))
    }

    pub(super) fn conffile(mut self, path: &str, content: &str) -> Self {
        self.conffiles.push(path.into());
        self.file(path, content)
    }

    pub(super) fn link(self, path: &str, target: &str) -> Self {
        self.item(path, Item::Link(target.into()))
    }

    pub(super) fn hard(self, path: &str, target: &str) -> Self {
        self.item(path, Item::Hard(target.into()))
    }

    pub(super) fn directory(self, path: &str) -> Self {
        self.item(path, Item::Directory)
    }

    pub(super) fn script(mut self, name: &str, text: &str) -> Self {
        self.control.push((name.into(), text.into()));
        self
    }

    fn control(&self) -> String {
        format!("Package: {}\nVersion: {}\nArchitecture: amd64\n", self.name, self.version)
    }

    pub(super) fn md5sums(&self) -> String {
        let sum =
            |path: &str, content: &str| format!("{}  {path}\n", hex::encode(Md5::digest(content)));
        let mut sums = String::new();
        for (path, item) in self.entries.iter().filter(|(path, _)| !self.conffiles.contains(path)) {
            match item {
                Item::File(content, _) => sums += &sum(path, content),
                Item::Hard(target) => {
                    let target = self.entries.iter().find(|(path, _)| path == target);
                    let Some((_, Item::File(content, _))) = target else { continue };
                    sums += &sum(path, content);
                }
                _ => {}
            }
        }
        sums
    }

    /// The image's part of it: what a builder of distroless images makes of the package.
    pub(super) fn lay(&self, tree: &mut Tree) {
        let files: Vec<_> = self.entries.iter().collect();
        for (path, item) in &files {
            match item {
                Item::File(content, mode) => tree.file(path, content, BUILT).mode(path, *mode),
                Item::Link(target) => tree.link(path, target, BUILT),
                Item::Directory => tree.directory(path),
                Item::Hard(target) => {
                    let content = tree.text(target).unwrap();
                    tree.file(path, content, BUILT)
                }
            };
        }
        self.record(tree);
    }

    /// Its entry in the database.
    pub(super) fn record(&self, tree: &mut Tree) {
        let record = format!("var/lib/dpkg/status.d/{}", self.name);
        tree.file(&record, self.control(), 0);
        tree.file(&format!("{record}.md5sums"), self.md5sums(), 0);
    }

    /// The paths that its `.md5sums` lists.
    pub(super) fn listed(&self) -> Vec<String> {
        let sums = self.md5sums();
        sums.lines().filter_map(|line| Some(line.split_once("  ")?.1.to_owned())).collect()
    }

    pub(super) fn build(&self) -> Verified {
        let mut control = tar::Builder::new(Vec::new());
        let mut add =
            |name: &str, text: &str| append(&mut control, name, &Item::File(text.into(), 0o644));
        add("control", &self.control());
        add("md5sums", &self.md5sums());
        let conffiles: String = self.conffiles.iter().map(|path| format!("/{path}\n")).collect();
        add("conffiles", &conffiles);
        self.control.iter().for_each(|(name, text)| add(name, text));
        let mut data = tar::Builder::new(Vec::new());
        self.entries.iter().for_each(|(path, item)| append(&mut data, path, item));
        let (control, data) = (control.into_inner().unwrap(), data.into_inner().unwrap());
        let mut out = b"!<arch>\n".to_vec();
        for (name, data) in
            [("debian-binary", &b"2.0\n"[..]), ("control.tar", &control), ("data.tar", &data)]
        {
            out.extend(
                format!("{name:<16}0           0     0     100644  {:<10}`\n", data.len()).bytes(),
            );
            out.extend(data);
        }
        package(out)
    }
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, item: &Item) {
    let mut header = tar::Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(LATER as u64);
    header.set_mode(0o755);
    let path = Path::new(path);
    match item {
        Item::File(content, mode) => {
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            tar.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        Item::Link(target) | Item::Hard(target) => {
            let hard = matches!(item, Item::Hard(_));
            header.set_entry_type(if hard {
                tar::EntryType::Link
            } else {
                tar::EntryType::Symlink
            });
            header.set_size(0);
            tar.append_link(&mut header, path, target).unwrap();
        }
        Item::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            tar.append_data(&mut header, path, std::io::empty()).unwrap();
        }
    }
}
