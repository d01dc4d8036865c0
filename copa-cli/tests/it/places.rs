//! 5: where there is no root, no network and nothing to write on but one directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, BOOKWORM, mini_mirror, must, need, oci, run};

/// A folder that everybody can reach, with the program, an image and a mirror in it.
fn kit() -> TempDir {
    let kit = TempDir::with_prefix("copa-kit-").unwrap();
    fs::set_permissions(kit.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |from: &Path, name: &str| {
        must("cp", ["-r".as_ref(), from.as_os_str(), kit.path().join(name).as_os_str()]);
    };
    copy(Path::new(env!("CARGO_BIN_EXE_copa")), "copa");
    copy(BOOKWORM.images(), "images");
    copy(&mini_mirror(None), "mirror");
    must("chmod", ["-R".as_ref(), "a+rX".as_ref(), kit.path().as_os_str()]);
    fs::create_dir(kit.path().join("work")).unwrap();
    fs::set_permissions(kit.path().join("work"), fs::Permissions::from_mode(0o777)).unwrap();
    kit
}

/// bubblewrap as nobody: the root read-only, `work` writable, every namespace new.
fn locked_down(kit: &Path) -> Command {
    let mut command = Command::new("setpriv");
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"];
    command.args(nobody).args(["--bounding-set", "-all", "--", "bwrap", "--unshare-all"]);
    command.args(["--ro-bind", "/", "/", "--cap-drop", "ALL", "--die-with-parent"]);
    command.arg("--bind").arg(kit.join("work")).arg(kit.join("work"));
    command
}

#[test]
fn nobody_without_network_patches_on_a_read_only_root() {
    need!("bwrap", "setpriv");
    let kit = kit();
    let (path, work) = (kit.path(), kit.path().join("work"));
    let patched = oci(&work.join("out"), "patched");
    let image = oci(&path.join("images"), "base-old");
    let copa = Copa::program(&path.join("copa"), &work, &image)
        .lab_mirror(&path.join("mirror"))
        .args(["--to", &patched]);
    let mut jail = locked_down(path);
    jail.env_clear().envs(copa.0.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run(jail.arg(copa.0.get_program()).args(copa.0.get_args()).current_dir(&work)).exits(0);
    lab::verify(&patched, "amd64", Some(&oci(BOOKWORM.images(), "base-new")));
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
