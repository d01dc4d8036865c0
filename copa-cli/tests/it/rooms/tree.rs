//! The modules of the workspace: what each defines, what it imports, what it mentions.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;
use syn::visit::Visit;

use super::cfg::{attributes, left_out};
use super::mentions::{Import, ImportKind, Mentions, Path};
use super::sources::Sources;

/// A module in [`Tree::modules`].
pub(super) type Id = usize;

/// What a name of a module stands for. A type, a function and a module may share one name.
#[derive(Debug)]
pub(super) enum Binding {
    Module(Id),
    Item,
    Import(Path),
}

#[derive(Debug)]
pub(super) struct Module {
    /// The file that the module is in; modules that are written inside a file share it.
    pub(super) file: String,
    pub(super) parent: Option<Id>,
    /// The module that the crate begins with.
    pub(super) root: Id,
    pub(super) names: BTreeMap<String, Vec<Binding>>,
    pub(super) globs: Vec<Path>,
    pub(super) imports: Vec<Import>,
    pub(super) paths: BTreeSet<Path>,
    /// What the module defines itself, modules and imports left out.
    pub(super) definitions: Vec<String>,
    /// The folder that files of modules inside this one are in.
    folder: String,
}

/// All modules of all crates, as the compiler sees them when it builds no test.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// The name of a crate in paths -> the module that it begins with.
    pub(super) crates: BTreeMap<String, Id>,
}

impl Tree {
    /// Follows the `mod` lines of each crate from the file that it begins with.
    pub(super) fn grow(sources: &Sources, crates: impl IntoIterator<Item = &'static str>) -> Self {
        let mut tree = Self::default();
        for name in crates {
            let Some(file) = sources.root_of(name) else { continue };
            let id = tree.file(sources, file, None).expect("a crate is no test");
            tree.crates.insert(name.replace('-', "_"), id);
        }
        tree
    }

    /// The modules around a module, from the nearest one.
    pub(super) fn around(&self, id: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(self.modules[id].parent, |id| self.modules[*id].parent)
    }

    /// The modules of one crate.
    pub(super) fn of_crate(&self, root: Id) -> impl Iterator<Item = (Id, &Module)> {
        self.modules.iter().enumerate().filter(move |(_, module)| module.root == root)
    }

    fn file(&mut self, sources: &Sources, path: String, parent: Option<Id>) -> Option<Id> {
        let parsed = syn::parse_file(&sources.0[&path]);
        let parsed = parsed.unwrap_or_else(|error| panic!("{path}: {error}"));
        if left_out(&parsed.attrs) {
            return None;
        }
        let folder = folder_of(&path);
        let id = self.module(path, folder, parent);
        self.items(sources, id, &parsed.items);
        Some(id)
    }

    fn module(&mut self, file: String, folder: String, parent: Option<Id>) -> Id {
        let id = self.modules.len();
        let root = parent.map_or(id, |parent| self.modules[parent].root);
        self.modules.push(Module {
            file,
            parent,
            root,
            names: BTreeMap::new(),
            globs: Vec::new(),
            imports: Vec::new(),
            paths: BTreeSet::new(),
            definitions: Vec::new(),
            folder,
        });
        id
    }

    fn items(&mut self, sources: &Sources, id: Id, items: &[Item]) {
        let mut mentions = Mentions::default();
        for item in items.iter().filter(|item| !left_out(attributes(item))) {
            mentions.visit_item(item);
            match item {
                Item::Mod(module) => self.child(sources, id, module),
                Item::Use(_) | Item::ExternCrate(_) => {}
                _ => self.define(id, item),
            }
        }
        self.modules[id].paths = mentions.paths;
        for import in &mentions.imports {
            match &import.kind {
                ImportKind::Glob => self.modules[id].globs.push(import.path.clone()),
                ImportKind::Named(name) => {
                    self.bind(id, name.clone(), Binding::Import(import.path.clone()));
                }
            }
        }
        self.modules[id].imports = mentions.imports;
    }

    /// Adds a module inside another: its items stand in the same file or in one of its own.
    fn child(&mut self, sources: &Sources, parent: Id, module: &syn::ItemMod) {
        let name = module.ident.to_string();
        if name == "tests" {
            return;
        }
        let folder = format!("{}/{name}", self.modules[parent].folder);
        let id = if let Some((_, items)) = &module.content {
            let id = self.module(self.modules[parent].file.clone(), folder, Some(parent));
            self.items(sources, id, items);
            Some(id)
        } else {
            let mut places = [format!("{folder}.rs"), format!("{folder}/mod.rs")].into_iter();
            let place = places.find(|path| sources.0.contains_key(path));
            self.file(sources, place.unwrap_or_else(|| panic!("{folder}: no file")), Some(parent))
        };
        if let Some(id) = id {
            self.bind(parent, name, Binding::Module(id));
        }
    }

    fn define(&mut self, id: Id, item: &Item) {
        let name = name_of(item);
        let shown = name.clone().unwrap_or_else(|| "an impl or a call of a macro".into());
        self.modules[id].definitions.push(shown);
        if let Some(name) = name {
            self.bind(id, name, Binding::Item);
        }
    }

    fn bind(&mut self, id: Id, name: String, binding: Binding) {
        self.modules[id].names.entry(name).or_default().push(binding);
    }
}

/// Where the files of modules inside the module of a file are: `a/mod.rs` and `a.rs` have `a`.
fn folder_of(file: &str) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.into(),
        _ => file.trim_end_matches(".rs").into(),
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
