//! 7: what is broken or lies is refused with a clear error, and nothing half-written stays.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{BOOKWORM, Ran, Server, mini_mirror, must, need, oci};
use crate::layers::documents;

const BAD_INPUT: i32 = 2;
const NOT_TRUSTED: i32 = 4;
const NETWORK: i32 = 5;
const INTERRUPTED: i32 = 130;

/// Fails unless the run left nothing at its destination, and said something that is not a panic.
fn left_nothing(ran: &Ran, scratch: &Path) {
    let names = fs::read_dir(scratch).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("out")).collect();
    assert!(left.is_empty(), "{left:?} was left by {ran}");
    assert!(ran.stderr.contains("error") && !ran.stderr.contains("panicked"), "{ran}");
}

#[test]
fn metadata_that_cannot_be_trusted_stops_everything() {
    need!();
    for (evil, said) in [
        ("expired", "expired"),
        ("unsigned", "InRelease"),
        ("wrong-key", "InRelease"),
        ("bad-signature", "InRelease"),
        ("tampered-index", "its SHA-256 is"),
        ("tampered-deb", ".deb"),
    ] {
        let scratch = TempDir::new().unwrap();
        let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
        let ran = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"))
            .lab_mirror(&mini_mirror(Some(evil)))
            .args(["--to", &archive])
            .run();
        assert!(ran.stderr.contains(said), "{evil}: {said:?} is not in {ran}");
        left_nothing(&ran.exits(NOT_TRUSTED), scratch.path());
    }
}

/// Whoever was shown newer metadata before is not taken back.
#[test]
fn rolled_back_metadata_is_noticed() {
    need!();
    let scratch = TempDir::new().unwrap();
    let mirror = scratch.path().join("mirror");
    let patch = || {
        let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
        let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
        copa.lab_mirror(&mirror).args(["--to", &archive]).run()
    };
    must("cp", ["-r".as_ref(), mini_mirror(None).as_os_str(), mirror.as_os_str()]);
    patch().exits(0);
    fs::remove_file(scratch.path().join("out.tar")).unwrap();
    fs::remove_dir_all(&mirror).unwrap();
    must("cp", ["-r".as_ref(), mini_mirror(Some("rollback")).as_os_str(), mirror.as_os_str()]);
    left_nothing(&patch().exits(NOT_TRUSTED), scratch.path());
}

/// A layout with one thing done to a blob of `base-old`.
fn spoiled(scratch: &Path, which: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
    let layout = scratch.join("spoiled");
    must("cp", ["-r".as_ref(), BOOKWORM.images().as_os_str(), layout.as_os_str()]);
    let (manifest, _) = documents(&layout, "base-old");
    let digest = manifest.pointer(which).and_then(Value::as_str).unwrap().replace(':', "/");
    let file = layout.join("blobs").join(digest);
    let mut bytes = fs::read(&file).unwrap();
    change(&mut bytes);
    fs::write(&file, bytes).unwrap();
    oci(&layout, "base-old")
}

#[test]
fn blobs_that_are_not_what_they_are_called_are_refused() {
    need!();
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let (layer, config) = ("/layers/2/digest", "/config/digest");
    for which in [layer, config] {
        for change in [&flip as &dyn Fn(&mut Vec<u8>), &cut] {
            let scratch = TempDir::new().unwrap();
            let image = spoiled(scratch.path(), which, change);
            let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
            let copa = Copa::patch(scratch.path(), &image).mirror(BOOKWORM.mirror());
            let ran = copa.args(["--to", &archive]).run();
            assert!(ran.stderr.contains("sha256:"), "{ran}");
            assert!([Some(NOT_TRUSTED), Some(BAD_INPUT)].contains(&ran.code), "{ran}");
            left_nothing(&ran, scratch.path());
        }
    }
}

#[test]
fn a_manifest_that_is_not_what_it_is_called_is_refused() {
    need!();
    let scratch = TempDir::new().unwrap();
    let layout = scratch.path().join("spoiled");
    must("cp", ["-r".as_ref(), BOOKWORM.images().as_os_str(), layout.as_os_str()]);
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    for entry in index["manifests"].as_array().unwrap() {
        let file = entry["digest"].as_str().unwrap().replace(':', "/");
        let file = layout.join("blobs").join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen("schemaVersion", "schemaVersioN", 1)).unwrap();
    }
    let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
    let copa = Copa::patch(scratch.path(), &oci(&layout, "base-old")).args(["--to", &archive]);
    left_nothing(&copa.run().exits(NOT_TRUSTED), scratch.path());
}

#[test]
fn a_full_disk_leaves_no_archive() {
    need!("unshare");
    let scratch = TempDir::new().unwrap();
    let disk = scratch.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let archive = format!("oci-archive:{}", disk.join("out.tar").display());
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"))
        .mirror(BOOKWORM.mirror())
        .args(["--to", &archive]);
    let script = "mount -t tmpfs -o size=4m none \"$0\" && \"$@\"; code=$?; ls \"$0\"; exit $code";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(&disk);
    command.arg(copa.0.get_program()).args(copa.0.get_args()).current_dir(scratch.path());
    command.env("HOME", scratch.path());
    let ran = crate::lab::run(&mut command).exits(1);
    assert!(!ran.stdout.contains("out.tar"), "{ran}");
    assert!(ran.stderr.contains("No space left") && ran.stderr.contains("out.tar"), "{ran}");
}

#[test]
fn a_mirror_that_is_not_there_is_a_network_error() {
    need!();
    let scratch = TempDir::new().unwrap();
    let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
    let copa = copa.mirror("http://127.0.0.1:9").args(["--to", &archive, "--timeout", "20s"]);
    left_nothing(&copa.run().exits(NETWORK), scratch.path());
}

/// A mirror that accepts a connection and never answers.
fn silent() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn time_limits_hold() {
    need!();
    let scratch = TempDir::new().unwrap();
    let (_listener, url) = silent();
    let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
    let copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"));
    let started = Instant::now();
    let ran = copa.mirror(&url).args(["--to", &archive, "--timeout", "3s"]).run();
    assert!(started.elapsed() < Duration::from_secs(20), "{ran}");
    left_nothing(&ran.exits(NETWORK), scratch.path());
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    need!("kill");
    let scratch = TempDir::new().unwrap();
    let (_listener, url) = silent();
    let archive = format!("oci-archive:{}", scratch.path().join("out.tar").display());
    let mut copa = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "base-old"))
        .mirror(&url)
        .args(["--to", &archive]);
    let child = copa.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    must("kill", ["-INT", &child.id().to_string()]);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(INTERRUPTED), "{said}");
    assert!(!scratch.path().join("out.tar").exists());
}

/// A registry without the image, and one without its login.
#[test]
fn a_registry_that_refuses_is_told_apart() {
    need!("docker-registry", "openssl");
    let scratch = TempDir::new().unwrap();
    let registry = Server::registry("basic", &scratch.path().join("registry"));
    let image = format!("{}/team/app:1", registry.get("host"));
    for (login, said) in
        [(&[][..], "password"), (&["--authfile", registry.get("auth")], "team/app")]
    {
        let copa = Copa::patch(scratch.path(), &image).mirror(BOOKWORM.mirror());
        let ran = copa.args(["--ca-file", registry.get("ca")]).args(login).run();
        assert!(ran.code.is_some_and(|code| code != 0), "{ran}");
        assert!(ran.stderr.contains(said), "{said:?} is not in {ran}");
    }
}
