//! Which files an image omits: documentation, and languages.
//!
//! `--nodocs` and a choice of languages omit files, and the database says so: their state is "not
//! installed". The new versions of packages are treated likewise.

use std::collections::BTreeMap;
use std::path::Path;

use crate::format::rpm::db::record::State;
use crate::format::rpm::package::archive::{File, Kind};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;

/// How many files of a class are there, and how many are omitted.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    there: usize,
    omitted: usize,
}

/// How many files of each class are omitted, by package and altogether.
#[derive(Debug, Default)]
pub(super) struct Omissions {
    all: BTreeMap<String, Count>,
    of: BTreeMap<(String, String), Count>,
}

impl Omissions {
    /// Takes in what became of the files of an installed package.
    pub(super) fn add(&mut self, name: &str, header: &Header, files: &[File], states: &[u8]) {
        for (class, state) in classes(header, files).into_iter().zip(states) {
            let Some(class) = class else { continue };
            let omitted = usize::from(*state == State::NOT_INSTALLED);
            let of = self.of.entry((name.into(), class.clone())).or_default();
            for count in [self.all.entry(class).or_default(), of] {
                count.there += 1 - omitted;
                count.omitted += omitted;
            }
        }
    }

    /// Which files of a new package are omitted: those of a class that is, and directories that
    /// hold nothing else.
    pub(super) fn omitted(&self, name: &str, header: &Header, files: &[File]) -> Vec<bool> {
        let classes = classes(header, files).into_iter();
        let mut omitted: Vec<bool> =
            classes.map(|class| class.is_some_and(|class| self.omits(name, &class))).collect();
        let mut holds: BTreeMap<&Path, bool> = BTreeMap::new();
        for (file, omitted) in files.iter().zip(&omitted) {
            let Some(dir) = file.path.parent() else { continue };
            *holds.entry(dir).or_default() |= !omitted;
        }
        for (file, omitted) in files.iter().zip(&mut omitted) {
            *omitted |= file.kind == Kind::Directory && holds.get(&*file.path) == Some(&false);
        }
        omitted
    }

    /// Whether files of this class are omitted: as with the package's installed version or, when
    /// that had none, with most packages.
    fn omits(&self, name: &str, class: &str) -> bool {
        let of = self.of.get(&(name.to_owned(), class.to_owned()));
        of.or_else(|| self.all.get(class)).is_some_and(|count| count.omitted > count.there)
    }
}

/// The class of each file that may be omitted: `doc`, or `lang` and its languages.
fn classes(header: &Header, files: &[File]) -> Vec<Option<String>> {
    let mut languages = header.texts(Tag::FILELANGS);
    let mut class = |file: &File| {
        let languages = languages.next().filter(|languages| !languages.is_empty());
        match languages {
            _ if file.flags.is_doc() => Some("doc".to_owned()),
            Some(languages) => Some(format!("lang {languages}")),
            None => None,
        }
    };
    files.iter().map(&mut class).collect()
}
