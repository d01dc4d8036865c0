//! 7, the registry's part: it is slow, busy, forgetful or broken.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, BOOKWORM, Ran, Server, need, oci};

const NETWORK: i32 = 5;
const INTERRUPTED: i32 = 130;

/// A registry with `base-old` in it, and a proxy before it that fails as the rules say.
struct Faulty {
    scratch: TempDir,
    registry: Server,
    proxy: Server,
}

impl Faulty {
    fn new(rules: &[serde_json::Value]) -> Self {
        let scratch = TempDir::new().unwrap();
        let registry = Server::registry("plain", &scratch.path().join("registry"));
        let image = format!("{}/team/app:1", registry.get("host"));
        lab::lab(["push", &oci(BOOKWORM.images(), "base-old"), &image]).exits(0);
        let proxy = Server::faulty(registry.get("url"), rules);
        Self { scratch, registry, proxy }
    }

    /// Patches through the proxy, from one tag to another.
    fn patch(&self, extra: &[&str]) -> Ran {
        let image = format!("{}/team/app:1", self.proxy.get("host"));
        let copa = Copa::patch(self.scratch.path(), &image).mirror(BOOKWORM.mirror());
        copa.args(["-t", "2", "--push", "--no-cache"]).args(extra).run()
    }

    /// Whether the registry itself has the new tag.
    fn tagged(&self) -> bool {
        let image = format!("docker://{}/team/app:2", self.registry.get("host"));
        let mut skopeo = std::process::Command::new("skopeo");
        lab::run(skopeo.args(["inspect", "--raw", "--tls-verify=false", &image])).code == Some(0)
    }
}

#[test]
fn what_passes_is_waited_for() {
    need!("docker-registry");
    let busy = json!({"Retry-After": "1"});
    let faulty = Faulty::new(&[
        json!({"method": "GET", "path": "/manifests/", "status": 429, "headers": busy, "times": 1}),
        json!({"method": "GET", "path": "/blobs/", "cut": true, "times": 2}),
        json!({"method": "GET", "path": "/blobs/", "status": 503, "times": 1}),
        json!({"method": "POST", "path": "/uploads/", "status": 500, "times": 1}),
        json!({"method": "PUT", "path": "/manifests/", "status": 429, "headers": busy, "times": 1}),
    ]);
    let ran = faulty.patch(&[]).exits(0);
    assert!(faulty.tagged(), "{ran}");
}

#[test]
fn what_does_not_pass_moves_no_tag() {
    need!("docker-registry");
    for (method, path, status) in [
        ("PUT", "/manifests/", 500),
        ("PATCH|PUT", "/blobs/uploads/", 401),
        ("POST", "/uploads/", 403),
        ("GET", "/blobs/", 500),
    ] {
        let faulty = Faulty::new(&[json!({"method": method, "path": path, "status": status})]);
        let ran = faulty.patch(&["--timeout", "2m"]).exits(NETWORK);
        assert!(!faulty.tagged(), "{ran}");
        assert!(ran.stderr.contains("team/app"), "{ran}");
        assert!(ran.stderr.contains(&status.to_string()), "{ran}");
    }
}

#[test]
fn a_registry_that_hangs_runs_into_the_time_limit() {
    need!("docker-registry");
    let faulty = Faulty::new(&[json!({"method": "PATCH|PUT", "path": "/uploads/", "hang": 60})]);
    let started = Instant::now();
    let ran = faulty.patch(&["--timeout", "10s"]).exits(NETWORK);
    assert!(started.elapsed() < Duration::from_secs(40), "{ran}");
    assert!(!faulty.tagged(), "{ran}");
}

/// Interrupted while the patch layer is on its way: no tag, and an end within the grace period.
#[test]
fn an_interrupt_in_mid_push_moves_no_tag() {
    need!("docker-registry", "kill");
    let faulty = Faulty::new(&[json!({"method": "PATCH|PUT", "path": "/uploads/", "hang": 60})]);
    let image = format!("{}/team/app:1", faulty.proxy.get("host"));
    let mut copa = Copa::patch(faulty.scratch.path(), &image).mirror(BOOKWORM.mirror()).args([
        "-t",
        "2",
        "--push",
        "--progress",
        "plain",
    ]);
    let mut child = copa.0.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let built = said.find(|line| line.as_ref().unwrap().starts_with("Built the patch layer"));
    assert!(built.is_some());
    std::thread::sleep(Duration::from_secs(1));
    lab::must("kill", ["-INT", &child.id().to_string()]);
    let interrupted = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(INTERRUPTED));
    assert!(interrupted.elapsed() < Duration::from_secs(15));
    assert!(!faulty.tagged());
}
