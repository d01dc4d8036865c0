//! The whole examination: sources in, faults and numbers out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::arrows::{Named, arrows, named};
use super::faults::Fault;
use super::floors::{self, CRATES, is_known, room};
use super::graph::Graph;
use super::resolve::Target;
use super::sources::Sources;
use super::tree::{Id, Tree};

/// A workspace that has been read, whichever tree it is.
#[derive(Debug)]
pub(crate) struct Workspace {
    sources: Sources,
    tree: Tree,
}

/// How large a crate is, and how entangled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) name: &'static str,
    pub(crate) files: usize,
    pub(crate) arrows: usize,
    pub(crate) circles: usize,
    pub(crate) in_circles: usize,
}

impl Workspace {
    /// Reads the sources of the workspace whose root is a folder.
    pub(crate) fn read(root: &Path) -> Self {
        Self::new(Sources::read(root, floors::crates()))
    }

    /// A workspace that is nowhere on a disk: pairs of path and text.
    pub(crate) fn planted(files: &[(&str, &str)]) -> Self {
        Self::new(Sources::planted(files))
    }

    fn new(sources: Sources) -> Self {
        let tree = Tree::grow(&sources, floors::crates());
        Self { sources, tree }
    }

    /// Everything that is wrong, in order and each once.
    pub(crate) fn faults(&self) -> BTreeSet<Fault> {
        let mut faults = BTreeSet::new();
        for (root, _, may_name) in self.crates() {
            let named = named(&self.tree, root);
            let arrows = arrows(&self.tree, &named);
            faults.extend(circles(&arrows));
            faults.extend(arrows.iter().filter_map(|(from, to)| against_the_floors(from, to)));
            faults.extend(named.iter().filter_map(|named| self.names_crate(named, may_name)));
            faults.extend(named.iter().filter_map(|named| self.names_reexport(named)));
        }
        faults.extend(self.unknown_rooms());
        faults.extend(self.only_reexports("lib.rs"));
        faults.extend(self.beside_a_folder());
        faults
    }

    /// The numbers of each crate that is there.
    pub(crate) fn numbers(&self) -> Vec<Numbers> {
        let of_crate = |(root, name, _)| {
            let files = self.tree.of_crate(root).map(|(_, module)| &module.file);
            let arrows = arrows(&self.tree, &named(&self.tree, root));
            let circles = Graph::new(arrows.iter().copied()).circles();
            Numbers {
                name,
                files: files.collect::<BTreeSet<_>>().len(),
                arrows: arrows.len(),
                circles: circles.len(),
                in_circles: circles.iter().map(Vec::len).sum(),
            }
        };
        self.crates().map(of_crate).collect()
    }

    /// What files of this name (`lib.rs`, `mod.rs`) define besides modules and re-exports.
    pub(crate) fn only_reexports(&self, name: &str) -> Vec<Fault> {
        let ending = format!("/{name}");
        let modules = self.tree.modules.iter().filter(|module| module.file.ends_with(&ending));
        let each = modules.flat_map(|module| {
            let items = module.definitions.iter().cloned();
            items.map(|item| Fault::Definition { file: module.file.clone(), item })
        });
        each.collect()
    }

    /// The crates that are there: where each begins, its name, and what it may name.
    fn crates(&self) -> impl Iterator<Item = (Id, &'static str, &'static [&'static str])> {
        CRATES.into_iter().filter_map(|(name, may_name)| {
            let root = self.tree.crates.get(&name.replace('-', "_"))?;
            Some((*root, name, may_name))
        })
    }

    /// A path that begins with the name of a crate that this one must not know.
    fn names_crate(&self, named: &Named<'_>, may_name: &[&str]) -> Option<Fault> {
        let first = named.path.iter().find(|name| *name != "::")?;
        let module = &self.tree.modules[named.at];
        let is_crate = self.tree.crates.get(first).is_some_and(|root| *root != module.root);
        (is_crate && !may_name.contains(&first.as_str()))
            .then(|| Fault::Crate { file: module.file.clone(), names: first.clone() })
    }

    /// A path of more than one step that leads through an import before it comes to the
    /// definition. Another crate is left by its own root, which re-exports: that is no fault. Nor
    /// is it one when a module hands on what is defined inside it: each of the modules on the way
    /// out has to.
    fn names_reexport(&self, named: &Named<'_>) -> Option<Fault> {
        let first = named.path.first().filter(|_| named.path.len() > 1)?;
        let anchored = matches!(first.as_str(), "crate" | "self" | "super");
        if named.import.is_none() && !anchored || named.found.iter().any(|f| f.through.is_none()) {
            return None;
        }
        let found = named.found.first()?;
        let (Target::Item(target) | Target::Module(target)) = found.target;
        let file = |id: Id| self.tree.modules[id].file.clone();
        let root = |id: Id| self.tree.modules[id].root;
        let inside = target == named.at || self.tree.around(target).any(|id| id == named.at);
        let handed_out = inside && named.import.is_some_and(|import| import.handed_on);
        (root(target) == root(named.at) && !handed_out).then(|| Fault::Reexport {
            file: file(named.at),
            path: named.path.join("::"),
            through: file(found.through.unwrap_or(target)),
            defined: file(target),
        })
    }

    /// One file of each room that has no floor. A module that is empty without its tests is no room.
    fn unknown_rooms(&self) -> Vec<Fault> {
        let mut files = BTreeMap::new();
        for module in &self.tree.modules {
            let empty = module.definitions.is_empty() && module.imports.is_empty();
            let unknown = room(&module.file).filter(|room| !empty && !is_known(room));
            files.extend(unknown.map(|room| (room, &module.file)));
        }
        files.into_values().map(|file| Fault::Unknown { file: file.clone() }).collect()
    }

    /// Tests are not left out here: there is one style of module file everywhere.
    fn beside_a_folder(&self) -> Vec<Fault> {
        let files = &self.sources.0;
        let has_folder = |file: &&String| {
            let folder = format!("{}/", file.trim_end_matches(".rs"));
            files.range(folder.clone()..).next().is_some_and(|(path, _)| path.starts_with(&folder))
        };
        let beside = files.keys().filter(has_folder);
        beside.map(|file| Fault::Style { file: file.clone() }).collect()
    }
}

fn circles(arrows: &BTreeSet<(&str, &str)>) -> Vec<Fault> {
    let graph = Graph::new(arrows.iter().copied());
    let owned = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect();
    let circle = |files: Vec<&str>| Fault::Circle {
        tightest: owned(&graph.tightest(&files)),
        files: owned(&files),
    };
    graph.circles().into_iter().map(circle).collect()
}

fn against_the_floors(from: &str, to: &str) -> Option<Fault> {
    let wrong = floors::wrong(room(from)?, room(to)?)?;
    Some(Fault::Floor { from: from.into(), to: to.into(), wrong })
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, files, arrows, circles, in_circles } = self;
        write!(f, "{name}: {files} files, {arrows} arrows, {circles} circles, ")?;
        write!(f, "{in_circles} files in circles")
    }
}
