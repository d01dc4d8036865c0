//! 3: other programs take the patched image, and what runs in it is the new version.

use std::path::{Path, PathBuf};
use std::process::Command;

use copa_core::oci::Digest;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{
    self, BOOKWORM, BOOKWORM_ARM, Platform, Server, must, need, oci, registry_tool, run,
};

/// A patched image with `openssl` in it, and the version that it has to print.
fn patched_openssl(scratch: &Path, platform: Platform) -> (String, String) {
    let images = scratch.join("images");
    lab::build_images(platform, &images, &["--pick=old", "--extra=openssl"]);
    let patched = oci(&scratch.join("out"), "patched");
    let copa = Copa::patch(scratch, &oci(&images, "base-old")).mirror(platform.mirror());
    copa.args(["--to", &patched]).run().exits(0);
    let version = upstream_version(&patched, platform.arch, "openssl");
    (patched, format!("OpenSSL {version} "))
}

/// The upstream part of the version that an image's database gives a package.
fn upstream_version(image: &str, arch: &str, package: &str) -> String {
    let listed = lab::lab(["packages", image, "--arch", arch]).exits(0).stdout;
    let line = listed.lines().find(|line| line.starts_with(&format!("{package}\t"))).unwrap();
    line.rsplit('\t').next().unwrap().split('-').next().unwrap().to_owned()
}

/// Runs a container with podman, in a storage of its own that refuses a layer with a path twice.
fn podman(scratch: &Path, image: &str, command: &[&str]) -> lab::Ran {
    let mut podman = Command::new("podman");
    podman.current_dir(scratch); // podman takes no capital letters in the path of a layout
    podman.arg("--root").arg(scratch.join("storage")).arg("--runroot").arg(scratch.join("run"));
    podman.args(["--storage-driver=vfs", "--runtime=runc", "run", "--rm", "--network=none"]);
    podman.args(["--ulimit", "nofile=1024:20000", "--ulimit", "nproc=1024:1024", image]);
    run(podman.args(command)).exits(0)
}

#[test]
fn podman_runs_the_new_openssl() {
    need!("podman", "runc");
    let scratch = TempDir::new().unwrap();
    let (_, expected) = patched_openssl(scratch.path(), BOOKWORM);
    let said = podman(scratch.path(), "oci:out:patched", &["/usr/bin/openssl", "version"]);
    assert!(said.stdout.starts_with(&expected), "{expected}, not {said}");
}

/// Unpacks an image with umoci; returns its root.
fn unpacked(scratch: &Path, image: &str) -> PathBuf {
    let bundle = scratch.join("bundle");
    let image = image.strip_prefix("oci:").unwrap();
    must("umoci", ["unpack", "--rootless", "--image", image, bundle.to_str().unwrap()]);
    bundle.join("rootfs")
}

#[test]
fn python_runs_with_the_new_openssl() {
    need!("umoci", "unshare", "chroot");
    let scratch = TempDir::new().unwrap();
    let patched = oci(&scratch.path().join("out"), "patched");
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "python3-old"));
    copa.mirror(BOOKWORM.mirror()).args(["--to", &patched]).run().exits(0);
    let root = unpacked(scratch.path(), &patched);
    let program = "import ssl, sqlite3, lzma; print(ssl.OPENSSL_VERSION)";
    let chroot =
        ["--map-root-user", "chroot", root.to_str().unwrap(), "/usr/bin/python3.11", "-c", program];
    let said = must("unshare", chroot);
    let expected = format!("OpenSSL {} ", upstream_version(&patched, "amd64", "libssl3"));
    assert!(said.stdout.starts_with(&expected), "{expected}, not {said}");
}

/// Patched on any host with nothing emulated; only this proof runs the foreign program.
#[test]
fn umoci_unpacks_what_qemu_runs() {
    need!("umoci", "qemu-aarch64-static");
    let scratch = TempDir::new().unwrap();
    let (patched, expected) = patched_openssl(scratch.path(), BOOKWORM_ARM);
    let root = unpacked(scratch.path(), &patched);
    let openssl = root.join("usr/bin/openssl");
    let said = must(
        "qemu-aarch64-static",
        ["-L".as_ref(), root.as_os_str(), openssl.as_ref(), "version".as_ref()],
    );
    assert!(said.stdout.starts_with(&expected), "{expected}, not {said}");
}

#[test]
fn skopeo_copies_it_to_every_form() {
    need!();
    let scratch = TempDir::new().unwrap();
    let patched = oci(&scratch.path().join("out"), "patched");
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
    copa.mirror(BOOKWORM.mirror()).args(["--to", &patched]).run().exits(0);
    for form in ["dir:", "oci-archive:", "docker-archive:"] {
        let target = format!("{form}{}", scratch.path().join(form.trim_end_matches(':')).display());
        must("skopeo", ["copy", "-q", &patched, &target]);
    }
}

/// Archives that skopeo wrote, patched to archives that skopeo reads.
#[test]
fn archives_are_exchanged_with_skopeo() {
    need!();
    for (form, name) in [("oci-archive", "it"), ("docker-archive", "app:it")] {
        let scratch = TempDir::new().unwrap();
        let archive = |file: &str| format!("{form}:{}:{name}", scratch.path().join(file).display());
        let (image, patched) = (archive("image.tar"), archive("patched.tar"));
        must("skopeo", ["copy", "-q", &oci(BOOKWORM.images(), "base-old"), &image]);
        let copa = Copa::patch(scratch.path(), &image).bookworm();
        copa.args(["--to", &patched]).run().exits(0);
        let copy = oci(&scratch.path().join("copy"), "it");
        must("skopeo", ["copy", "-q", &patched, &copy]);
        lab::verify(&copy, "amd64", Some(&oci(BOOKWORM.images(), "base-new")));
    }
}

/// What copa pushed, read back from the registry by two other clients.
#[test]
fn crane_and_oras_accept_what_was_pushed() {
    need!("docker-registry");
    let scratch = TempDir::new().unwrap();
    let registry = Server::registry("plain", &scratch.path().join("registry"));
    let pushed = format!("{}/team/app:patched", registry.get("host"));
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
    let json = copa.mirror(BOOKWORM.mirror()).args(["--to", &pushed, "--json"]).run().exits(0);
    let digest = json.json()["written"][0]["digest"].as_str().unwrap().to_owned();
    must(registry_tool("crane"), ["validate", "--insecure", "--remote", &pushed]);
    let seen = must(registry_tool("crane"), ["digest", "--insecure", &pushed]);
    assert_eq!(seen.stdout.trim(), digest);
    let layout = format!("{}:patched", scratch.path().join("pulled").display());
    must(registry_tool("oras"), ["copy", "--from-plain-http", "--to-oci-layout", &pushed, &layout]);
    lab::verify(&format!("oci:{layout}"), "amd64", Some(&oci(BOOKWORM.images(), "base-new")));
}

/// Both archives are one image to Docker, the very one that was written, and it runs.
#[test]
fn docker_loads_and_runs_both_archives() {
    need!("runc");
    if !lab::is_root() {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    lab::build_images(BOOKWORM, &images, &["--pick=old,new", "--extra=openssl"]);
    let docker = Server::docker();
    for form in ["docker-archive", "oci-archive"] {
        let name = format!("team/{form}:patched");
        let file = scratch.path().join(form).display().to_string();
        let archive = format!("{form}:{file}:{name}");
        let copa = Copa::patch(scratch.path(), &oci(&images, "base-old")).mirror(BOOKWORM.mirror());
        copa.args(["--to", &archive]).run().exits(0);
        docker.ask(&["load", "-i", &file]);

        let config = must("skopeo", ["inspect", "--config", "--raw", &archive]);
        let id = docker.ask(&["image", "inspect", "--format", "{{.Id}}", &name]);
        let digest = Digest::sha256(config.stdout.as_bytes());
        assert_eq!(id.stdout.trim(), digest.as_str(), "{form}");

        let openssl = ["run", "--rm", "--network=none", &name, "/usr/bin/openssl", "version"];
        let said = docker.ask(&openssl);
        let saved = scratch.path().join("saved.tar").display().to_string();
        docker.ask(&["save", "-o", &saved, &name]);
        let copy = oci(&scratch.path().join("copy"), form);
        must("skopeo", ["copy", "-q", &format!("docker-archive:{saved}"), &copy]);
        lab::verify(&copy, "amd64", Some(&oci(&images, "base-new")));
        let version = upstream_version(&copy, "amd64", "openssl");
        assert!(said.stdout.starts_with(&format!("OpenSSL {version} ")), "{version}, not {said}");
    }
}
