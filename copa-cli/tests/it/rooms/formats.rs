//! Which code asks for the package format: only the formats themselves and versions may. Everything
//! else is told by data (`Rules`, tables) or by a method of the package manager.

use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprBinary, File, Item, Macro, Pat, Path};

use super::cfg;
use super::sources::Sources;

/// Where the format may be asked for.
const ALLOWED: [&str; 2] = ["copa-pkg/src/format/", "copa-pkg/src/version/"];
const CRATES: [&str; 4] = ["copa-oci", "copa-pkg", "copa-core", "copa-cli"];

/// The places of one file that ask for a format: `match` arms, comparisons, `matches!`.
#[derive(Default)]
struct Asks(usize);

/// Whether the path names a format, or a version of one format.
fn names_format(path: &Path) -> bool {
    let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
    let of = |kind: &str| names.iter().rev().nth(1).is_some_and(|name| name == kind);
    let format = names.last().is_some_and(|name| matches!(name.as_str(), "Deb" | "Rpm"));
    format && (of("Format") || of("Version"))
}

impl<'ast> Visit<'ast> for Asks {
    fn visit_item(&mut self, item: &'ast Item) {
        if !cfg::left_out(cfg::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_pat(&mut self, pattern: &'ast Pat) {
        self.0 += usize::from(match pattern {
            Pat::Path(path) => names_format(&path.path),
            Pat::TupleStruct(pattern) => names_format(&pattern.path),
            _ => false,
        });
        visit::visit_pat(self, pattern);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let is = |side: &Expr| matches!(side, Expr::Path(path) if names_format(&path.path));
        let compares = matches!(binary.op, BinOp::Eq(_) | BinOp::Ne(_));
        self.0 += usize::from(compares && (is(&binary.left) || is(&binary.right)));
        visit::visit_expr_binary(self, binary);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let text = called.tokens.to_string();
        let asks = called.path.is_ident("matches")
            && ["Format :: ", "Version :: Deb", "Version :: Rpm"]
                .iter()
                .any(|of| text.contains(of));
        self.0 += usize::from(asks);
    }
}

/// The files that ask for a format and may not.
fn asking(sources: &Sources) -> Vec<&str> {
    let asks = |text: &str| {
        let file: File = syn::parse_file(text).unwrap();
        let mut asks = Asks::default();
        asks.visit_file(&file);
        asks.0 > 0
    };
    let is_test = |path: &str| path.contains("/tests/");
    let may = |path: &str| ALLOWED.iter().any(|room| path.starts_with(room)) || is_test(path);
    let files = sources.0.iter().filter(|(path, text)| !may(path) && asks(text));
    files.map(|(path, _)| path.as_str()).collect()
}

#[test]
fn only_formats_and_versions_ask_for_the_format() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    assert_eq!(asking(&Sources::read(root, CRATES)), Vec::<&str>::new());
}

#[test]
fn code_that_asks_for_the_format_is_found() {
    for asks in [
        "fn f(x: Format) { match x { Format::Deb => 1, _ => 2 }; }",
        "fn f(x: Format) -> bool { x == Format::Rpm }",
        "fn f(x: Format) -> bool { crate::version::format::Format::Rpm != x }",
        "fn f(x: &Version) -> bool { matches!(x, Version::Rpm(_)) }",
        "fn f(x: &Version) { if let Version::Deb(deb) = x { } }",
    ] {
        let planted = [("copa-core/src/a.rs", asks), ("copa-pkg/src/format/b.rs", asks)];
        assert_eq!(asking(&Sources::planted(&planted)), ["copa-core/src/a.rs"], "{asks}");
    }
    let data = "const ROW: Row = Row { format: Format::Deb };\n\
                #[cfg(test)] mod tests { fn f(x: Format) -> bool { x == Format::Deb } }";
    assert!(asking(&Sources::planted(&[("copa-pkg/src/distro/table.rs", data)])).is_empty());
}
