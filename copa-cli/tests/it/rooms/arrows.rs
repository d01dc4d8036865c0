//! Arrows from file to file: what each file takes, and where that is defined.

use std::collections::BTreeSet;

use super::mentions::{Import, ImportKind, Path};
use super::resolve::{Found, Resolver, Target};
use super::tree::{Id, Tree};

/// A path in a module, and what it leads to inside the workspace.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) at: Id,
    pub(super) path: &'a Path,
    /// The import that the path is of; a path in code has none.
    pub(super) import: Option<&'a Import>,
    pub(super) found: Vec<Found>,
}

/// All paths of the modules of one crate.
pub(super) fn named(tree: &Tree, root: Id) -> Vec<Named<'_>> {
    let mut all = Vec::new();
    for (at, module) in tree.of_crate(root) {
        let imports = module.imports.iter().map(|import| (&import.path, Some(import)));
        let paths = module.paths.iter().map(|path| (path, None));
        all.extend(imports.chain(paths).map(|(path, import)| {
            let found = Resolver::find(tree, at, path);
            Named { at, path, import, found }
        }));
    }
    all
}

/// The arrows between the files of one crate.
pub(super) fn arrows<'a>(tree: &'a Tree, named: &[Named<'_>]) -> BTreeSet<(&'a str, &'a str)> {
    let each = |named: &Named<'_>| {
        let to = named.found.iter().filter_map(|found| taken(tree, named, *found));
        to.filter_map(|to| arrow(tree, named.at, to)).collect::<Vec<_>>()
    };
    named.iter().flat_map(each).collect()
}

/// The module that something is taken from. To import a module is not to take from it: what is
/// named through it is taken, from where it is defined.
fn taken(tree: &Tree, named: &Named<'_>, found: Found) -> Option<Id> {
    match (found.target, named.import.map(|import| &import.kind)) {
        (Target::Item(module), _) | (Target::Module(module), Some(ImportKind::Glob)) => {
            Some(module)
        }
        (Target::Module(module), Some(ImportKind::Named(name))) => {
            let mut paths = tree.modules[named.at].paths.iter();
            let used = paths.any(|path| path.first() == Some(name));
            let handed_on = named.import.is_some_and(|import| import.handed_on);
            // Nothing that can be seen here uses it: an attribute may, by a string.
            (!used && !handed_on).then_some(module)
        }
        (Target::Module(_), None) => None,
    }
}

/// An arrow to another file of the crate. The files around a file are one room with it.
fn arrow(tree: &Tree, from: Id, to: Id) -> Option<(&str, &str)> {
    let (source, target) = (&tree.modules[from], &tree.modules[to]);
    let room = tree.around(from).any(|id| tree.modules[id].file == target.file);
    let inside = source.root == target.root && source.file != target.file && !room;
    inside.then_some((&source.file, &target.file))
}
