//! What is asked for, by flags, variables and a settings file, and what is answered: on the image
//! and the mirror of the quick start, which are always there.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, BOOKWORM, Ran, Server, need, oci, workspace};
use crate::layers::documents;

const BAD_INPUT: i32 = 2;
const PARTIAL: i32 = 3;

/// A file of the quick start.
fn kept(name: &str) -> String {
    workspace().join("testdata/quickstart").join(name).display().to_string()
}

fn image() -> String {
    format!("oci-archive:{}", kept("image.tar"))
}

/// Patches an image with the packages of the quick start.
fn patch(scratch: &Path, image: &str) -> Copa {
    Copa::patch(scratch, image).lab_mirror(kept("mirror").as_ref())
}

/// A run without any flag; home and working directory are `scratch`.
fn without_flags(scratch: &Path) -> Copa {
    let mut command = Command::new(env!("CARGO_BIN_EXE_copa"));
    command.env_clear().env("HOME", scratch).current_dir(scratch).arg("patch");
    Copa(command)
}

#[test]
fn variables_stand_for_flags_and_flags_win() {
    let scratch = TempDir::new().unwrap();
    let mirrors = ["debian", "debian-security"]
        .map(|name| format!("{name}={}", kept(&format!("mirror/{name}"))))
        .join(",");
    let mut copa = without_flags(scratch.path()).args(["--oci-dir", "flag"]);
    copa.0.envs([
        ("COPA_IMAGE", &*image()),
        ("COPA_MIRROR", &mirrors),
        ("COPA_KEYRING", &kept("mirror/archive-key.gpg")),
        ("COPA_REPORT", &kept("report.json")),
        ("COPA_OCI_DIR", "variable"),
        ("COPA_TAG", "new"),
        ("COPA_JSON", "true"),
    ]);
    let said = copa.run().exits(0).json();
    assert_eq!(said["written"][0]["location"], "oci:flag:new");
    assert!(scratch.path().join("flag/index.json").is_file());
    assert!(!scratch.path().join("variable").exists());
}

#[test]
fn the_users_settings_are_read_and_flags_win() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join(".config/copa");
    fs::create_dir_all(&folder).unwrap();
    let settings = format!(
        "image = '{}'\nkeyring = ['{}']\ntag = 'settings'\n[mirror]\ndebian = '{}'\ndebian-security = '{}'\n",
        image(),
        kept("mirror/archive-key.gpg"),
        kept("mirror/debian"),
        kept("mirror/debian-security")
    );
    fs::write(folder.join("config.toml"), settings).unwrap();
    let run = |flags: &[&str]| without_flags(scratch.path()).args(flags).run().exits(0).json();
    let said = run(&["--json", "--to", "oci:out"]);
    assert_eq!(said["written"][0]["location"], "oci:out:settings");
    let said = run(&["--json", "--to", "oci:out", "-t", "flag"]);
    assert_eq!(said["written"][0]["location"], "oci:out:flag");
}

/// What README shows first: without a destination it is an archive, and the next step is said.
#[test]
fn the_quick_start_writes_an_archive() {
    let scratch = TempDir::new().unwrap();
    let settings = ["--config", &kept("../quickstart.toml")];
    let ran = without_flags(scratch.path()).args(settings).run().exits(0);
    for said in [
        "linux/amd64 (the only one), debian 12",
        "libssl3",
        "3.0.22-1~deb12u2",
        "CVE-",
        "layer   sha256:",
        "image   sha256:",
        "took ",
        "skopeo copy oci-archive:image-patched.tar:patched docker://",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    assert!(scratch.path().join("image-patched.tar").is_file(), "{ran}");
}

/// On a terminal a display that is drawn anew, elsewhere lines.
#[test]
fn progress_is_drawn_on_terminals_only() {
    need!("script");
    let scratch = TempDir::new().unwrap();
    let copa = patch(scratch.path(), &image()).args(["--progress", "auto", "--to", "oci:out"]);
    let words = std::iter::once(copa.0.get_program()).chain(copa.0.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &words.join(" "), "/dev/null"]).current_dir(scratch.path());
    let drawn = lab::run(script.env("TERM", "xterm").env("HOME", scratch.path())).exits(0);
    assert!(drawn.stdout.contains("\u{1b}["), "{drawn}");
    let ran = copa.run().exits(0);
    assert!(ran.stderr.lines().any(|line| line.starts_with("Built the patch layer")), "{ran}");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran}");
}

#[test]
fn a_dry_run_says_the_plan_and_writes_nothing() {
    let scratch = TempDir::new().unwrap();
    let flags = ["--dry-run", "--no-cache", "--to", "oci:out"];
    let ran = patch(scratch.path(), &image()).args(flags).run().exits(0);
    assert!(ran.stdout.contains("3.0.22-1~deb12u2"), "{ran}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "{ran}");
}

/// A pipeline's next step finds what was asked for, whether there was something to do or not.
#[test]
fn when_there_is_nothing_to_do_the_unchanged_image_gets_the_tag() {
    need!("docker-registry");
    let scratch = TempDir::new().unwrap();
    let registry = Server::registry("plain", &scratch.path().join("registry"));
    let app = |tag: &str| format!("{}/app:{tag}", registry.get("host"));
    let first = patch(scratch.path(), &image()).args(["--to", &app("1"), "--json"]);
    let first = first.run().exits(0).json();
    let again = patch(scratch.path(), &app("1")).args(["-t", "2", "--push"]).run().exits(0);
    assert!(again.stdout.contains("No upgradable packages found"), "{again}");
    assert!(again.stdout.contains("the mirrors have nothing newer"), "{again}");
    let source = format!("docker://{}", app("2"));
    let skopeo = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &source];
    assert_eq!(lab::must("skopeo", skopeo).stdout.trim(), first["written"][0]["digest"]);
}

/// A Trivy report of an image of Debian 12 with these packages, their versions and the fixed ones.
fn report(findings: &[(&str, &str, &str)]) -> Value {
    let found = findings.iter().map(|(package, installed, fixed)| {
        json!({"VulnerabilityID": "CVE-2026-1", "PkgName": package, "InstalledVersion": installed,
            "FixedVersion": fixed})
    });
    json!({"SchemaVersion": 2, "ArtifactName": "app", "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.4"}},
        "Results": [{"Target": "app (debian 12.4)", "Class": "os-pkgs", "Type": "debian",
            "Vulnerabilities": found.collect::<Vec<_>>()}]})
}

/// Patches the image of the quick start as this report says.
fn reported(scratch: &Path, report: &str) -> Ran {
    let file = scratch.join("report.json");
    fs::write(&file, report).unwrap();
    let flags = ["-r", file.to_str().unwrap(), "--to", "oci-archive:out.tar"];
    patch(scratch, &image()).args(flags).run()
}

#[test]
fn why_there_is_nothing_to_do_is_said() {
    let old = "3.0.20-1~deb12u2";
    for (findings, code, reason) in [
        (&[][..], 0, "the report lists no vulnerable package"),
        (&[("libssl3", old, "")], 0, "the report knows of no fix: libssl3"),
        (&[("libssl3", old, "1.0")], 0, "the image has the fix already: libssl3"),
        (&[("emacs", "1", "2")], 0, "the image does not hold it: emacs"),
        (&[("netbase", "6.4", "99")], PARTIAL, "the mirrors do not have the fix: netbase"),
    ] {
        let scratch = TempDir::new().unwrap();
        let ran = reported(scratch.path(), &report(findings).to_string()).exits(code);
        assert!(ran.stdout.contains("No upgradable packages found"), "{ran}");
        assert!(ran.stdout.contains(reason), "{reason}: {ran}");
        assert!(scratch.path().join("out.tar").is_file(), "{ran}");
    }
}

/// What the mirror has not got is reported, and the rest is patched, to newer than was asked for.
#[test]
fn each_package_of_a_report_gets_its_answer() {
    let scratch = TempDir::new().unwrap();
    let findings = [
        ("libssl3", "3.0.20-1~deb12u2", "3.0.21-1~deb12u1"),
        ("tzdata", "2025b-0+deb12u1", "2099a-1"),
    ];
    let ran = reported(scratch.path(), &report(&findings).to_string()).exits(PARTIAL);
    assert!(ran.stdout.contains("3.0.22-1~deb12u2"), "{ran}");
    assert!(ran.stdout.contains("not patched: tzdata: the repositories have 2026f"), "{ran}");
}

#[test]
fn reports_of_something_else_are_refused_with_both_named() {
    let other = |pointer: &str, value: Value| {
        let mut report = report(&[("libssl3", "3.0.20-1~deb12u2", "3.0.21-1~deb12u1")]);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        report.pointer_mut(parent).unwrap()[name] = value;
        report.to_string()
    };
    let image_id = format!("sha256:{}", "1".repeat(64));
    for (report, said) in [
        (other("/Metadata/OS", json!({"Family": "alpine", "Name": "3.20"})), "alpine 3.20"),
        (other("/Metadata/OS", json!({"Family": "debian", "Name": "13.1"})), "debian 13.1"),
        (other("/Metadata/ImageConfig", json!({"architecture": "arm64"})), "arm64"),
        (other("/Metadata/ImageID", json!(image_id)), &image_id),
        ("{".into(), "report.json"),
        (r#"{"matches": [], "descriptor": {"name": "grype"}}"#.into(), "report.json"),
    ] {
        let scratch = TempDir::new().unwrap();
        let ran = reported(scratch.path(), &report).exits(BAD_INPUT);
        assert!(ran.stderr.contains(said), "{said}: {ran}");
        assert!(!report.starts_with("{\"Sch") || ran.stderr.contains("image.tar"), "{ran}");
        assert!(!scratch.path().join("out.tar").exists(), "{ran}");
    }
}

#[test]
fn mistakes_are_bad_input_and_said_to_programs_too() {
    let scratch = TempDir::new().unwrap();
    for (flags, said) in [
        (&["--tag", "a b"][..], "not a tag"),
        (&["-o", "vex.json"], "reserved"),
        (&["--jobs", "0"], "--jobs"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--mirror", "debian"], "NAME=URL"),
    ] {
        let ran = patch(scratch.path(), &image()).args(flags).run().exits(BAD_INPUT);
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
    let ran = patch(scratch.path(), &image()).args(["--platform", "linux/s390x", "--json"]);
    let error = ran.run().exits(BAD_INPUT).json();
    assert!(error["error"]["message"].as_str().unwrap().contains("linux/s390x"), "{error}");
}

/// An image that does not say what it is; the user does.
#[test]
fn a_release_that_cannot_be_told_is_asked_for() {
    need!();
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    let layer = r#"[{"delete": "/usr/lib/os-release"}, {"delete": "/etc/os-release"},
        {"delete": "/etc/debian_version"}, {"delete": "/var/lib/dpkg/status.d/base-files"},
        {"delete": "/var/lib/dpkg/status.d/base-files.md5sums"}]"#;
    lab::build_images(BOOKWORM, &images, &["--pick=old", "--layer", layer]);
    let run = |flags: &[&str]| {
        let copa = Copa::patch(scratch.path(), &oci(&images, "base-old")).bookworm();
        copa.args(["--to", &oci(&scratch.path().join("out"), "new")]).args(flags).run()
    };
    let ran = run(&[]).exits(BAD_INPUT);
    for said in ["etc/os-release is not there", "etc/debian_version is not there", "--os"] {
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
    let ran = run(&["--os", "debian:12"]).exits(0);
    assert!(ran.stdout.contains("libssl3"), "{ran}");
    let (before, after) =
        (documents(&images, "base-old").0, documents(&scratch.path().join("out"), "new").0);
    let layers = |manifest: &Value| manifest["layers"].as_array().unwrap().len();
    assert_eq!(layers(&after), layers(&before) + 1);
}
