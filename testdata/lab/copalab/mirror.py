"""Package mirrors in a folder: small ones signed with a lab key, their broken twins, and whole ones."""

import contextlib
import gzip
import hashlib
import lzma
import re
import shutil
import time
from pathlib import Path

from .archive import newer
from .signing import DATE, DAY, Signer

KEPT_FIELDS = ("Origin", "Label", "Suite", "Version", "Codename")
EVIL = {
    "expired": "Valid-Until is in the past",
    "unsigned": "neither InRelease nor Release.gpg",
    "wrong-key": "signed by a key that is not in the keyring",
    "bad-signature": "InRelease changed after it was signed, no Release.gpg",
    "tampered-index": "Packages changed after the Release was signed",
    "tampered-deb": "every .deb changed after the index was written",
    "rollback": "a validly signed older Release without the newer versions",
}


def rfc(seconds):
    return time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(seconds))


def top_of(out, suite):
    return Path(out) / ("debian-security" if suite.endswith("-security") else "debian")


class MiniMirror:
    """Real packages of some suites under our own signature."""

    def __init__(self, archive, out, release, arches):
        self.archive, self.out, self.release, self.arches = archive, Path(out), release, arches

    def build(self, packages, which, signer):
        """`which`: all versions the suites carry, or only the new ones."""
        for suite in self.archive.suites(self.release):
            tables = {arch: self.stanzas(suite, arch, packages, which) for arch in self.arches}
            for stanza in {s["Filename"]: s for table in tables.values() for s in table}.values():
                self.copy_deb(suite, stanza)
            write_suite(top_of(self.out, suite) / "dists" / suite, self.header(suite), tables)
            signer.sign(top_of(self.out, suite) / "dists" / suite)
        (self.out / "archive-key.gpg").write_bytes(signer.public())
        (self.out / "archive-key.asc").write_bytes(signer.public("--armor"))

    def stanzas(self, suite, arch, packages, which):
        found = []
        for package in packages:
            every = self.archive.candidates(self.release, arch, package)
            for stanza in self.archive.stanzas(suite, arch, package):
                highest = not newer(every[-1]["Version"], stanza["Version"])
                if which == "all" or (highest and every[-1]["suite"] == suite):
                    found.append(stanza)
        return found

    def copy_deb(self, suite, stanza):
        target = top_of(self.out, suite) / stanza["Filename"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.archive.deb(stanza), target)

    def header(self, suite):
        lines = self.archive.release(suite).splitlines()
        kept = [line for line in lines if line.split(":")[0] in KEPT_FIELDS]
        dates = [f"Date: {rfc(DATE)}", f"Valid-Until: {rfc(DATE + 36500 * DAY)}"]
        return [*kept, *dates, "Acquire-By-Hash: yes", f"Architectures: {' '.join(self.arches)}", "Components: main"]


def write_suite(folder, header, tables):
    """Packages (plain, gz, xz; by-hash too) of {arch: stanzas}, and the Release over them."""
    sums = []
    for arch, stanzas in tables.items():
        plain = "".join(stanza["text"] + "\n\n" for stanza in stanzas).encode()
        forms = {"": plain, ".gz": gzip.compress(plain, 9, mtime=0), ".xz": lzma.compress(plain)}
        for ending, data in forms.items():
            name, digest = f"main/binary-{arch}/Packages{ending}", hashlib.sha256(data).hexdigest()
            put(folder / name, data)
            put(folder / f"main/binary-{arch}/by-hash/SHA256/{digest}", data)
            sums.append(f" {digest} {len(data):>10} {name}")
    put(folder / "Release", "\n".join([*header, "SHA256:", *sums, ""]).encode())


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def evil_twin(good, out, kind, signer):
    """A copy of a mini mirror with one thing wrong."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(good, out)
    for path in sorted(Path(out).rglob("*")):
        if path.is_file():
            spoil(path, kind)
    if kind in ("expired", "rollback"):
        for release in Path(out).rglob("Release"):
            signer.sign(release.parent)
    if kind == "wrong-key":
        with contextlib.closing(Signer("Somebody else <else@copa.invalid>")) as stranger:
            for release in Path(out).rglob("Release"):
                stranger.sign(release.parent)


def spoil(path, kind):
    signature = path.name in ("InRelease", "Release.gpg")
    if kind == "unsigned" and signature or kind == "bad-signature" and path.name == "Release.gpg":
        path.unlink()
    elif kind == "bad-signature" and path.name == "InRelease":
        path.write_bytes(path.read_bytes().replace(b"Label: Debian", b"Label: Debiam"))
    elif kind == "tampered-deb" and path.suffix == ".deb":
        flip(path, -40)
    elif kind == "tampered-index" and (path.name.startswith("Packages") or "by-hash" in path.parts):
        flip(path, path.stat().st_size // 2)
    elif kind == "expired" and path.name == "Release":
        redate(path, Date=DATE - 2 * DAY, Valid_Until=DATE - DAY)
    elif kind == "rollback" and path.name == "Release":
        roll_back(path)


def flip(path, at):
    data = bytearray(path.read_bytes())
    if data:
        data[at] ^= 1
        path.write_bytes(data)


def redate(path, **dates):
    text = path.read_text()
    for name, value in dates.items():
        text = re.sub(rf"(?m)^{name.replace('_', '-')}: .*$", f"{name.replace('_', '-')}: {rfc(value)}", text)
    path.write_text(text)


def roll_back(path):
    """An older state of the suite: 30 days earlier, without any package."""
    header = path.read_text().split("SHA256:\n")[0].splitlines()
    arches = next(line for line in header if line.startswith("Architectures:")).split()[1:]
    write_suite(path.parent, header, {arch: [] for arch in arches})
    redate(path, Date=DATE - 30 * DAY)


def full_mirror(archive, out, release, arches, packages):
    """The real signed indexes, whole, and the pools of some packages: what a benchmark reads."""
    for suite in archive.suites(release):
        folder = top_of(out, suite) / "dists" / suite
        put(folder / "InRelease", archive.in_release(suite))
        for arch in arches:
            for name, data in archive.index_files(suite, arch, ("gz", "xz")).items():
                put(folder / name, data)
                put((folder / name).parent / "by-hash/SHA256" / hashlib.sha256(data).hexdigest(), data)
            for stanza in [s for name in packages for s in archive.stanzas(suite, arch, name)]:
                put(top_of(out, suite) / stanza["Filename"], archive.deb(stanza).read_bytes())
