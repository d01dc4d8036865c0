//! 6: the same input gives the same bytes.

use tempfile::TempDir;

use crate::copa::{Copa, Packages};
use crate::lab::{self, BOOKWORM, Server, must, need, oci, rpm_images};

/// The digest of the patched image. The clock goes on between the runs, and must not be seen.
fn patched(image: &str, packages: Packages, extra: &[&str]) -> String {
    let scratch = TempDir::new().unwrap();
    let mut copa = packages(Copa::patch(scratch.path(), image)).args(extra);
    copa.0.env_remove("SOURCE_DATE_EPOCH");
    let out = oci(&scratch.path().join("out"), "patched");
    let said = copa.args(["--json", "--to", &out]).run().exits(0).json();
    assert_eq!(said["changed"], true, "{said}");
    said["written"][0]["digest"].as_str().unwrap().to_owned()
}

fn jobs_and_repetition_change_nothing(image: &str, packages: Packages) {
    let first = patched(image, packages, &["--jobs", "8"]);
    assert_eq!(patched(image, packages, &["--jobs", "8", "--no-cache"]), first);
    assert_eq!(patched(image, packages, &["--jobs", "1"]), first);
}

#[test]
fn a_debian_image_is_patched_to_the_same_digest_again() {
    need!();
    jobs_and_repetition_change_nothing(&oci(BOOKWORM.images(), "python3-old"), Copa::bookworm);
}

#[test]
fn an_rpm_image_is_patched_to_the_same_digest_again() {
    need!("rpm", "rpmbuild", "createrepo_c");
    jobs_and_repetition_change_nothing(&oci(rpm_images(), "both-old"), Copa::rpms);
}

/// Only a registry gives an image a name; when it is said, nothing tells where the image was.
fn the_place_changes_nothing(image: &str, packages: Packages) {
    let scratch = TempDir::new().unwrap();
    let registry = Server::registry("plain", &scratch.path().join("registry"));
    let pushed = format!("{}/app:1", registry.get("host"));
    lab::lab(["push", image, &pushed]).exits(0);
    let archive = format!("oci-archive:{}:1", scratch.path().join("image.tar").display());
    must("skopeo", ["copy", "-q", "--preserve-digests", image, &archive]);
    let name = ["--base-name", "registry.example/app:1"];
    let digest = patched(image, packages, &name);
    assert_eq!(patched(&pushed, packages, &name), digest, "from a registry");
    assert_eq!(patched(&archive, packages, &name), digest, "from an archive");
    assert_ne!(patched(&pushed, packages, &[]), digest, "under the name of the registry");
}

#[test]
fn a_debian_image_is_patched_to_the_same_digest_wherever_it_is() {
    need!("docker-registry");
    the_place_changes_nothing(&oci(BOOKWORM.images(), "base-old"), Copa::bookworm);
}

#[test]
fn an_rpm_image_is_patched_to_the_same_digest_wherever_it_is() {
    need!("docker-registry", "rpm", "rpmbuild", "createrepo_c");
    the_place_changes_nothing(&oci(rpm_images(), "both-old"), Copa::rpms);
}
