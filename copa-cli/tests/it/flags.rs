//! The libraries name no flag: whoever uses them is told such things in another way.

use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use crate::lab::{must, workspace};

/// Collects the string literals of code that is no test.
#[derive(Default)]
struct Strings(Vec<String>);

impl Strings {
    fn of(source: &str) -> Self {
        let mut strings = Self::default();
        strings.visit_file(&syn::parse_file(source).unwrap());
        strings
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && list.is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

impl<'ast> Visit<'ast> for Strings {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push(literal.value());
    }

    /// Takes the whole text of a macro call: `format!` builds messages.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.0.push(call.tokens.to_string());
    }
}

/// The flags in a text: `--` and letters behind it.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    words.filter(|word| {
        word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_lowercase))
    })
}

/// All flags of `copa patch`. The effects of scripts know some of other programs, which are no
/// concern of this test.
fn own_flags() -> Vec<String> {
    let help = must(env!("CARGO_BIN_EXE_copa"), ["patch", "--help"]).stdout;
    let all = flags(&help).filter(|flag| !["--help", "--version"].contains(flag));
    let all: Vec<String> = all.map(str::to_owned).collect();
    assert!(all.len() > 20, "{help}");
    all
}

/// The sources below a folder, those of tests left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        match path.is_dir() {
            true if name != "tests" => found.extend(sources(&path)),
            false if name.ends_with(".rs") && name != "tests.rs" => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn no_library_names_a_flag() {
    let own = own_flags();
    let is_own = |text: &&String| flags(text).any(|flag| own.iter().any(|own| own == flag));
    let mut read = 0;
    for library in ["copa-core", "copa-oci", "copa-pkg"] {
        for path in sources(&workspace().join(library).join("src")) {
            let strings = Strings::of(&fs::read_to_string(&path).unwrap()).0;
            assert_eq!(strings.iter().find(is_own), None, "{}", path.display());
            read += strings.len();
        }
    }
    assert!(read > 500, "{read} literals");
}

#[test]
fn flags_are_found_where_they_stand() {
    let source = r#"
        #[doc = "--in-documentation"]
        fn f() -> String { g("--mirror NAME=URL"); format!("see {}", "the flag --os") }
        #[cfg(test)] mod tests { fn f() { g("--in-a-test") } }
    "#;
    let strings = Strings::of(source).0;
    let found: Vec<&str> = strings.iter().flat_map(|text| flags(text)).collect();
    assert_eq!(found, ["--mirror", "--os"]);
    assert_eq!(flags("a -- b, a--, x = -1").count(), 0);
}
