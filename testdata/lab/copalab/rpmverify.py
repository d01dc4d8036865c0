"""Looks for faults in an RPM image with the real rpm and dnf, and with sqlite. No code of copa's takes part in it."""

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from . import compare, rootfs, rpmheader
from .layout import ImageView
from .rpmroot import DATABASE, FIELDS, FILE, MANIFESTS, SYSIMAGE, Root

RPM_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}
WITHOUT = re.compile(r"missing \"?requires\"?.*(/bin/sh|/sbin/ldconfig)")  # distroless images have no interpreters
NOW = 1795176000  # rpm's clock in trees that are thrown away


class Unpacked:
    """The file system of an image in a temporary folder, and where its databases are."""

    def __init__(self, address, arch="amd64"):
        self.view, self.arch = ImageView(address, arch), RPM_ARCH.get(arch, arch)
        self.tree = compare.merged(self.view)
        self.folder = tempfile.TemporaryDirectory(prefix="copa-lab-root-")
        rootfs.unpack(self.tree, self.folder.name)
        places = [path for path in (DATABASE, SYSIMAGE) if f"{path}/{FILE}" in self.tree]
        self.places, self.root = places, Root(self.folder.name, NOW, places[0] if places else DATABASE)

    @property
    def database(self):
        return self.root.path / self.root.database

    def manifest(self, number):
        """The lines of a container-manifest."""
        node = self.tree.get(f"{MANIFESTS}/container-manifest-{number}")
        return node.data.decode(errors="surrogateescape").splitlines() if node else []

    def packages(self):
        """Yields (name, epoch:version-release, arch, where that is written)."""
        if self.places:
            for line in self.root.query("%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\n").splitlines():
                yield *line.split("\t"), "database"
        for fields in (line.split("\t") for line in self.manifest(2)):
            yield fields[0], f"{fields[8]}:{fields[1]}", fields[7], "manifest"


def verify(address, arch, before=None, any_journal=False):
    """Yields one sentence for everything that is wrong; `before` is the image that was patched, whose own faults
    in files and dependencies do not count."""
    image = Unpacked(address, arch)
    yield from compare.verify(image.view)
    known = set(complaints(Unpacked(before, arch))) if before else set()
    if not image.places and not image.manifest(2):
        yield "neither rpmdb.sqlite nor container-manifest-2"
    if len(image.places) > 1:
        yield f"two databases: {' '.join(image.places)}"
    if image.places:
        yield from [] if any_journal else journal(image)
        yield from repeated(image)
        yield from indexes(image)
        yield from (line for line in complaints(image) if line not in known)
    if image.manifest(1) or image.manifest(2):
        yield from manifests(image)


def journal(image):
    found = rpmheader.journal(image.database / FILE)
    if found != (1, 1):
        yield f"{FILE} is in journal mode {found}: a read-only root cannot open it"
    for name in (f"{FILE}-wal", f"{FILE}-shm"):
        if (image.database / name).exists():
            yield f"{name} is beside the database"


def repeated(image):
    database = rpmheader.Database(image.database)
    counts = Counter(h.value(rpmheader.NAME) + "." + h.value(rpmheader.ARCH) for h in database.packages.values())
    for name in sorted(n for n, count in counts.items() if count > 1 and not n.startswith("gpg-pubkey")):
        yield f"{name} is there in {counts[name]} versions"
    yield from (f"{name} is there twice" for name in database.repeated)


def indexes(image):
    """rpm's own check; and every index table against what rpm makes of the same headers anew."""
    checked = image.root.rpm("--verifydb", program="rpmdb", check=False)
    if checked.returncode:
        yield f"rpmdb --verifydb: {(checked.stdout + checked.stderr).strip()}"
    with tempfile.TemporaryDirectory(prefix="copa-lab-db-") as work:
        anew = Root(work, NOW)
        shutil.copytree(image.database, Path(work) / DATABASE)
        anew.rpm("--rebuilddb", program="rpmdb")
        one, two = rpmheader.Database(image.database), rpmheader.Database(Path(work) / DATABASE)
        yield from (f"after --rebuilddb, {line}" for line in rpmheader.other_tables(one, two))
        yield from (f"after --rebuilddb, {line}" for line in rpmheader.other_headers(one, two))


def complaints(image):
    """What `rpm -Va` says of files, but for configuration, and `dnf check` of dependencies."""
    checked = image.root.rpm("-Va", "--nodeps", "--noscripts", check=False)
    for line in (checked.stdout + checked.stderr).splitlines():
        if line and not re.match(r"\S+ +c /", line):
            yield f"rpm -Va: {line}"
    if shutil.which("dnf"):
        where = ["--installroot", image.root.path, "--releasever=3.0", "--forcearch", image.arch]
        checked = image.root.run("dnf", "-q", "--setopt=reposdir=/nonexistent", *where, "check", check=False)
        for line in (checked.stdout + checked.stderr).splitlines():
            if not WITHOUT.search(line) and not line.startswith("Error: Check discovered"):
                yield f"dnf check: {line}"


def manifests(image):
    """Ten fields a line, both files of one dialect and about the same packages, which are the database's too."""
    first, lines = image.manifest(1), [line.split("\t") for line in image.manifest(2)]
    wrong = ["\t".join(line) for line in lines if len(line) != len(FIELDS) or line[5] not in ("(none)", line[8])]
    yield from (f"container-manifest-2: {line}" for line in wrong)
    lines = [line for line in lines if len(line) == len(FIELDS)]
    dialects = [[f"{line[0]}{mark}{line[1]}.{line[7]}" for line in lines] for mark in "-."]
    if first and sorted(first) not in [sorted(names) for names in dialects]:
        difference = min((set(first) ^ set(names) for names in dialects), key=len)
        yield f"container-manifest-1 and -2 do not agree: {' '.join(sorted(difference))}"
    for name, count in Counter((line[0], line[7]) for line in lines).items():
        if count > 1 and name[0] != "gpg-pubkey":
            yield f"container-manifest-2 has {'.'.join(name)} {count} times"
    if image.places:
        yield from not_as_in_database(image, lines)


def not_as_in_database(image, lines):
    form = "\t".join(field or "%{EPOCHNUM}" for field in FIELDS) + "\n"
    wanted = {tuple(line.split("\t")) for line in image.root.query(form).splitlines()}
    found = {(*line[:5], line[8], *line[6:]) for line in lines}
    for line in sorted(wanted ^ found):
        if line[0] != "gpg-pubkey":
            yield f"{'the database' if line in wanted else 'container-manifest-2'} only: {' '.join(line)}"
