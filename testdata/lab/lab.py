#!/usr/bin/env python3
"""The lab: real Debian and made RPM packages, images, mirrors, registries and scanners for the tests.

    lab.py image --release bookworm --flavour static,base --pick old,new --out LAYOUT
    lab.py diff oci:LAYOUT:base-old oci:LAYOUT:base-new     # what a perfect patch changes
    lab.py verify oci:LAYOUT:base-old                       # is the image sound in itself?
    lab.py mirror MIRROR libssl3 tzdata --release bookworm --evil expired
    lab.py registry start --mode token DIR; lab.py registry stop DIR
    lab.py rpm-repo REPO --evil expired                     # signed RPMs of awkward kinds, old and new
    lab.py rpm-image REPO LAYOUT --db sqlite,manifest       # Azure-Linux-shaped: sqlite-old, manifest-new...
    lab.py rpm-verify oci:LAYOUT:patched --before oci:LAYOUT:sqlite-old
    lab.py rpm-golden oci:LAYOUT:sqlite-old REPO/new/x86_64 --out oci:LAYOUT:golden
    lab.py rpm-headers oci:LAYOUT:patched oci:LAYOUT:golden # the same headers and rows but for the time
    lab.py scanners TOOLS; lab.py trivy-db CACHE; lab.py trivy oci:LAYOUT:base-old --tools TOOLS --cache CACHE

`old` is the oldest version that any suite of the release carries, `main` the release
suite's, `new` the highest of all: an image built with `new` is what patching one built
with `old` has to give. Runs on Debian with Python 3 and Debian's own tools. Packages
come from the mirror in apt's own sources (COPA_LAB_MIRROR and
COPA_LAB_SECURITY_MIRROR name another), verified, and are kept in COPA_LAB_CACHE.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # the folder is under version control

from copalab import LabError, compare, distroless, docker, faults, layout, mirror, quickstart, registry, registry_tools
from copalab import rpmcommands, scanners, serve, signing
from copalab.archive import RELEASES, Archive
from copalab.layout import ImageView


def image(a):
    digests, picked = distroless.build(Archive(a.lab_cache), a)
    for line in dict.fromkeys(picked):
        print(*line, sep="\t")
    for tag, digest in digests.items():
        print(tag, digest, file=sys.stderr)


def diff(a):
    one, other = (compare.merged(ImageView(address, a.arch)) for address in (a.a, a.b))
    found = list(compare.differences(one, other, a.times))
    for letters, path in found:
        print(f"{letters:4} /{path}")
    return bool(found)


def verify(a):
    view = ImageView(a.image, a.arch)
    found = list(compare.verify(view))
    if a.golden:
        golden = compare.merged(ImageView(a.golden, a.arch))
        found += [f"not as in {a.golden}: {what} /{path}"
                  for what, path in compare.differences(golden, compare.merged(view))]
    print("\n".join(found) if found else "sound")
    return bool(found)


def packages(a):
    tree = compare.merged(ImageView(a.image, a.arch))
    for file, (package, version) in sorted(compare.packages(tree).items()):
        print(file, package, version, sep="\t")


def push(a):
    layout.push(a.image, a.reference, ["--dest-authfile", a.auth] if a.auth else [])


def make_mirror(a):
    with contextlib.closing(signing.Signer()) as signer:
        mini = mirror.MiniMirror(Archive(a.lab_cache), a.out, a.release, a.arch.split(","))
        mini.build(names(a), a.versions, signer)
        for kind in a.evil:
            mirror.evil_twin(a.out, f"{a.out}-{kind}", kind, signer)


def names(a):
    """The packages named, and those of a whole flavour."""
    lower, upper = distroless.package_names(a.release, a.flavour) if a.flavour else ([], [])
    return sorted({*a.package, *lower, *upper, *(["ca-certificates"] if a.flavour else [])})


def full_mirror(a):
    mirror.full_mirror(Archive(a.lab_cache), a.out, a.release, a.arch.split(","), names(a))


def registry_start(a):
    print(json.dumps(registry.start(a.mode, a.dir)))


def trivy_db(a):
    releases, wanted = a.release or ([] if a.rpm_repo else list(RELEASES)), a.package or scanners.PACKAGES
    count = scanners.build_database(Archive(a.lab_cache), releases, wanted, a.cache, a.rpm_repo)
    print(count, "vulnerabilities")


def trivy(a):
    report = scanners.scan("trivy", a.tools, a.image, a.arch, a.cache)
    write(a.output, report)
    count, found = scanners.summary(report)
    print(f"{count} packages, {sum(map(len, found.values()))} vulnerabilities", file=sys.stderr)


def syft(a):
    write(a.output, scanners.scan("syft", a.tools, a.image, a.arch))


def write(path, document):
    text = json.dumps(document, indent=2) + "\n"
    Path(path).write_text(text) if path else sys.stdout.write(text)


def make_quickstart(a):
    quickstart.make(Archive(a.lab_cache), Path(a.out), a.tools)


def image_arguments(p):
    p.add_argument("--out", required=True, help="the OCI layout to add to")
    p.add_argument("--tag", default="{flavour}-{pick}")
    p.add_argument("--release", required=True, choices=RELEASES)
    p.add_argument("--flavour", default="base", help=f"one or several of {','.join(distroless.FLAVOURS)}")
    p.add_argument("--arch", default="amd64", help="Debian's names; several, with commas, make an index")
    p.add_argument("--pick", default="main", help="one or several of old,main,new")
    p.add_argument("--pin", default=[], action="append", metavar="PACKAGE=VERSION")
    p.add_argument("--extra", default=[], action="append", metavar="PACKAGE", help="on top, such as openssl")
    p.add_argument("--names", default="plain", choices=("plain", "cut", "base64"), help="status.d file names")
    p.add_argument("--no-md5sums", action="store_true", help="as images from before 2022")
    p.add_argument("--no-certificates-status", action="store_true", help="ca-certificates without status.d entry")
    p.add_argument("--merged-usr", default="auto", choices=("auto", "yes", "no"))
    p.add_argument("--media", default="oci", choices=("oci", "docker"))
    p.add_argument("--compression", default="gzip", choices=("gzip", "zstd", "none"))
    p.add_argument("--user", default="root", choices=("root", "nonroot"))
    p.add_argument("--config", default="{}", metavar="JSON", help="merged into the image's configuration document")
    p.add_argument("--layer", default=[], action="append", metavar="JSON", help=distroless.user_layers.__doc__)


def package_arguments(p):
    p.add_argument("package", nargs="*")
    p.add_argument("--release", required=True, choices=RELEASES)
    p.add_argument("--arch", default="amd64")
    p.add_argument("--flavour", choices=distroless.FLAVOURS, help="all packages of such an image")


def scan_arguments(p):
    p.add_argument("image")
    p.add_argument("--tools", required=True, help="where `scanners` installed them")
    p.add_argument("--arch", default="amd64")
    p.add_argument("--output")


def parser():
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--lab-cache", help=argparse.SUPPRESS,
                     default=os.environ.get("COPA_LAB_CACHE") or Path(tempfile.gettempdir()) / "copa-lab-cache")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name, act, text, arguments=None):
        p = commands.add_parser(name, help=text, description=text)
        p.set_defaults(act=act)
        if arguments:
            arguments(p)
        return p

    command("image", image, "build a Debian distroless image from real packages", image_arguments)
    p = command("diff", diff, "compare two images path by path: type, content, mode, owner, xattrs, links")
    p.add_argument("a")
    p.add_argument("b")
    p.add_argument("--arch", default="amd64")
    p.add_argument("--times", action="store_true", help="compare modification times too")
    p = command("verify", verify, "look for faults in an image")
    p.add_argument("image")
    p.add_argument("--arch", default="amd64")
    p.add_argument("--golden", help="another image that has to have the same files")
    p = command("packages", packages, "list what status.d says")
    p.add_argument("image")
    p.add_argument("--arch", default="amd64")
    p = command("push", push, "copy an image of a layout to a registry, every byte as it is")
    p.add_argument("image")
    p.add_argument("reference", help="HOST:PORT/REPOSITORY:TAG")
    p.add_argument("--auth", help="a file with the registry's login")
    p = command("mirror", make_mirror, "a small signed mirror of real packages, and broken twins of it")
    p.add_argument("out")
    package_arguments(p)
    p.add_argument("--versions", default="all", choices=("all", "new"), help="which of those the suites carry")
    p.add_argument("--evil", default=[], action="append", choices=mirror.EVIL,
                   help="a twin in OUT-EVIL: " + "; ".join(f"{k}: {v}" for k, v in mirror.EVIL.items()))
    p = command("full-mirror", full_mirror, "the real whole indexes and some pools, for benchmarks")
    p.add_argument("out")
    package_arguments(p)
    rpmcommands.add(command)
    registry_commands(command("registry", None, "a real registry on loopback"))
    p = command("serve", lambda a: serve.serve_files(a.dir, a.log), "serve a folder until standard input closes")
    p.add_argument("dir")
    p.add_argument("--log", help="one line a request")
    p = command("faulty", lambda a: faults.run(a.url, a.rule), "a proxy before a plain registry that fails on demand")
    p.add_argument("url")
    p.add_argument("--rule", default=[], action="append", metavar="JSON", help=faults.__doc__)
    p = command("token-server", lambda a: serve.serve_tokens(a.dir, a.port), "part of `registry --mode token`")
    p.add_argument("dir")
    p.add_argument("port", type=int)
    p = command("registry-tools", lambda a: registry_tools.install(Archive(a.lab_cache), a.dir), "unpack crane and oras")
    p.add_argument("dir")
    command("docker", lambda a: docker.run(Archive(a.lab_cache)), "a Docker daemon, until standard input closes (as root)")
    scanner_commands(command)
    return top


def registry_commands(p):
    actions = p.add_subparsers(required=True)
    for name, act, text in (("start", registry_start, "start one; print a JSON line about it"),
                            ("run", lambda a: registry.run(a.mode, a.dir), "the same, until standard input closes")):
        q = actions.add_parser(name, help=text, description=text)
        q.set_defaults(act=act)
        q.add_argument("dir")
        q.add_argument("--mode", default="plain", choices=registry.MODES)
    q = actions.add_parser("stop", help="end the processes of a registry")
    q.set_defaults(act=lambda a: registry.stop(a.dir))
    q.add_argument("dir")


def scanner_commands(command):
    p = command("scanners", lambda a: scanners.install(a.dir), "install Trivy and Syft, checked by SHA-256")
    p.add_argument("dir")
    p = command("trivy-db", trivy_db, "write a Trivy database from changelogs and advisories")
    p.add_argument("cache")
    p.add_argument("--release", action="append", choices=RELEASES, help="default: all; with --rpm-repo none")
    p.add_argument("--rpm-repo", metavar="REPO", help="what `rpm-repo` made: its advisories, as Azure Linux 3.0's")
    p.add_argument("--package", action="append")
    p = command("trivy", trivy, "scan an image with Trivy, offline", scan_arguments)
    p.add_argument("--cache", required=True, help="what `trivy-db` wrote")
    command("syft", syft, "list an image's packages with Syft, offline", scan_arguments)
    p = command("quickstart", make_quickstart, "make the image, mirror and report of the README's quick start")
    p.add_argument("out")
    p.add_argument("--tools", required=True, help="where `scanners` installed them")


def main():
    arguments = parser().parse_args()
    sys.stdout.reconfigure(errors="surrogateescape")  # a file's name need not be UTF-8
    try:
        return int(arguments.act(arguments) or 0)
    except (LabError, subprocess.CalledProcessError) as error:
        print(f"lab.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
