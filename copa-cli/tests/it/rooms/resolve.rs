//! Where the thing that a path names is defined, whatever re-exports are on the way.

use super::mentions::Path;
use super::tree::{Binding, Id, Tree};

/// The item that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A module: naming it takes nothing from it yet.
    Module(Id),
    /// Something that this module defines.
    Item(Id),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) target: Target,
    /// The first module on the way that has the name by an import and not by a definition.
    pub(super) through: Option<Id>,
}

impl Found {
    fn direct(target: Target) -> Self {
        Self { target, through: None }
    }
}

/// Looks paths up as the compiler does, without its three name spaces: a name that stands for a
/// module and for a function finds both.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    tree: &'a Tree,
    /// The imports that are being followed. An import is not followed again to find itself: `mod
    /// renew; use renew::renew;` is no endless loop.
    open: Vec<(Id, &'a Path)>,
}

impl<'a> Resolver<'a> {
    /// Resolves a path from inside a module. It gives nothing when the path leaves the workspace.
    pub(super) fn find(tree: &'a Tree, at: Id, path: &[String]) -> Vec<Found> {
        Resolver { tree, open: Vec::new() }.path(at, path)
    }

    fn path(&mut self, at: Id, path: &[String]) -> Vec<Found> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        match first.as_str() {
            "crate" => self.walk(self.tree.modules[at].root, rest),
            "self" => self.walk(at, rest),
            "super" => self.tree.modules[at].parent.map_or(vec![], |up| self.walk(up, rest)),
            "::" => rest.split_first().map_or(vec![], |(name, rest)| self.of_crate(name, rest)),
            name => {
                // An import of the module itself is what it is there for.
                let own = self.inside(at, name).into_iter();
                let own: Vec<_> = own.map(|found| Found { through: None, ..found }).collect();
                if own.is_empty() { self.of_crate(name, rest) } else { self.onward(&own, rest) }
            }
        }
    }

    fn of_crate(&mut self, name: &str, rest: &[String]) -> Vec<Found> {
        self.tree.crates.get(name).map_or(vec![], |root| self.walk(*root, rest))
    }

    fn walk(&mut self, module: Id, rest: &[String]) -> Vec<Found> {
        let Some((name, rest)) = rest.split_first() else {
            return vec![Found::direct(Target::Module(module))];
        };
        if name == "super" {
            return self.tree.modules[module].parent.map_or(vec![], |up| self.walk(up, rest));
        }
        let found = self.inside(module, name);
        if found.is_empty() {
            // A macro makes it here, or it comes from outside by way of this module.
            return vec![Found::direct(Target::Item(module))];
        }
        self.onward(&found, rest)
    }

    /// Goes the rest of a path. What is no module is the end: a variant, or a method of a type.
    fn onward(&mut self, found: &[Found], rest: &[String]) -> Vec<Found> {
        if rest.is_empty() {
            return found.to_vec();
        }
        let mut deeper = Vec::new();
        for found in found {
            let Target::Module(module) = found.target else { continue };
            let inner = self.walk(module, rest).into_iter();
            deeper.extend(inner.map(|end| Found { through: found.through.or(end.through), ..end }));
        }
        if deeper.is_empty() { found.to_vec() } else { deeper }
    }

    /// Looks up a name in a module: first definitions, then imports, then glob imports.
    fn inside(&mut self, module: Id, name: &str) -> Vec<Found> {
        let mut found = Vec::new();
        let at = &self.tree.modules[module];
        for binding in at.names.get(name).into_iter().flatten() {
            match binding {
                Binding::Module(id) => found.push(Found::direct(Target::Module(*id))),
                Binding::Item => found.push(Found::direct(Target::Item(module))),
                Binding::Import(path) => found.extend(self.follow(module, path)),
            }
        }
        if found.is_empty() {
            let globs = at.globs.iter();
            found = globs.flat_map(|glob| self.below_glob(module, glob, name)).collect();
        }
        found
    }

    fn below_glob(&mut self, module: Id, glob: &'a Path, name: &str) -> Vec<Found> {
        let mut found = Vec::new();
        for below in self.follow(module, glob) {
            let Target::Module(id) = below.target else { continue };
            found.extend(self.inside(id, name));
        }
        found.into_iter().map(|found| Found { through: Some(module), ..found }).collect()
    }

    fn follow(&mut self, module: Id, path: &'a Path) -> Vec<Found> {
        if self.open.contains(&(module, path)) {
            return Vec::new();
        }
        self.open.push((module, path));
        let found = self.path(module, path);
        self.open.pop();
        found.into_iter().map(|found| Found { through: Some(module), ..found }).collect()
    }
}
