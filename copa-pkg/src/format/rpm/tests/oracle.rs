//! The real rpm, for tests.

use std::path::{Path, PathBuf};
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

/// A root in which the real rpm works, and packages built for it.
pub(crate) struct Lab {
    dir: tempfile::TempDir,
}

/// One package of each kind that a database has to tell apart. `@` stands for the release.
const SPEC: &str = r#"
Name: demo
Epoch: 1
Version: 1.0
Release: @
Summary: A demonstration
Summary(de): Eine Vorführung
Group: Some/Group
License: MIT
Requires: (alpha if beta else gamma) (delta and (eps or zeta >= 2)) plain
Requires(pre): early
Requires(postun): late
Recommends: (wish or (hope with luck))
Suggests: hint
Supplements: (extra unless lonely)
Enhances: better
Conflicts: (bad or worse)
Obsoletes: ancient < 2
Provides: virtual(x) = 3
%description
x
%description -l de
x
%package files
Summary: Files
Requires: %{name} = %{epoch}:%{version}-%{release}
%description files
x
%package triggers
Summary: Triggers
%description triggers
x
%package relocatable
Summary: Relocatable
Prefix: /opt/moved
%description relocatable
x
%package empty
Summary: Nothing
BuildArch: noarch
%description empty
x
%install
mkdir -p %{buildroot}/opt/demo/doc %{buildroot}/opt/moved %{buildroot}/opt/demo/empty
echo @ >%{buildroot}/opt/demo/file
ln %{buildroot}/opt/demo/file %{buildroot}/opt/demo/hard
ln -s file %{buildroot}/opt/demo/link
echo conf >%{buildroot}/opt/demo/conf
echo doc >%{buildroot}/opt/demo/doc/README
echo x >%{buildroot}/opt/moved/x
%files
%doc /opt/demo/doc/README
%files files
%dir /
%dir /opt/demo
%dir /opt/demo/empty
/opt/demo/file
/opt/demo/hard
/opt/demo/link
%config(noreplace) /opt/demo/conf
%ghost /opt/demo/ghost
%files triggers
%triggerin triggers -- bash
:
%triggerin triggers -- bash, zsh
:
%triggerun triggers -- bash
:
%filetriggerin triggers -- /usr/lib /usr/bin
:
%filetriggerun triggers -- /usr/lib
:
%transfiletriggerin triggers -- /usr/share
:
%files relocatable
/opt/moved/x
%files empty
"#;

impl Lab {
    /// An empty root with an empty database.
    pub(crate) fn new() -> Self {
        let lab = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(lab.root().join("var/lib/rpm")).unwrap();
        rpm(&lab.root(), &["--define", "_db_backend sqlite", "--initdb"]);
        lab
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// The database as it is, once what is in its log is in it.
    pub(crate) fn database(&self) -> Vec<u8> {
        std::fs::read(self.root().join("var/lib/rpm/rpmdb.sqlite")).unwrap()
    }

    /// Puts a database in place of the one that is there.
    pub(crate) fn put_database(&self, bytes: &[u8]) {
        let dir = self.root().join("var/lib/rpm");
        std::fs::remove_dir_all(&dir).unwrap();
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("rpmdb.sqlite"), bytes).unwrap();
    }

    /// Builds the packages of [`SPEC`] as this release, each first text replaced by the second.
    pub(crate) fn build(&self, release: &str, edits: &[(&str, &str)]) -> Vec<PathBuf> {
        let dir = self.dir.path().join(format!("build-{release}"));
        std::fs::create_dir_all(&dir).unwrap();
        let edited = edits.iter().fold(SPEC.to_owned(), |spec, (from, to)| spec.replace(from, to));
        let spec = dir.join("demo.spec");
        std::fs::write(&spec, edited.replace('@', release)).unwrap();
        let top = format!("_topdir {}", dir.display());
        let arguments = [
            "--quiet",
            "-bb",
            "--target",
            "x86_64",
            "--define",
            &top,
            "--define",
            "_build_name_fmt %%{NAME}.rpm",
            "--define",
            "debug_package %{nil}",
            "--define",
            "_build_id_links none",
            spec.to_str().unwrap(),
        ];
        run("rpmbuild", &arguments);
        let names = std::fs::read_dir(dir.join("RPMS")).unwrap();
        let mut paths: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }

    /// Installs packages as they are, running nothing.
    pub(crate) fn install(&self, packages: &[&Path]) {
        let options = [
            "-U",
            "--force-debian",
            "--nodeps",
            "--noscripts",
            "--notriggers",
            "--nosignature",
            "--nodigest",
            "--ignorearch",
            "--ignoreos",
            "--excludedocs",
        ];
        let paths = packages.iter().map(|path| path.to_str().unwrap());
        rpm(&self.root(), &options.into_iter().chain(paths).collect::<Vec<_>>());
    }
}
