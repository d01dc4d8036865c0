//! The real rpm, for tests.

use std::path::Path;
use std::process::Command;

/// Whether the tool is there. Without it a test says loudly that it tests nothing; under
/// `CI=true` that is a failure.
#[expect(clippy::disallowed_methods, reason = "a test may read the environment")]
pub(crate) fn have(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{tool} is not installed");
        eprintln!("SKIPPED: {tool} is not installed, nothing was compared with it");
    }
    there
}

/// Runs a command that has to succeed; what it printed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8(out.stdout).unwrap()
}

/// `rpm` on the database in this root, with what else it is asked.
pub(crate) fn rpm(root: &Path, arguments: &[&str]) -> String {
    let root = root.to_str().unwrap();
    run("rpm", &[&["--root", root, "--dbpath", "/var/lib/rpm"], arguments].concat())
}
