//! 6: the same input gives the same bytes.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, BOOKWORM, Server, need, oci};
use crate::layers::documents;

fn patched(image: &str, extra: &[&str]) -> (Value, Value) {
    let scratch = TempDir::new().unwrap();
    let out = scratch.path().join("out");
    let copa = Copa::patch(scratch.path(), image).mirror(BOOKWORM.mirror());
    copa.args(["--to", &oci(&out, "patched")]).args(extra).run().exits(0);
    documents(&out, "patched")
}

fn registry_with(scratch: &Path, image: &str) -> (Server, String) {
    let registry = Server::registry("plain", &scratch.join("registry"));
    let name = format!("{}/app:1", registry.get("host"));
    lab::lab(["push", image, &name]).exits(0);
    (registry, name)
}

#[test]
fn jobs_and_repetition_change_nothing() {
    need!();
    let image = oci(BOOKWORM.images(), "python3-old");
    let first = patched(&image, &["--jobs", "8"]);
    assert_eq!(patched(&image, &["--jobs", "8", "--no-cache"]), first);
    assert_eq!(patched(&image, &["--jobs", "1"]), first);
}

/// From elsewhere, only the name of the base image differs.
#[test]
fn a_registry_gives_the_same_layers_as_a_layout() {
    need!("docker-registry");
    let scratch = TempDir::new().unwrap();
    let image = oci(BOOKWORM.images(), "base-old");
    let (_registry, name) = registry_with(scratch.path(), &image);
    let (layout, _) = patched(&image, &[]);
    let (registry, _) = patched(&name, &[]);
    assert_eq!(layout["layers"], registry["layers"]);
}
