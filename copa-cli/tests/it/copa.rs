//! The program under test, in a clean environment.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::lab::{self, BOOKWORM, Ran, run};

/// Where the new packages of an image come from.
pub(crate) type Packages = fn(Copa) -> Copa;

/// One run of `copa patch`.
#[derive(Debug)]
pub(crate) struct Copa(pub(crate) Command);

impl Copa {
    /// Patches an image. Home, cache and working directory are below `scratch`.
    pub(crate) fn patch(scratch: &Path, image: &str) -> Self {
        Self::program(Path::new(env!("CARGO_BIN_EXE_copa")), scratch, image)
    }

    /// The same with a copy of the program.
    pub(crate) fn program(program: &Path, scratch: &Path, image: &str) -> Self {
        let mut command = Command::new(program);
        command.env_clear().current_dir(scratch).env("HOME", scratch).env("TMPDIR", scratch);
        command.env("PATH", "/usr/bin:/bin").env("SOURCE_DATE_EPOCH", "1795392000");
        command.args(["patch", "--progress", "quiet", "-i", image]);
        Self(command)
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Takes packages from a mirror folder, or from a server of one.
    pub(crate) fn mirror(self, base: impl AsRef<OsStr>) -> Self {
        let base = base.as_ref().to_str().unwrap().to_owned();
        let base = if base.contains("://") { base } else { format!("file://{base}") };
        let mirrors = ["debian", "debian-security"].map(|name| format!("{name}={base}/{name}"));
        self.args(mirrors.iter().flat_map(|mirror| ["--mirror", mirror]))
    }

    /// The same for a mirror that is signed with a key of its own.
    pub(crate) fn lab_mirror(self, folder: &Path) -> Self {
        let keyring = folder.join("archive-key.gpg");
        self.mirror(folder).args(["--keyring".as_ref(), keyring.as_os_str()])
    }

    /// Takes RPM packages from the folder of an architecture in a repository of the lab, which is
    /// signed with a key of its own.
    pub(crate) fn rpm_repository(self, folder: &Path, arch: &str) -> Self {
        let mirror = format!("azurelinux=file://{}/new/{arch}", folder.display());
        let keyring = folder.join("RPM-GPG-KEY");
        self.args(["--mirror", &mirror, "--keyring", keyring.to_str().unwrap()])
    }

    /// Takes the packages of the lab's images of Debian 12 for amd64.
    pub(crate) fn bookworm(self) -> Self {
        self.mirror(BOOKWORM.mirror())
    }

    /// Takes the packages of the lab's RPM images for x86_64.
    pub(crate) fn rpms(self) -> Self {
        self.rpm_repository(&lab::rpm_repository(None), "x86_64")
    }

    pub(crate) fn run(mut self) -> Ran {
        run(&mut self.0)
    }
}
