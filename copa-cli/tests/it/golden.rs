//! 1: a patched image is, file by file, what rebuilding it with the new packages gives.

use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, BOOKWORM, BOOKWORM_ARM, Platform, TRIXIE, TRIXIE_ARM, need, oci};

const FLAVOURS: [&str; 4] = ["static", "base", "cc", "python3"];

#[test]
fn bookworm_amd64_is_as_rebuilt() {
    every_flavour_is_as_rebuilt(BOOKWORM);
}

#[test]
fn bookworm_arm64_is_as_rebuilt() {
    every_flavour_is_as_rebuilt(BOOKWORM_ARM);
}

#[test]
fn trixie_amd64_is_as_rebuilt() {
    every_flavour_is_as_rebuilt(TRIXIE);
}

#[test]
fn trixie_arm64_is_as_rebuilt() {
    every_flavour_is_as_rebuilt(TRIXIE_ARM);
}

fn every_flavour_is_as_rebuilt(platform: Platform) {
    need!();
    for flavour in FLAVOURS {
        for pick in ["old", "main"] {
            is_as_rebuilt(platform, flavour, pick);
        }
    }
}

fn is_as_rebuilt(platform: Platform, flavour: &str, pick: &str) {
    let scratch = TempDir::new().unwrap();
    let image = oci(platform.images(), &format!("{flavour}-{pick}"));
    let patched = oci(&scratch.path().join("out"), "patched");
    Copa::patch(scratch.path(), &image)
        .mirror(platform.mirror())
        .args(["--to", &patched])
        .run()
        .exits(0);
    let rebuilt = oci(platform.images(), &format!("{flavour}-new"));
    lab::verify(&patched, platform.arch, Some(&rebuilt));
}

/// Old ways of naming status.d files, and layers in other compressions.
#[test]
fn every_layout_is_as_rebuilt() {
    need!();
    for options in [
        &["--names=cut"][..],
        &["--names=base64"],
        &["--compression=zstd"],
        &["--compression=none", "--media=docker", "--user=nonroot"],
    ] {
        layout_is_as_rebuilt(options);
    }
}

fn layout_is_as_rebuilt(options: &[&str]) {
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    lab::build_images(BOOKWORM, &images, &[&["--pick=old,new"], options].concat());
    let patched = oci(&scratch.path().join("out"), "patched");
    let run = Copa::patch(scratch.path(), &oci(&images, "base-old")).mirror(BOOKWORM.mirror());
    run.args(["--to", &patched]).run().exits(0);
    lab::verify(&patched, "amd64", Some(&oci(&images, "base-new")));
}

/// Of images without checksums it cannot be told whose certificates those are that Debian dropped;
/// without a package that they belong to they are nobody's to change.
#[test]
fn old_images_keep_their_certificates_and_are_else_as_rebuilt() {
    need!();
    for option in ["--no-md5sums", "--no-certificates-status"] {
        let scratch = TempDir::new().unwrap();
        let images = scratch.path().join("images");
        lab::build_images(BOOKWORM, &images, &["--pick=old,new", option]);
        let patched = oci(&scratch.path().join("out"), "patched");
        let run = Copa::patch(scratch.path(), &oci(&images, "base-old")).bookworm();
        let ran = run.args(["--to", &patched]).run().exits(0);
        lab::verify(&patched, "amd64", None);
        let difference = lab::lab(["diff", &patched, &oci(&images, "base-new")]).stdout;
        assert_eq!(difference, "c    /etc/ssl/certs/ca-certificates.crt\n", "{option}: {ran}");
    }
}

/// Debian 11, whose libraries and files are in other places, with a small mirror of its own.
#[test]
fn bullseye_is_as_rebuilt() {
    need!();
    let scratch = TempDir::new().unwrap();
    let (images, mirror) = (scratch.path().join("images"), scratch.path().join("mirror"));
    let release = ["--release=bullseye", "--arch=amd64", "--flavour=base"];
    let out = format!("--out={}", images.display());
    lab::lab(["image", "--pick=old,new", &out].iter().chain(&release)).exits(0);
    lab::lab(["mirror", mirror.to_str().unwrap()].iter().chain(&release)).exits(0);
    let patched = oci(&scratch.path().join("out"), "patched");
    let run = Copa::patch(scratch.path(), &oci(&images, "base-old")).lab_mirror(&mirror);
    run.args(["--to", &patched]).run().exits(0);
    lab::verify(&patched, "amd64", Some(&oci(&images, "base-new")));
}

/// Files that the user changed stay as they are, and the summary says so.
#[test]
fn changed_files_are_kept() {
    need!();
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    let layer = r#"[{"write": "/etc/debian_version", "text": "mine\n"}, {"write": "/app", "text": "x"},
        {"write": "/usr/share/zoneinfo/Europe/Oslo", "text": "mine too"}]"#;
    lab::build_images(BOOKWORM, &images, &["--pick=old,new", "--layer", layer]);
    let patched = oci(&scratch.path().join("out"), "patched");
    let ran = Copa::patch(scratch.path(), &oci(&images, "base-old"))
        .mirror(BOOKWORM.mirror())
        .args(["--to", &patched])
        .run()
        .exits(0);
    let difference = lab::lab(["diff", &patched, &oci(&images, "base-new")]);
    assert_eq!(difference.stdout, "", "{ran}");
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("Europe/Oslo"), "{ran}");
}
