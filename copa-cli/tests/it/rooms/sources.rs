//! The sources of the workspace, as text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The sources of all crates: path below the root of the workspace -> text.
///
/// Only `src/` of each crate is in it. Tests, benches, examples and fuzz targets beside it may
/// import what they like.
#[derive(Debug)]
pub(crate) struct Sources(pub(super) BTreeMap<String, String>);

impl Sources {
    /// Reads `src/` of the given crates below a folder; a crate that is not there has no files.
    pub(super) fn read(root: &Path, crates: impl IntoIterator<Item = &'static str>) -> Self {
        let mut files = BTreeMap::new();
        for name in crates {
            folder(&root.join(name).join("src"), &format!("{name}/src"), &mut files);
        }
        Self(files)
    }

    /// Sources that are nowhere on a disk: pairs of path and text.
    pub(super) fn planted(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect())
    }

    /// The file that a crate begins with.
    pub(super) fn root_of(&self, name: &str) -> Option<String> {
        let names = ["lib.rs", "main.rs"].map(|file| format!("{name}/src/{file}"));
        names.into_iter().find(|path| self.0.contains_key(path))
    }
}

fn folder(path: &Path, name: &str, files: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.map(Result::unwrap) {
        let (path, name) = (entry.path(), format!("{name}/{}", entry.file_name().display()));
        if path.is_dir() {
            folder(&path, &name, files);
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(path).unwrap());
        }
    }
}
