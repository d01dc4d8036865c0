"""A folder that the real rpm works in: packages are installed, upgraded and asked about there."""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import LabError

DATABASE = "var/lib/rpm"
SYSIMAGE = "usr/lib/sysimage/rpm"
MANIFESTS = "var/lib/rpmmanifest"
FILE = "rpmdb.sqlite"
SIDE_FILES = (f"{FILE}-wal", f"{FILE}-shm", ".rpm.lock")
# As the toolkit writes them, and as marinara does: the sixth field, the order and the dot differ.
DIALECTS = {
    "toolkit": ("%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n", "(none)"),
    "marinara": ("%{NAME}.%{VERSION}-%{RELEASE}.%{ARCH}\n", "%{EPOCH}"),
}
FIELDS = ("%{NAME}", "%{VERSION}-%{RELEASE}", "%{INSTALLTIME}", "%{BUILDTIME}", "%{VENDOR}", "", "%{SIZE}", "%{ARCH}",
          "%{EPOCHNUM}", "%{SOURCERPM}")
FREE = ["--nodeps", "--ignorearch", "--ignoreos", "--force-debian", "--nosignature"]


class Root:
    """A folder, its database and the clock that rpm is to believe."""

    def __init__(self, path, clock, database=DATABASE):
        if os.getuid():
            raise LabError("rpm installs into a folder as root only")
        self.path, self.clock, self.database = Path(path), clock, database

    def run(self, program, *arguments, check=True):
        """Runs rpm, rpmdb or dnf; what it said, and with `check` it must succeed."""
        with tempfile.TemporaryDirectory(prefix="copa-lab-home-") as home:
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LC_ALL": "C.UTF-8",
                           "SOURCE_DATE_EPOCH": str(self.clock)}
            (Path(home) / ".rpmmacros").write_text(f"%_dbpath /{self.database}\n")  # dnf has no option for it
            command = [program, *map(str, arguments)]
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
        done.stdout, done.stderr = (text.decode(errors="surrogateescape") for text in (done.stdout, done.stderr))
        if check and done.returncode:
            raise LabError(f"{program} {' '.join(command[1:])[:200]}: {(done.stdout + done.stderr)[-3000:]}")
        return done

    def rpm(self, *arguments, check=True, program="rpm"):
        return self.run(program, "--root", self.path, "--dbpath", f"/{self.database}", *arguments, check=check)

    def query(self, form):
        return self.rpm("-qa", "--qf", form).stdout

    def install(self, packages, how="-i", docs=False, scripts=False, options=()):
        """`how`: -i, -U or -F. Without `scripts` neither scriptlets nor triggers run."""
        quiet = [] if scripts else ["--noscripts", "--notriggers"]
        return self.rpm(how, *FREE, *quiet, *([] if docs else ["--excludedocs"]), *options, *packages)

    def link_libraries(self, arch):
        """Writes etc/ld.so.cache, with the image's own ldconfig if it is for another machine."""
        if not (self.path / "etc/ld.so.conf").exists():
            return
        foreign = [f"qemu-{arch}-static", self.path / "usr/sbin/ldconfig"]
        self.run(*(["ldconfig"] if arch == platform.machine() else foreign), "-X", "-r", self.path)
        shutil.rmtree(self.path / "var/cache/ldconfig", ignore_errors=True)

    def settle(self):
        """Takes away what rpm leaves beside its database when it ends."""
        for name in SIDE_FILES:
            (self.path / self.database / name).unlink(missing_ok=True)

    def manifests(self, dialect):
        """The two files of container-manifest lines that take the place of a database. They are without gpg-pubkey,
        at whose line Trivy gives up."""
        first, epoch = DIALECTS[dialect]
        forms = first, "\t".join(field or epoch for field in FIELDS) + "\n"
        texts = []
        for text in map(self.query, forms):
            lines = [line for line in text.splitlines(True) if not line.startswith("gpg-pubkey")]
            texts.append("".join(sorted(lines) if dialect == "marinara" else lines).encode())
        return texts
