//! Whether the sources keep their order: no circle of files, and every arrow leads downward.
//!
//! ```text
//! sources -> tree (modules, what they mention) -> resolve -> arrows -> circles, floors -> faults
//!                                                    |
//!                                                    +-> paths that name a re-export
//! ```
//!
//! An arrow leads from a file to the file that **defines** what it names: in a `use`, and in every
//! path of its code. Re-exports are followed, so that no `lib.rs` or `mod.rs` hides an arrow. What
//! a file takes from a module around it is no arrow: they are one room. Tests and fuzz targets are
//! left out, because they may look into everything.

mod arrows;
mod cfg;
mod faults;
mod floors;
mod formats;
mod graph;
mod mentions;
mod planted;
mod resolve;
mod sources;
mod tree;
mod workspace;

use std::collections::BTreeMap;
use std::path::Path;

use self::workspace::Workspace;

/// The workspace that this test is a part of.
fn here() -> Workspace {
    Workspace::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
}

#[test]
fn the_workspace_keeps_its_floors() {
    let faults = here().faults();
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} faults:\n{}", lines.len(), lines.join("\n"));
}

/// Prints how entangled the crates are; `--nocapture` shows it.
#[test]
fn the_workspace_in_numbers() {
    let workspace = here();
    let numbers = workspace.numbers();
    assert_eq!(numbers.len(), 4, "one line for each crate");
    for line in &numbers {
        assert!(line.files > 1, "{line}");
        println!("{line}");
    }
    let mut kinds = BTreeMap::<_, usize>::new();
    for fault in workspace.faults() {
        *kinds.entry(fault.kind()).or_default() += 1;
    }
    println!("faults by kind: {kinds:?}");
    // No rule yet: a room may define in its `mod.rs` what all of it shares.
    let definitions = workspace.only_reexports("mod.rs");
    println!("{} definitions in files mod.rs", definitions.len());
    definitions.iter().for_each(|definition| println!("  {definition}"));
}
