//! Workspaces with faults planted in them: each fault is found, and nothing else is.

use super::workspace::Workspace;

/// Files of a workspace, each with its text.
type Files<'a> = &'a [(&'a str, &'a str)];

/// Examines each workspace; what it is about comes first, its faults last.
fn expect(cases: &[(&str, Files<'_>, &[&str])]) {
    for (about, files, expected) in cases {
        let faults = Workspace::planted(files).faults();
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(lines, *expected, "{about}");
    }
}

#[test]
fn a_circle_is_found_behind_re_exports() {
    let circle = "copa-oci: circle of 2 files: a.rs, b/deep.rs; the tightest: ";
    expect(&[
        (
            "a mod.rs hides it: neither file names the other",
            &[
                ("copa-oci/src/lib.rs", "mod a; mod b;"),
                ("copa-oci/src/a.rs", "use crate::b; pub struct A; fn f() { b::make() }"),
                ("copa-oci/src/b/mod.rs", "mod deep; pub(crate) use deep::make;"),
                ("copa-oci/src/b/deep.rs", "use crate::a::A; pub(crate) fn make() {}"),
            ],
            &[&format!("{circle}a.rs -> b/deep.rs -> a.rs")],
        ),
        (
            "a glob of a mod.rs hides it",
            &[
                ("copa-oci/src/lib.rs", "mod a; mod b;"),
                ("copa-oci/src/a.rs", "use crate::b; pub struct A; fn f() { b::make() }"),
                ("copa-oci/src/b/mod.rs", "mod deep; pub(crate) use deep::*;"),
                ("copa-oci/src/b/deep.rs", "use crate::a::A; pub(crate) fn make() {}"),
            ],
            &[&format!("{circle}a.rs -> b/deep.rs -> a.rs")],
        ),
        (
            "lib.rs hides it, and both imports name lib.rs",
            &[
                ("copa-core/src/lib.rs", "mod a; mod b; pub use a::A; pub use b::{B as C};"),
                ("copa-core/src/a.rs", "use crate::C; pub struct A(C);"),
                ("copa-core/src/b.rs", "use crate::A; pub struct B(A);"),
            ],
            &[
                "copa-core: circle of 2 files: a.rs, b.rs; the tightest: a.rs -> b.rs -> a.rs",
                "copa-core: a.rs: crate::C leads through lib.rs to b.rs",
                "copa-core: b.rs: crate::A leads through lib.rs to a.rs",
            ],
        ),
    ]);
}

/// One file imports the other, which has a path back somewhere in its code.
#[test]
fn a_circle_is_found_wherever_the_path_stands() {
    let back = [
        "fn f(a: crate::a::A) -> crate::a::A { a }",
        "fn f() { super::a::f() }",
        "struct B { a: Option<crate::a::A> }",
        "impl From<crate::a::A> for B {}",
        "fn f(x: B) { match x { crate::a::A => {} } }",
        "fn f() { use crate::a::f as g; g() }",
        "fn f() { println!(\"{}\", [crate::a::A]) }",
        "#[with(crate::a::A)] struct B;",
        "macro_rules! m { () => { $crate::a::A } }",
        "mod inner { use super::super::a::A; }",
        "use crate::a::*;",
        // A string may name the module that nothing else here uses.
        "use crate::a;",
        "#[cfg(not(test))] use crate::a::A;",
        "#[cfg(any(unix, test))] use crate::a::A;",
    ];
    for text in back {
        let workspace = Workspace::planted(&[
            ("copa-oci/src/lib.rs", "mod a; mod b;"),
            ("copa-oci/src/a.rs", "use crate::b::B; pub struct A; pub fn f() {}"),
            ("copa-oci/src/b.rs", text),
        ]);
        let numbers = workspace.numbers();
        assert_eq!((numbers[0].circles, numbers[0].in_circles), (1, 2), "{text}");
    }
}

/// One file imports the other, which has a path back that does not count.
#[test]
fn no_circle_is_made_by_what_is_left_out() {
    let back = [
        "#[cfg(test)] mod tests { use crate::a::A; }",
        "#[cfg(any(test, feature = \"fuzz\"))] use crate::a::A;",
        "#[cfg(all(test, unix))] fn f() -> crate::a::A {}",
        "impl B { #[cfg(test)] fn f() -> crate::a::A {} }",
        "#![cfg(test)] use crate::a::A;",
        "/// [`A`](crate::a::A)\nstruct B;",
        "use std::a::A;",
        "use ::a::A;",
        "pub(in crate::a) struct B;",
    ];
    for text in back {
        let files = [
            ("copa-oci/src/lib.rs", "mod a; mod b;"),
            ("copa-oci/src/a.rs", "use crate::b::B; pub struct A;"),
            ("copa-oci/src/b.rs", text),
        ];
        expect(&[(text, &files, &[])]);
    }
}

#[test]
fn what_a_file_takes_from_a_module_around_it_is_no_arrow() {
    expect(&[(
        "a child names its parent and the crate's root, and both name it",
        &[
            ("copa-oci/src/lib.rs", "mod room; pub use room::Room; pub struct Root;"),
            ("copa-oci/src/room/mod.rs", "mod file; use file::File; pub struct Room(File);"),
            ("copa-oci/src/room/file.rs", "use super::Room; use crate::Root; pub struct File;"),
        ],
        &["copa-oci: lib.rs only re-exports, but defines Root"],
    )]);
    let nephew = Workspace::planted(&[
        ("copa-oci/src/lib.rs", "mod a; mod b;"),
        ("copa-oci/src/a/mod.rs", "mod child; pub struct A(child::Child);"),
        ("copa-oci/src/a/child.rs", "pub struct Child(crate::b::B);"),
        ("copa-oci/src/b.rs", "pub struct B(crate::a::A);"),
    ]);
    assert_eq!(nephew.numbers()[0].in_circles, 3, "the parent of another file is no room around");
}

#[test]
fn an_arrow_upward_is_found() {
    expect(&[
        (
            "past a re-export, and from one room to another on its floor",
            &[
                ("copa-pkg/src/lib.rs", "mod effect; mod format; mod repository; mod resolve;"),
                ("copa-pkg/src/effect/mod.rs", "use crate::repository::Index; pub struct E;"),
                ("copa-pkg/src/format/mod.rs", "mod deb; pub(crate) use deb::scan;"),
                ("copa-pkg/src/format/deb.rs", "use crate::resolve::R; pub(crate) fn scan() {}"),
                (
                    "copa-pkg/src/repository/mod.rs",
                    "use crate::format; pub struct Index; fn f() { format::scan() }",
                ),
                ("copa-pkg/src/resolve/mod.rs", "pub struct R(crate::effect::E);"),
            ],
            &[
                "copa-pkg: circle of 4 files: effect/mod.rs, format/deb.rs, repository/mod.rs, \
                 resolve/mod.rs; the tightest: effect/mod.rs -> repository/mod.rs -> \
                 format/deb.rs -> resolve/mod.rs -> effect/mod.rs",
                "copa-pkg: repository/mod.rs -> format/deb.rs: repository stands below format",
                "copa-pkg: resolve/mod.rs -> effect/mod.rs: resolve stands beside effect",
            ],
        ),
        (
            "a room that the table does not have",
            &[
                ("copa-pkg/src/lib.rs", "mod attic; mod error; mod fixture;"),
                ("copa-pkg/src/fixture/mod.rs", "#[cfg(test)] mod root;"),
                ("copa-pkg/src/attic.rs", "use crate::error::Error;"),
                ("copa-pkg/src/error.rs", "pub struct Error;"),
            ],
            &["copa-pkg: the table of floors has no room attic"],
        ),
    ]);
}

#[test]
fn crates_know_only_those_below_them() {
    let core = ("copa-core/src/lib.rs", "pub use copa_oci as oci; pub use copa_pkg as pkg;");
    expect(&[(
        "a crate that names one beside it or above it, or one past its own",
        &[
            core,
            ("copa-oci/src/lib.rs", "mod a; pub use a::A;"),
            ("copa-oci/src/a.rs", "pub struct A(copa_pkg::A);"),
            ("copa-pkg/src/lib.rs", "pub use copa_core::oci::A;"),
            ("copa-cli/src/main.rs", "use copa_core::oci::A; fn main() { ::copa_oci::f() }"),
        ],
        &[
            "copa-cli: main.rs names copa_oci",
            "copa-oci: a.rs names copa_pkg",
            "copa-pkg: lib.rs names copa_core",
        ],
    )]);
}

#[test]
fn an_import_that_names_a_re_export_is_found() {
    let room = [
        ("copa-core/src/lib.rs", "mod a; mod room; pub use {copa_oci as oci, room::Thing, url};"),
        ("copa-core/src/room/mod.rs", "mod file; pub use file::Thing; use std::fmt; mod user;"),
        ("copa-core/src/room/file.rs", "pub struct Thing; pub fn f() {}"),
        ("copa-oci/src/lib.rs", "mod image; pub use image::Image;"),
        ("copa-oci/src/image.rs", "pub struct Image;"),
    ];
    let of_mod = "leads through room/mod.rs to room/file.rs";
    let cases = [
        ("use crate::room::file::Thing;", None),
        ("use crate::oci::Image; use copa_oci::Image as I; use crate::url::Url;", None),
        ("use super::room; fn f() { room::Thing::new() }", None),
        ("use crate::room::Thing;", Some(format!("a.rs: crate::room::Thing {of_mod}"))),
        ("pub use super::room::Thing;", Some(format!("a.rs: super::room::Thing {of_mod}"))),
        ("fn f() -> crate::room::Thing {}", Some(format!("a.rs: crate::room::Thing {of_mod}"))),
        (
            "use crate::{room::file::f, Thing as T};",
            Some("a.rs: crate::Thing leads through lib.rs to room/file.rs".into()),
        ),
    ];
    for (text, expected) in cases {
        let user = [("copa-core/src/a.rs", text), ("copa-core/src/room/user.rs", "")];
        let expected = expected.map(|line| format!("copa-core: {line}"));
        let lines: Vec<_> = expected.as_deref().into_iter().collect();
        expect(&[(text, &[room.as_slice(), &user].concat(), &lines)]);
    }
    let user = [("copa-core/src/a.rs", ""), ("copa-core/src/room/user.rs", "use super::Thing;")];
    let line = format!("copa-core: room/user.rs: super::Thing {of_mod}");
    expect(&[("what a parent imports", &[room.as_slice(), &user].concat(), &[&line])]);
}

#[test]
fn a_file_beside_its_folder_is_found_and_a_root_that_defines() {
    expect(&[(
        "one style of module file, and a lib.rs that only hands on",
        &[
            ("copa-oci/src/lib.rs", "//! Docs.\nmod x; mod y; pub use x::X; fn help() {}"),
            ("copa-oci/src/x.rs", "mod part; pub struct X;"),
            ("copa-oci/src/x/part.rs", ""),
            ("copa-oci/src/xy.rs", ""),
            ("copa-oci/src/y/mod.rs", "pub struct Y;"),
        ],
        &["copa-oci: lib.rs only re-exports, but defines help", "copa-oci: x.rs stands beside x/"],
    )]);
    let workspace = Workspace::planted(&[
        ("copa-oci/src/lib.rs", "mod y;"),
        ("copa-oci/src/y/mod.rs", "pub struct Y; impl Y {} #[cfg(test)] mod tests;"),
    ]);
    let lines: Vec<_> =
        workspace.only_reexports("mod.rs").iter().map(ToString::to_string).collect();
    let defines = "copa-oci: y/mod.rs only re-exports, but defines";
    assert_eq!(lines, [format!("{defines} Y"), format!("{defines} an impl or a call of a macro")]);
}

/// Names that are more than one thing, and imports that would find themselves.
#[test]
fn names_are_looked_up_as_the_compiler_does() {
    let workspace = Workspace::planted(&[
        ("copa-oci/src/lib.rs", "mod a; mod b; mod c;"),
        ("copa-oci/src/a.rs", "use crate::b::renew; fn f() { renew(); renew::Kind::new() }"),
        ("copa-oci/src/b/mod.rs", "mod renew; pub(crate) use renew::renew; mod d;"),
        ("copa-oci/src/b/renew.rs", "pub(crate) fn renew() {} pub(crate) struct Kind;"),
        ("copa-oci/src/b/d/mod.rs", "mod e { use super::super::super::c::C; }"),
        ("copa-oci/src/c.rs", "pub struct C;"),
    ]);
    let numbers = &workspace.numbers()[0];
    // a -> b/renew, b -> b/renew, b/d -> c
    assert_eq!((numbers.files, numbers.arrows, numbers.circles), (6, 3, 0));
}
