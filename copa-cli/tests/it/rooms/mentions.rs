//! The names that an item mentions: its imports, and the paths in its code.

use std::collections::BTreeSet;

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Arm, Attribute, Field, ImplItemFn, Item, ItemUse, Local, Macro, Meta, UseTree, Variant};
use syn::{VisRestricted, Visibility};

use super::cfg::{attributes, left_out};

/// A path as it is written, segment by segment. The first is `::` when the path begins with it.
pub(super) type Path = Vec<String>;

/// One name that a `use` brings in; a `use` of a group has one for each.
#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) path: Path,
    pub(super) kind: ImportKind,
    /// Whether the name is handed on: `pub use`, `pub(crate) use` and the like.
    pub(super) handed_on: bool,
}

#[derive(Debug, Clone)]
pub(super) enum ImportKind {
    /// The name is known in the module by this name.
    Named(String),
    /// `use path::*`
    Glob,
}

/// Collects the paths that items mention. Code that the compiler leaves out is not read.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub(super) imports: Vec<Import>,
    pub(super) paths: BTreeSet<Path>,
}

impl Mentions {
    /// Adds one path of a tree of imports for each of its leaves.
    fn import(&mut self, tree: &UseTree, mut path: Path, handed_on: bool) {
        let (last, name) = match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.import(&step.tree, path, handed_on);
            }
            UseTree::Group(group) => {
                let mut one = |tree| self.import(tree, path.clone(), handed_on);
                return group.items.iter().for_each(&mut one);
            }
            UseTree::Glob(_) => {
                return self.imports.push(Import { path, kind: ImportKind::Glob, handed_on });
            }
            UseTree::Name(leaf) => (leaf.ident.to_string(), None),
            UseTree::Rename(leaf) => (leaf.ident.to_string(), Some(leaf.rename.to_string())),
        };
        // `path::{self}` is the path itself.
        if last != "self" || path.is_empty() {
            path.push(last);
        }
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        self.imports.push(Import { path, kind: ImportKind::Named(name), handed_on });
    }

    /// Adds the paths among the tokens of a macro, which have no other structure yet.
    fn tokens(&mut self, mut cursor: Cursor<'_>) {
        while !cursor.eof() {
            cursor = if let Some((inside, _, _, after)) = cursor.any_group() {
                self.tokens(inside);
                after
            } else if let Some((path, after)) = path_at(cursor) {
                // One name alone may be a variable.
                if path.len() > 1 {
                    self.paths.insert(path);
                }
                after
            } else if let Some((_, after)) = cursor.token_tree() {
                after
            } else {
                return;
            };
        }
    }
}

fn path_at(cursor: Cursor<'_>) -> Option<(Path, Cursor<'_>)> {
    let (first, mut cursor) = cursor.ident()?;
    let mut path = vec![first.to_string()];
    while let Some((next, after)) = colons(cursor).and_then(Cursor::ident) {
        path.push(next.to_string());
        cursor = after;
    }
    Some((path, cursor))
}

fn colons(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, after) = cursor.punct()?;
    let (second, end) = after.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(end)
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        // A module is not a part of the module that it is in: it has names of its own.
        if !matches!(item, Item::Mod(_)) && !left_out(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let start = item.leading_colon.map(|_| "::".to_owned()).into_iter().collect();
        self.import(&item.tree, start, !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let start = path.leading_colon.map(|_| "::".to_owned());
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        self.paths.insert(start.into_iter().chain(names).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.tokens(TokenBuffer::new2(call.tokens.clone()).begin());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(TokenBuffer::new2(list.tokens.clone()).begin());
        }
    }

    /// `pub(in path)` names a module around this one, and takes nothing from it.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !left_out(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !left_out(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast Variant) {
        if !left_out(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if !left_out(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !left_out(&local.attrs) {
            visit::visit_local(self, local);
        }
    }
}
