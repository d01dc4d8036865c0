//! 5: where there is no root, no network and nothing to write on but one directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{
    self, BOOKWORM, Ran, mini_mirror, must, need, oci, rpm_images, rpm_repository, run,
};

const LOCAL: i32 = 1;
const NETWORK: i32 = 5;

/// A folder that everybody can reach, with the program, an image and a mirror in it.
fn kit(images: &Path, mirror: &Path) -> TempDir {
    let kit = TempDir::with_prefix("copa-kit-").unwrap();
    fs::set_permissions(kit.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |from: &Path, name: &str| {
        must("cp", ["-r".as_ref(), from.as_os_str(), kit.path().join(name).as_os_str()]);
    };
    copy(Path::new(env!("CARGO_BIN_EXE_copa")), "copa");
    copy(images, "images");
    copy(mirror, "mirror");
    must("chmod", ["-R".as_ref(), "a+rX".as_ref(), kit.path().as_os_str()]);
    fs::create_dir(kit.path().join("work")).unwrap();
    fs::set_permissions(kit.path().join("work"), fs::Permissions::from_mode(0o777)).unwrap();
    kit
}

/// bubblewrap as nobody: the root read-only, `work` writable, every namespace new, and not one
/// other program that could be run.
fn locked_down(kit: &Path) -> Command {
    let mut command = Command::new("setpriv");
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"];
    command.args(nobody).args(["--bounding-set", "-all", "--", "bwrap", "--unshare-all"]);
    command.args(["--ro-bind", "/", "/", "--cap-drop", "ALL", "--die-with-parent"]);
    for programs in ["/usr/bin", "/usr/sbin"] {
        command.args(["--tmpfs", programs, "--remount-ro", programs]);
    }
    command.arg("--bind").arg(kit.join("work")).arg(kit.join("work"));
    command
}

/// Patches an image of a kit where there is no root, no network and nothing to write on.
fn patch(kit: &Path, tag: &str, mirrored: impl Fn(Copa) -> Copa, to: &str) -> Ran {
    let (image, work) = (oci(&kit.join("images"), tag), kit.join("work"));
    let copa = mirrored(Copa::program(&kit.join("copa"), &work, &image)).args(["--to", to]);
    let mut jail = locked_down(kit);
    jail.env_clear().envs(copa.0.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run(jail.arg(copa.0.get_program()).args(copa.0.get_args()).current_dir(&work))
}

#[test]
fn nobody_without_network_patches_on_a_read_only_root() {
    need!("bwrap", "setpriv");
    let kit = kit(BOOKWORM.images(), &mini_mirror(None));
    let patched = oci(&kit.path().join("work/out"), "patched");
    let mirrored = |copa: Copa| copa.lab_mirror(&kit.path().join("mirror"));
    patch(kit.path(), "base-old", mirrored, &patched).exits(0);
    lab::verify(&patched, "amd64", Some(&oci(BOOKWORM.images(), "base-new")));

    // The place is what it is said to be: it cannot be written on, and reaches no server.
    let elsewhere = oci(&kit.path().join("out"), "patched");
    let ran = patch(kit.path(), "base-old", mirrored, &elsewhere).exits(LOCAL);
    assert!(ran.stderr.contains("Read-only file system"), "{ran}");
    let server = lab::Server::files(&kit.path().join("mirror"), &kit.path().join("log"));
    let served = |copa: Copa| copa.mirror(server.get("url")).args(["--timeout", "20s"]);
    patch(kit.path(), "base-old", served, &patched).exits(NETWORK);
}

/// For aarch64, on any machine: nothing can be emulated where there is no other program.
#[test]
fn nobody_without_network_patches_rpm_images_of_another_architecture() {
    need!("bwrap", "setpriv", "rpm", "rpmbuild", "createrepo_c");
    for tag in ["arm-manifest-old", "arm-both-old"] {
        let kit = kit(rpm_images(), &rpm_repository(None));
        let patched = oci(&kit.path().join("work/out"), "patched");
        let mirrored = |copa: Copa| copa.rpm_repository(&kit.path().join("mirror"), "aarch64");
        let ran = patch(kit.path(), tag, mirrored, &patched).exits(0);
        assert!(ran.stdout.contains("openssl-libs"), "{ran}");
        let before = oci(rpm_images(), tag);
        lab::lab(["rpm-verify", &patched, "--before", &before, "--arch", "arm64"]).exits(0);
        let freely = oci(&kit.path().join("free"), "patched");
        let copa = mirrored(Copa::patch(kit.path(), &before)).args(["--to", &freely]);
        copa.run().exits(0);
        let digest = |image: &str| must("skopeo", ["inspect", "--raw", image]).stdout;
        assert_eq!(digest(&patched), digest(&freely), "{tag}");
    }
}

/// The real mirror of this machine, over the network, with Debian's own keys.
#[test]
fn the_hosts_own_mirror_is_found() {
    need!();
    let scratch = TempDir::new().unwrap();
    let patched = oci(&scratch.path().join("out"), "patched");
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
    copa.args(["--to", &patched]).run().exits(0);
    lab::verify(&patched, "amd64", Some(&oci(BOOKWORM.images(), "base-new")));
}

#[test]
fn a_mirror_behind_http_gives_the_same() {
    need!();
    let scratch = TempDir::new().unwrap();
    let server = lab::Server::files(BOOKWORM.mirror(), &scratch.path().join("log"));
    let patched = oci(&scratch.path().join("out"), "patched");
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
    copa.mirror(server.get("url")).args(["--to", &patched]).run().exits(0);
    lab::verify(&patched, "amd64", Some(&oci(BOOKWORM.images(), "base-new")));
}
