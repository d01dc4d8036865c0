//! Which files an image leaves out: documentation, and languages.
//!
//! Who installs with `--nodocs` or for some languages only leaves files out, and the database says
//! so: their state is "not installed". The new versions of packages are treated likewise.

use std::collections::BTreeMap;
use std::path::Path;

use crate::format::rpm::db::record::State;
use crate::format::rpm::package::archive::{File, Kind};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;

/// How many files of a class are there, and how many were left out.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    there: usize,
    left_out: usize,
}

/// What was left out, by package and altogether.
#[derive(Debug, Default)]
pub(super) struct Habits {
    all: BTreeMap<String, Count>,
    of: BTreeMap<(String, String), Count>,
}

impl Habits {
    /// Takes in what became of the files of an installed package.
    pub(super) fn add(&mut self, name: &str, header: &Header, files: &[File], states: &[u8]) {
        for (class, state) in classes(header, files).into_iter().zip(states) {
            let Some(class) = class else { continue };
            let left_out = usize::from(*state == State::NOT_INSTALLED);
            let of = self.of.entry((name.into(), class.clone())).or_default();
            for count in [self.all.entry(class).or_default(), of] {
                count.there += 1 - left_out;
                count.left_out += left_out;
            }
        }
    }

    /// Which files of a new package are left out: those of a class that is, and directories that
    /// hold nothing else.
    pub(super) fn left_out(&self, name: &str, header: &Header, files: &[File]) -> Vec<bool> {
        let classes = classes(header, files).into_iter();
        let mut left_out: Vec<bool> =
            classes.map(|class| class.is_some_and(|class| self.leave_out(name, &class))).collect();
        let mut holds: BTreeMap<&Path, bool> = BTreeMap::new();
        for (file, left_out) in files.iter().zip(&left_out) {
            let Some(dir) = file.path.parent() else { continue };
            *holds.entry(dir).or_default() |= !left_out;
        }
        for (file, left_out) in files.iter().zip(&mut left_out) {
            *left_out |= file.kind == Kind::Directory && holds.get(&*file.path) == Some(&false);
        }
        left_out
    }

    /// Whether files of this class are left out: as with the package's installed version or, when
    /// that had none, with most packages.
    fn leave_out(&self, name: &str, class: &str) -> bool {
        let of = self.of.get(&(name.to_owned(), class.to_owned()));
        of.or_else(|| self.all.get(class)).is_some_and(|count| count.left_out > count.there)
    }
}

/// The class of each file that may be left out: `doc`, or `lang` and its languages.
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
