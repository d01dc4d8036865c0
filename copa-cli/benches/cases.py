"""What `patch.py` patches: the images, the mirror, the commands, and what the result has to be."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
LAB = [sys.executable, TOP / "testdata/lab/lab.py"]
MIB = 1 << 20


def lab(*arguments, check=True, **options):
    return subprocess.run([str(word) for word in [*LAB, *arguments]], check=check, **options)


def quietly(*arguments):
    lab(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def said(*arguments, check=True):
    """The lines that the lab prints. `check=False` is for oracles, which fail when they find something."""
    return lab(*arguments, stdout=subprocess.PIPE, text=True, check=check).stdout.splitlines()


class Case:
    """An image as it was (`before`), one built of the new packages (`after`), and the mirror that has those."""

    before = after = ""

    def __init__(self, folder, large):
        self.folder, self.large = folder, large
        self.images, self.mirror = folder / "images", folder / "mirror"

    def prepare(self):
        self.build()
        if self.large:
            self.add_large()

    def add_large(self):
        """The image as it was with one more layer: a file of that size, half of it noise."""
        file = self.folder / "large"
        with file.open("wb") as out:
            for _ in range(self.large):
                out.write(os.urandom(MIB // 2) + bytes(range(256)) * (MIB // 512))
        layer = json.dumps([{"write": "/opt/large", "from": str(file)}])
        quietly(*self.image(self.before), "--tag", "large", "--layer", layer)
        file.unlink()

    def tags(self):
        return [self.before, *(["large"] if self.large else [])]

    def local(self, tag):
        return f"oci:{self.images}:{tag}"

    def check(self, tool, address, tag):
        """What was measured has to be the right thing: an image like one built of the new packages."""
        if self.versions(address) != self.versions(self.local(self.after)):
            sys.exit(f"{tool} did not patch everything")
        if tag != self.before:
            return
        lines = said("diff", self.local(self.after), address, check=False)
        paths = [line for line in lines if not self.may_differ(line)]
        print(f"{tool}: {len(paths)} paths are other than in an image built of the new packages", flush=True)
        faults = paths + self.faults(address)
        if tool == "copa" and faults:
            sys.exit("\n".join(faults))

    def may_differ(self, _line):
        return False

    def faults(self, _address):
        return []


class Debian(Case):
    before, after = "base-main", "base-new"

    def image(self, tag):
        pick = tag.removeprefix("base-")
        return ["image", "--release", "bookworm", "--flavour", "base", "--out", self.images, "--pick", pick]

    def build(self):
        for tag in (self.before, self.after):
            quietly(*self.image(tag))
        lab("full-mirror", self.mirror, "--release", "bookworm", "--flavour", "base")

    def copa_options(self, url):
        return [f"--mirror={name}={url}/{name}" for name in ("debian", "debian-security")]

    def peer(self, source, destination, url, place):
        return [HERE / "patch.sh", source, destination, url, place]

    def versions(self, address):
        return sorted(line.split("\t")[1:] for line in said("packages", address) if line)


class Rpm(Case):
    """Made packages. Those of a name that changes are left out: copa installs nothing for being `Obsoletes`."""

    before, after = "sqlite-old", "sqlite-new"
    packages = """
        filesystem azurelinux-release glibc openssl openssl-libs libdemo libdemo-devel libdemo-tools demo scripted
        owned epochal shapes oddnames payload-zstd payload-xz payload-gzip payload-bzip2 payload-none
    """.split()
    come_along = ["busybox"]  # that `owned` needs since

    def image(self, tag):
        database, pick = tag.split("-")
        packages = self.packages + (self.come_along if tag == self.after else [])
        named = [f"--package={name}" for name in packages]
        return ["rpm-image", self.mirror, self.images, "--db", database, "--pick", pick, *named]

    def build(self):
        quietly("rpm-repo", self.mirror)
        for tag in (self.before, self.after):
            quietly(*self.image(tag))

    @property
    def key(self):
        return self.mirror / "RPM-GPG-KEY"

    def copa_options(self, url):
        return [f"--mirror=azurelinux={url}/new/x86_64", f"--keyring={self.key}"]

    def peer(self, source, destination, url, place):
        return [HERE / "patch-rpm.sh", source, destination, f"{url}/new/x86_64", self.key, place]

    def versions(self, address):
        return said("rpm-packages", address)

    def may_differ(self, line):
        """The database says when packages were installed."""
        return line.split() == ["c", "/var/lib/rpm/rpmdb.sqlite"]

    def faults(self, address):
        found = said("rpm-verify", address, "--before", self.local(self.before), check=False)
        return [] if found == ["sound"] else found or ["rpm-verify failed"]


CASES = {"debian": Debian, "rpm": Rpm}
