"""What rpmbuild needs to make a package: the files in a folder, and a spec that packs them."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import LabError

MACROS = {
    "dist": ".azl3",
    "vendor": "Microsoft Corporation",  # Trivy passes over packages of vendors that it does not know
    "packager": "Copa lab <lab@copa.invalid>",
    "_buildhost": "lab",
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "debug_package": "%{nil}",
    "__os_install_post": "%{nil}",
    "_build_id_links": "none",
    "_invalid_encoding_terminates_build": "0",
    "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
}


@dataclass
class File:
    """One path of a package. `mark` is what %files says of it (%config, %doc...). What is in a `tree` needs no line
    of its own: it is not `listed`."""

    path: str
    kind: str = "file"  # or directory, tree, link, hard, ghost
    data: bytes = b""
    target: str = ""
    mode: int = 0o644
    owner: str = "root,root"
    mark: str = ""
    listed: bool = True

    def line(self):
        mark = {"directory": "%dir", "ghost": "%ghost"}.get(self.kind, "")
        attributes = "" if self.kind in ("link", "tree") else f"%attr({self.mode:04o},{self.owner})"
        return " ".join(word for word in (self.mark, mark, attributes, f'"/{self.path}"') if word)


def text(path, content, **more):
    return File(path, data=content.encode() + b"\n", **more)


def folder(path, mode=0o755, **more):
    return File(path, "directory", mode=mode, **more)


def tree(path):
    """A directory with all that is in it, whatever the names are."""
    return File(path, "tree", mode=0o755)


def link(path, target, **more):
    return File(path, "link", target=target, **more)


@dataclass
class Package:
    """A binary package. `tags` are lines of its preamble, `scripts` the sections of its scriptlets."""

    name: str
    files: list
    tags: list = field(default_factory=list)
    scripts: str = ""


@dataclass
class Source:
    """A source package and its binaries, the first of which has its name."""

    packages: list
    version: str
    release: str
    epoch: int = 0
    arch: str = "noarch"
    cves: list = field(default_factory=list)
    macros: dict = field(default_factory=dict)

    @property
    def name(self):
        return self.packages[0].name

    def spec(self, stage):
        first, *others = self.packages
        lines = [f"Name: {first.name}", f"Version: {self.version}", f"Release: {self.release}%{{?dist}}"]
        lines += [f"Epoch: {self.epoch}"] if self.epoch else []
        lines += ["BuildArch: noarch"] if self.arch == "noarch" else []
        lines += ["License: MIT", "URL: https://copa.invalid/lab", *preamble(first)]
        for package in others:
            lines += [f"%package -n {package.name}", *preamble(package)]
        for package in self.packages:
            lines += [f"%description -n {package.name}", f"{package.name}, made for the lab."]
        lines += ["%install", f"cp -a '{stage}/.' %{{buildroot}}"]
        for package in self.packages:
            lines += [f"%files -n {package.name}", "%defattr(-,root,root,-)"]
            lines += [file.line() for file in package.files if file.listed]
            lines += [package.scripts.replace("@", f" -n {package.name}")]
        return "\n".join([*lines, *self.changelog()]) + "\n"

    def changelog(self):
        evr = f"{self.version}-{self.release}"
        return ["%changelog", f"* Tue Nov 14 2023 Copa lab <lab@copa.invalid> - {evr}",
                *(f"- Fix {cve}" for cve in self.cves or ["nothing"])]

    def build(self, work, out, date):
        """Packs the binaries into the folder `out`; returns their paths."""
        work.mkdir(parents=True)
        stage, spec = work / "stage", work / "it.spec"
        for package in self.packages:
            lay_out(stage, package.files)
        spec.write_text(self.spec(stage))
        defines = MACROS | self.macros | {"_topdir": str(work), "_rpmdir": str(out)}
        words = [word for name, value in defines.items() for word in ("--define", f"{name} {value}")]
        target = [] if self.arch == "noarch" else ["--target", self.arch]
        environment = {"PATH": os.environ["PATH"], "HOME": str(work), "LC_ALL": "C.UTF-8",
                       "SOURCE_DATE_EPOCH": str(date)}
        command = ["rpmbuild", "--quiet", "-bb", *target, *words, str(spec)]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            raise LabError(f"rpmbuild of {self.name}: {(done.stdout + done.stderr)[-3000:].decode(errors='replace')}")
        return [out / f"{p.name}-{self.version}-{self.release}.azl3.{self.arch}.rpm" for p in self.packages]


def preamble(package):
    return [f"Summary: {package.name}", *package.tags]


def lay_out(stage, files):
    """Writes the files below a folder. Hard links need what they link to before them."""
    for file in files:
        path = Path(stage) / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.kind in ("directory", "tree"):
            path.mkdir(exist_ok=True)
        elif file.kind == "link":
            path.symlink_to(file.target)
        elif file.kind == "hard":
            os.link(Path(stage) / file.target, path)
        else:
            path.write_bytes(file.data)
            path.chmod(file.mode)
