//! This file finds items that the compiler leaves out of a library: tests and fuzzing hooks.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, MetaList, MetaNameValue, Token};

/// Whether an attribute `cfg` leaves this out of a build that is no test and is not fuzzed.
pub(super) fn left_out(attributes: &[Attribute]) -> bool {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.filter_map(|cfg| cfg.parse_args().ok()).any(|meta| holds(&meta) == Some(false))
}

/// Whether a condition holds; `None` when it depends on the machine.
fn holds(condition: &Meta) -> Option<bool> {
    match condition {
        Meta::Path(path) => path.is_ident("test").then_some(false),
        Meta::NameValue(pair) => asks_for_fuzz(pair).then_some(false),
        Meta::List(list) => combined(list),
    }
}

fn asks_for_fuzz(pair: &MetaNameValue) -> bool {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return false };
    pair.path.is_ident("feature") && text.value() == "fuzz"
}

/// `not(..)`, `all(..)` and `any(..)`.
fn combined(list: &MetaList) -> Option<bool> {
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let parts: Vec<_> = parts.iter().map(holds).collect();
    if list.path.is_ident("not") {
        return parts.first()?.map(|held| !held);
    }
    // One part decides: a false one of `all`, a true one of `any`.
    let decides = list.path.is_ident("any");
    if parts.contains(&Some(decides)) {
        return Some(decides);
    }
    (!parts.contains(&None)).then_some(!decides)
}

/// The attributes of an item, whatever it is.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
