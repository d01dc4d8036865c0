//! 4: the original layers stay where and what they are, and are not carried around.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::copa::{Copa, Packages};
use crate::lab::{self, BOOKWORM, Server, need, oci, rpm_images};

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

/// Things of a configuration that copa knows nothing of, or does not touch.
const CONFIG: &str = r#"{"config": {"Healthcheck": {"Test": ["NONE"]}, "Labels": {"b": "2", "a": "1"}},
    "os.version": "1.2", "x-unknown": {"kept": [1.0, null]}}"#;

#[test]
fn a_debian_image_gets_one_layer_and_keeps_the_rest() {
    need!();
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    lab::build_images(BOOKWORM, &images, &["--pick=old", "--config", CONFIG]);
    one_layer_is_added_and_the_rest_kept(&images, "base-old", Copa::bookworm);
}

#[test]
fn an_rpm_image_gets_one_layer_and_keeps_the_rest() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    let layer = r#"[{"write": "/app", "text": "x"}]"#;
    let options = ["--db=both,manifest", "--pick=old", "--config", CONFIG, "--layer", layer];
    lab::build_rpm_images(&images, &options);
    for tag in ["both-old", "manifest-old"] {
        one_layer_is_added_and_the_rest_kept(&images, tag, Copa::rpms);
    }
}

fn one_layer_is_added_and_the_rest_kept(images: &Path, tag: &str, packages: Packages) {
    let scratch = TempDir::new().unwrap();
    let out = scratch.path().join("out");
    let copa = packages(Copa::patch(scratch.path(), &oci(images, tag)));
    copa.args(["--to", &oci(&out, "patched")]).run().exits(0);
    let (before, mut old) = documents(images, tag);
    let (mut after, mut new) = documents(&out, "patched");
    let (base, layers) = (digests(&before), digests(&after));
    assert!(base.len() > 1, "{before}");
    assert_eq!(layers[..layers.len() - 1], base);
    for digest in &base {
        let bytes = |layout: &Path| fs::read(layout.join("blobs").join(digest.replace(':', "/")));
        assert!(bytes(&out).unwrap() == bytes(images).unwrap(), "{digest} is another");
    }
    without_the_last(&mut after, &["/layers"]);
    after["config"] = before["config"].clone();
    after.as_object_mut().unwrap().remove("annotations");
    assert_eq!(after.to_string(), before.to_string());
    without_the_last(&mut new, &["/rootfs/diff_ids", "/history"]);
    for document in [&mut old, &mut new] {
        document.as_object_mut().unwrap().remove("created");
        let labels = document.pointer_mut("/config/Labels").unwrap().as_object_mut().unwrap();
        labels.retain(|name, _| ["a", "b"].contains(&name.as_str()));
    }
    assert_eq!(new.to_string(), old.to_string());
}

/// Takes away the last entry of each of these lists.
fn without_the_last(document: &mut Value, lists: &[&str]) {
    for list in lists {
        let added = document.pointer_mut(list).unwrap().as_array_mut().unwrap().pop();
        assert!(added.is_some(), "{list}");
    }
}

/// The requests that a registry has answered since a moment.
fn requests(log: &str, since: usize) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    let lines = text[since..].lines().filter_map(|line| line.split('"').nth(1));
    lines.map(str::to_owned).collect()
}

#[test]
fn layers_of_a_debian_image_are_read_once_and_never_written() {
    need!("docker-registry");
    let rebuilt = oci(BOOKWORM.images(), "base-new");
    base_layers_stay(BOOKWORM.images(), "base-old", Copa::bookworm, |copy| {
        lab::verify(copy, "amd64", Some(&rebuilt));
    });
}

#[test]
fn layers_of_an_rpm_image_are_read_once_and_never_written() {
    need!("docker-registry", "rpm", "rpmbuild", "createrepo_c");
    let image = oci(rpm_images(), "both-old");
    base_layers_stay(rpm_images(), "both-old", Copa::rpms, |copy| {
        lab::lab(["rpm-verify", copy, "--before", &image]).exits(0);
    });
}

/// Patches inside a registry, to another tag and to another repository.
fn base_layers_stay(layout: &Path, tag: &str, packages: Packages, sound: impl Fn(&str)) {
    let scratch = TempDir::new().unwrap();
    let registry = Server::registry("plain", &scratch.path().join("registry"));
    let app = format!("{}/team/app", registry.get("host"));
    lab::lab(["push", &oci(layout, tag), &format!("{app}:1")]).exits(0);
    let base = digests(&documents(layout, tag).0);
    for target in [format!("{app}:1-patched"), format!("{}/other/app:1", registry.get("host"))] {
        let since = fs::metadata(registry.get("log")).unwrap().len() as usize;
        let copa = packages(Copa::patch(scratch.path(), &format!("{app}:1")));
        copa.args(["--no-cache", "-t", &target, "--push"]).run().exits(0);
        let seen = requests(registry.get("log"), since);
        base.iter().for_each(|digest| is_read_once_and_never_written(digest, &seen));
        let copy = oci(&scratch.path().join("copy"), "it");
        let source = format!("docker://{target}");
        lab::must("skopeo", ["copy", "-q", "--src-tls-verify=false", &source, &copy]);
        sound(&copy);
    }
}

fn is_read_once_and_never_written(digest: &str, seen: &[String]) {
    let (name, encoded) = (format!("/blobs/{digest}"), digest.replace(':', "%3A"));
    let reads = seen.iter().filter(|r| r.starts_with("GET ") && r.contains(&name)).count();
    assert_eq!(reads, 1, "{digest}: {seen:#?}");
    let is_written =
        |r: &&String| r.starts_with("PUT ") && (r.contains(digest) || r.contains(&encoded));
    assert_eq!(seen.iter().find(is_written), None, "{digest} was uploaded");
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
