#!/usr/bin/env python3
"""How fast a whole patch is, registry to registry, beside the tools that Debian has for it.

    cargo build --release && copa-cli/benches/patch.py
    copa-cli/benches/patch.py --rounds 9 --large 1024

The image is Debian 12's distroless base with the packages of the release, patched to the newest. The peer
(patch.sh) is skopeo, umoci, apt and dpkg-deb. Both read the same registry and the same mirror, which has
Debian's real whole indexes, on loopback and in memory. They take turns. CPU time and memory are what
`/usr/bin/time` says: user and system time of the whole tree of processes, the largest of its processes.

`cold` begins with an empty cache, `warm` with that of an earlier run: for copa its cache directory, for the
peer apt's lists. The servers are not counted. Needs what the lab needs (testdata/lab), umoci, skopeo, root.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
LAB = [sys.executable, TOP / "testdata/lab/lab.py"]
MIB = 1 << 20


def run(command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def lab(*arguments, **options):
    return run([*LAB, *arguments], **options)


@contextlib.contextmanager
def server(*arguments):
    """A server of the lab, which stops when its standard input closes; what it says of itself."""
    command = [str(word) for word in [*LAB, *arguments]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())


class Place:
    """The image, the registry and the mirror that everybody works with."""

    def __init__(self, folder, large):
        self.folder, self.large = folder, large
        self.images, self.registry_data, self.pristine = folder / "images", folder / "registry/data", folder / "pristine"

    def prepare(self):
        image = ["image", "--release", "bookworm", "--flavour", "base", "--out", self.images]
        lab(*image, "--pick", "main,new", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lab("full-mirror", self.folder / "mirror", "--release", "bookworm", "--flavour", "base")
        if self.large:
            self.add_large(image)

    def add_large(self, image):
        """The same image with one more layer: a file of that size, half of it noise."""
        file = self.folder / "large"
        with file.open("wb") as out:
            for _ in range(self.large):
                out.write(os.urandom(MIB // 2) + bytes(range(256)) * (MIB // 512))
        layer = json.dumps([{"write": "/opt/large", "from": str(file)}])
        lab(*image, "--pick", "main", "--tag", "large", "--layer", layer, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        file.unlink()

    def push(self, host):
        for tag in ["base-main", *(["large"] if self.large else [])]:
            lab("push", f"oci:{self.images}:{tag}", f"{host}/app:{tag}")
        shutil.copytree(self.registry_data, self.pristine)

    def restore(self):
        """The registry as it was: nobody finds there what an earlier run pushed."""
        shutil.rmtree(self.registry_data)
        shutil.copytree(self.pristine, self.registry_data)


class Bench:
    """The commands, and one measured run of each."""

    def __init__(self, place, copa, host, mirror):
        self.place, self.copa, self.host, self.mirror = place, copa, host, mirror
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(place.folder), "LC_ALL": "C"}

    def copa_command(self, tag, *options):
        mirrors = [f"--mirror={name}={self.mirror}/{name}" for name in ("debian", "debian-security")]
        source = f"{self.host}/app:{tag}"
        return [self.copa, "patch", "--progress=quiet", "-i", source, "-t", "by-copa", "--push", *mirrors, *options]

    def peer_command(self, tag, place):
        return [HERE / "patch.sh", f"{self.host}/app:{tag}", f"{self.host}/app:by-peer", self.mirror, place]

    def variants(self, tag):
        """name: (command, what is removed before it). The first of each tool fills what `warm` uses."""
        cache, peer = self.place.folder / "cache", self.place.folder / "peer"
        return {
            "peer, cold": (self.peer_command(tag, peer), peer),
            "copa, cold": (self.copa_command(tag, f"--cache-dir={cache}"), cache),
            "peer, warm": (self.peer_command(tag, peer), None),
            "copa, warm": (self.copa_command(tag, f"--cache-dir={cache}"), None),
            "copa --no-cache": (self.copa_command(tag, "--no-cache"), None),
        }

    def measure(self, command, gone):
        """(wall seconds, CPU seconds, peak MiB)"""
        if gone:
            shutil.rmtree(gone, ignore_errors=True)
        self.place.restore()
        log, memory = self.place.folder / "log", self.place.folder / "time"
        timed = ["/usr/bin/time", "-f", "%M", "-o", str(memory), *map(str, command)]
        with log.open("wb") as out:
            started = time.perf_counter()
            process = subprocess.Popen(timed, stdout=out, stderr=out, env=self.environment)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command[0]} failed:\n{log.read_text()}")
        return wall, usage.ru_utime + usage.ru_stime, int(memory.read_text()) / 1024

    def rounds(self, tag, count):
        """{name: [measured]}, the variants taking turns."""
        found = {}
        for number in range(count):
            for name, (command, gone) in self.variants(tag).items():
                found.setdefault(name, []).append(self.measure(command, gone))
                if number == 0 and name in ("peer, cold", "copa, cold"):
                    self.check(name.split(",")[0], tag)
        return found

    def check(self, tool, tag):
        """What was measured has to be the right thing: an image like one built of the new packages."""
        address = f"{self.host}/app:by-{tool}"
        listed = [lab("packages", image, stdout=subprocess.PIPE, text=True).stdout.split("\n")
                  for image in (address, f"oci:{self.place.images}:base-new")]
        versions = [sorted(line.split("\t")[1:] for line in lines if line) for lines in listed]
        if versions[0] != versions[1]:
            sys.exit(f"{tool} did not patch everything")
        if tag == "base-main":
            new = f"oci:{self.place.images}:base-new"
            wrong = subprocess.run([*map(str, LAB), "diff", new, address], stdout=subprocess.PIPE, text=True, check=False)
            paths = wrong.stdout.splitlines()
            print(f"{tool}: {len(paths)} paths are other than in an image built of the new packages", flush=True)
            if tool == "copa" and paths:
                sys.exit("\n".join(paths))


def report(found):
    middle = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in found.items()}
    least = {name: [min(column) for column in zip(*runs)] for name, runs in found.items()}
    print(f"\n{'median (least)':17}{'wall':>16}{'CPU':>16}{'memory':>10}")
    for name in found:
        cells = [f"{m:.2f} ({low:.2f}) s" for m, low in zip(middle[name][:2], least[name])]
        print(f"{name:17}{cells[0]:>16}{cells[1]:>16}{middle[name][2]:7.0f} MB")
    print(f"\n{'ratio of medians':34}{'wall':>7}{'CPU':>7}{'memory':>8}")
    for peer, copa in (("peer, cold", "copa, cold"), ("peer, cold", "copa --no-cache"),
                       ("peer, cold", "copa, warm"), ("peer, warm", "copa, warm")):
        wall, cpu, memory = (a / b for a, b in zip(middle[peer], middle[copa]))
        print(f"{peer + ' / ' + copa:34}{wall:6.1f}x{cpu:6.1f}x{memory:7.1f}x")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copa", default=TOP / "target/release/copa", type=Path)
    parser.add_argument("--rounds", default=7, type=int)
    parser.add_argument("--large", default=0, type=int, metavar="MB", help="also with a layer that has a file of this size")
    parser.add_argument("--place", default="/dev/shm", help="a memory file system")
    return parser.parse_args()


def main():
    options = arguments()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="copa-bench-", dir=options.place)))
        place = Place(folder, options.large)
        place.prepare()
        host = stack.enter_context(server("registry", "run", folder / "registry"))["host"]
        mirror = stack.enter_context(server("serve", folder / "mirror"))["url"]
        place.push(host)
        bench = Bench(place, options.copa.resolve(), host, mirror)
        print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        report(bench.rounds("base-main", options.rounds))
        if options.large:
            print(f"\nwith a layer of {options.large} MB more:")
            report(bench.rounds("large", max(1, options.rounds // 3)))


if __name__ == "__main__":
    main()
