//! 4: the original layers stay where and what they are, and are not carried around.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, BOOKWORM, Server, need, oci};

fn blob(layout: &Path, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
    serde_json::from_slice(&fs::read(layout.join("blobs").join(digest)).unwrap()).unwrap()
}

/// The manifest and the configuration of an image in a layout.
pub(crate) fn documents(layout: &Path, tag: &str) -> (Value, Value) {
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let named = |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == tag;
    let entry = index["manifests"].as_array().unwrap().iter().find(named).unwrap();
    let manifest = blob(layout, entry);
    let config = blob(layout, &manifest["config"]);
    (manifest, config)
}

fn digests(manifest: &Value) -> Vec<String> {
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_layer_is_added_and_the_configuration_kept() {
    need!();
    let scratch = TempDir::new().unwrap();
    let (images, out) = (scratch.path().join("images"), scratch.path().join("out"));
    let config = r#"{"config": {"Healthcheck": {"Test": ["NONE"]}, "Labels": {"b": "2", "a": "1"}},
        "os.version": "1.2", "x-unknown": {"kept": [1.0, null]}}"#;
    lab::build_images(BOOKWORM, &images, &["--pick=old", "--config", config]);
    let copa = Copa::patch(scratch.path(), &oci(&images, "base-old")).mirror(BOOKWORM.mirror());
    copa.args(["--to", &oci(&out, "patched")]).run().exits(0);

    let (before, mut old) = documents(&images, "base-old");
    let (after, mut new) = documents(&out, "patched");
    let (base, layers) = (digests(&before), digests(&after));
    assert_eq!(layers[..layers.len() - 1], base);
    for list in ["/rootfs/diff_ids", "/history"] {
        let added = new.pointer_mut(list).unwrap().as_array_mut().unwrap().pop();
        assert!(added.is_some(), "{list}");
    }
    for document in [&mut old, &mut new] {
        document.as_object_mut().unwrap().remove("created");
        let labels = document.pointer_mut("/config/Labels").unwrap().as_object_mut().unwrap();
        labels.retain(|name, _| ["a", "b"].contains(&name.as_str()));
    }
    assert_eq!(serde_json::to_string(&new).unwrap(), serde_json::to_string(&old).unwrap());
    assert_eq!(after["mediaType"], before["mediaType"]);
}

/// The requests that a registry has answered since a moment.
fn requests(log: &str, since: usize) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    let lines = text[since..].lines().filter_map(|line| line.split('"').nth(1));
    lines.map(str::to_owned).collect()
}

#[test]
fn base_layers_are_read_once_and_never_written() {
    need!("docker-registry");
    let scratch = TempDir::new().unwrap();
    let registry = Server::registry("plain", &scratch.path().join("registry"));
    let app = format!("{}/team/app", registry.get("host"));
    lab::lab(["push", &oci(BOOKWORM.images(), "base-old"), &format!("{app}:1")]).exits(0);
    let base = digests(&documents(BOOKWORM.images(), "base-old").0);

    for target in [format!("{app}:1-patched"), format!("{}/other/app:1", registry.get("host"))] {
        let since = fs::metadata(registry.get("log")).unwrap().len() as usize;
        let copa = Copa::patch(scratch.path(), &format!("{app}:1")).mirror(BOOKWORM.mirror());
        copa.args(["--no-cache", "-t", &target, "--push"]).run().exits(0);
        let seen = requests(registry.get("log"), since);
        for digest in &base {
            let (name, encoded) = (format!("/blobs/{digest}"), digest.replace(':', "%3A"));
            let reads = seen.iter().filter(|r| r.starts_with("GET ") && r.contains(&name)).count();
            assert!(reads <= 1, "{digest} was read {reads} times: {seen:#?}");
            let written =
                |r: &&String| r.starts_with("PUT ") && (r.contains(digest) || r.contains(&encoded));
            assert_eq!(seen.iter().find(written), None, "{digest} was uploaded");
        }
        let copy = oci(&scratch.path().join("copy"), "it");
        let source = format!("docker://{target}");
        lab::must("skopeo", ["copy", "-q", "--src-tls-verify=false", &source, &copy]);
        lab::verify(&copy, "amd64", Some(&oci(BOOKWORM.images(), "base-new")));
    }
}

/// A Docker manifest list in a registry with TLS and tokens: the platform asked for is patched.
#[test]
fn a_platform_of_an_index_is_patched_behind_a_login() {
    need!("docker-registry", "openssl");
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    lab::build_images(
        BOOKWORM,
        &images,
        &["--arch=amd64,arm64", "--pick=old,new", "--media=docker"],
    );
    for mode in ["basic", "token"] {
        let mirror = lab::BOOKWORM_ARM.mirror();
        let registry = Server::registry(mode, &scratch.path().join(mode));
        let (host, auth) = (registry.get("host"), registry.get("auth"));
        let (source, target) = (format!("{host}/app:1"), format!("{host}/app:2"));
        lab::lab(["push", &oci(&images, "base-old"), &source, "--auth", auth]).exits(0);
        let copa = Copa::patch(scratch.path(), &source).mirror(mirror);
        let login = ["--authfile", auth, "--ca-file", registry.get("ca")];
        copa.args(login).args(["--platform", "linux/arm64", "-t", "2", "--push"]).run().exits(0);
        let copy = oci(&scratch.path().join(format!("copy-{mode}")), "it");
        let skopeo = ["copy", "-q", "--src-tls-verify=false", "--src-authfile", auth];
        let platform = ["--override-arch=arm64", "--override-variant=v8"];
        let what = [format!("docker://{target}"), copy.clone()];
        lab::must("skopeo", skopeo.iter().chain(&platform).map(|s| (*s).to_owned()).chain(what));
        lab::verify(&copy, "arm64", Some(&oci(&images, "base-new")));
    }
}
