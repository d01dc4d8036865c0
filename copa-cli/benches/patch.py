#!/usr/bin/env python3
"""How fast a whole patch is, registry to registry, beside the tools that distributions have for it.

    cargo build --release && copa-cli/benches/patch.py
    copa-cli/benches/patch.py --rounds 9 --large 1024
    copa-cli/benches/patch.py --case rpm

`debian`: Debian 12's distroless base with the packages of the release, patched to the newest. The peer
(patch.sh) is skopeo, umoci, apt and dpkg-deb; the mirror has Debian's real whole indexes.
`rpm`: the lab's image in the shape of Azure Linux, with an rpm database. The peer (patch-rpm.sh) is skopeo,
umoci and dnf; the mirror is the lab's, small and signed.

Both read the same registry and the same mirror, on loopback and in memory. They take turns. CPU time and
memory are what `/usr/bin/time` says: user and system time of the whole tree of processes, the largest of its
processes.

`cold` begins with an empty cache, `warm` with that of an earlier run: for copa its cache directory, for the
peer apt's lists, or dnf's metadata and packages. All ask the mirror whether there is anything newer. The
servers are not counted. Needs what the lab needs (testdata/lab), umoci, skopeo, root; `rpm` needs dnf and
sqlite3 too.
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

from cases import CASES, LAB, TOP, lab


@contextlib.contextmanager
def server(*arguments):
    """A server of the lab, which stops when its standard input closes; what it says of itself."""
    command = [str(word) for word in [*LAB, *arguments]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())


class Registry:
    """The registry that everybody reads and pushes to."""

    def __init__(self, host, folder):
        self.host, self.data, self.pristine = host, folder / "data", folder / "pristine"

    def push(self, case):
        for tag in case.tags():
            lab("push", case.local(tag), self.address(tag))
        shutil.copytree(self.data, self.pristine)

    def address(self, tag):
        return f"{self.host}/app:{tag}"

    def restore(self):
        """The registry as it was: nobody finds there what an earlier run pushed."""
        shutil.rmtree(self.data)
        shutil.copytree(self.pristine, self.data)


class Bench:
    """The commands, and one measured run of each."""

    def __init__(self, case, registry, mirror, copa):
        self.case, self.registry, self.mirror, self.copa = case, registry, mirror, copa
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(case.folder), "LC_ALL": "C"}

    def copa_command(self, tag, *options):
        image = ["-i", self.registry.address(tag), "-t", "by-copa", "--push"]
        return [self.copa, "patch", "--progress=quiet", *image, *self.case.copa_options(self.mirror), *options]

    def peer_command(self, tag, place):
        address = self.registry.address
        return self.case.peer(address(tag), address("by-peer"), self.mirror, place)

    def variants(self, tag):
        """name: (command, what is removed before it). The first of each tool fills what `warm` uses."""
        cache, peer = self.case.folder / "cache", self.case.folder / "peer"
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
        self.registry.restore()
        log, memory = self.case.folder / "log", self.case.folder / "time"
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
                    tool = name.split(",")[0]
                    self.case.check(tool, self.registry.address(f"by-{tool}"), tag)
        return found


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
    parser.add_argument("--case", default="debian", choices=CASES)
    parser.add_argument("--copa", default=TOP / "target/release/copa", type=Path)
    parser.add_argument("--rounds", default=7, type=int)
    parser.add_argument("--large", default=0, type=int, metavar="MB", help="also with a layer that has a file of this size")
    parser.add_argument("--place", default="/dev/shm", help="a memory file system")
    return parser.parse_args()


def main():
    options = arguments()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="copa-bench-", dir=options.place)))
        case = CASES[options.case](folder, options.large)
        case.prepare()
        host = stack.enter_context(server("registry", "run", folder / "registry"))["host"]
        mirror = stack.enter_context(server("serve", case.mirror))["url"]
        registry = Registry(host, folder / "registry")
        registry.push(case)
        bench = Bench(case, registry, mirror, options.copa.resolve())
        print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        report(bench.rounds(case.before, options.rounds))
        if options.large:
            print(f"\nwith a layer of {options.large} MB more:")
            report(bench.rounds("large", max(1, options.rounds // 3)))


if __name__ == "__main__":
    main()
