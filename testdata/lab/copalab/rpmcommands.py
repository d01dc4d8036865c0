"""The subcommands of lab.py about RPM: repository, images, oracles."""

import contextlib
import sys

from . import distroless, rpmevil, rpmgolden, rpmimage, rpmrepo, rpmroot, rpmverify, signing
from .archive import Archive


def rpm_repo(a):
    with contextlib.closing(signing.Signer()) as signer:
        print(rpmrepo.build(Archive(a.lab_cache), a.out, signer, a.compression), "packages", file=sys.stderr)
        for kind in a.evil:
            rpmevil.twin(a.out, kind, signer)


def rpm_image(a):
    for tag, digest in rpmimage.build(a.repo, a).items():
        print(tag, digest, file=sys.stderr)


def rpm_verify(a):
    found = list(rpmverify.verify(a.image, a.arch, a.before, a.any_journal))
    print("\n".join(found) if found else "sound")
    return bool(found)


def rpm_packages(a):
    for line in sorted(rpmverify.Unpacked(a.image, a.arch).packages()):
        print(*line, sep="\t")


def rpm_golden(a):
    print("\n".join(rpmgolden.build(a)))


def rpm_headers(a):
    found = list(rpmgolden.differences(a.a, a.b, a.arch))
    print("\n".join(found) if found else "the same")
    return bool(found)


def rpm_image_arguments(p):
    kinds = "; ".join(f"{kind}: {text}" for kind, text in rpmimage.DATABASES.items())
    p.add_argument("repo", help="what `rpm-repo` made")
    p.add_argument("out", help="the OCI layout to add to")
    p.add_argument("--tag", default="{db}-{pick}")
    p.add_argument("--db", default="sqlite,manifest,both", help=f"one or several of: {kinds}")
    p.add_argument("--arch", default="x86_64", help="x86_64 or aarch64; both, with a comma, make an index")
    p.add_argument("--pick", default="old,new", help="one or both of old,new")
    p.add_argument("--package", default=[], action="append", help=f"in place of {' '.join(rpmimage.PACKAGES)}")
    p.add_argument("--extra", default=[], action="append", metavar="PACKAGE", help="on top: turncoat, busybox")
    p.add_argument("--dialect", default="toolkit", choices=rpmroot.DIALECTS, help="of the container-manifests")
    p.add_argument("--docs", action="store_true", help="install documents too")
    p.add_argument("--media", default="oci", choices=("oci", "docker"))
    p.add_argument("--compression", default="gzip", choices=("gzip", "zstd", "none"))
    p.add_argument("--config", default="{}", metavar="JSON", help="merged into the image's configuration document")
    p.add_argument("--layer", default=[], action="append", metavar="JSON", help=distroless.user_layers.__doc__)


def add(command):
    p = command("rpm-repo", rpm_repo, "a signed RPM repository with packages of every awkward kind, old and new")
    p.add_argument("out")
    p.add_argument("--compression", default="gz", choices=("gz", "xz", "bz2"), help="of the metadata")
    kinds = "; ".join(f"{kind}: {text}" for kind, text in rpmevil.EVIL.items())
    p.add_argument("--evil", default=[], action="append", choices=rpmevil.EVIL,
                   help=f"a twin in OUT-EVIL, with `new` only: {kinds}")
    command("rpm-image", rpm_image, "build Azure-Linux-shaped images with the real rpm (as root)", rpm_image_arguments)
    p = command("rpm-verify", rpm_verify, "look for faults in an RPM image with the real rpm and dnf (as root)")
    p.add_argument("image")
    p.add_argument("--arch", default="amd64")
    p.add_argument("--before", help="the image that was patched: what rpm -Va and dnf check say of it does not count")
    p.add_argument("--any-journal", action="store_true", help="as rpm leaves it: in WAL mode, with side files")
    p = command("rpm-golden", rpm_golden, "upgrade an image with the real rpm: what a patch has to give (as root)")
    p.add_argument("image")
    p.add_argument("repository", help="such as REPO/new/x86_64")
    p.add_argument("--out", required=True, help="oci:LAYOUT:TAG, or a folder that is not there yet")
    p.add_argument("--arch", default="amd64")
    p.add_argument("--only", metavar="PACKAGES", help="some of those that can be upgraded, with commas")
    p.add_argument("--add", metavar="PACKAGES", help="packages that are not installed yet, with commas: busybox")
    p.add_argument("--obsoletes", action="store_true", help="packages too that obsolete an installed one")
    p.add_argument("--docs", action="store_true", help="install documents too")
    p.add_argument("--scripts", action="store_true", help="run scriptlets and triggers (needs busybox in the image)")
    p.add_argument("--no-ldconfig", action="store_true", help="leave etc/ld.so.cache as it is")
    p.add_argument("--installed", help="the packages of an image without a database; default: REPO/old/ARCH")
    p = command("rpm-headers", rpm_headers, "compare two rpm databases but for the time of installation")
    p.add_argument("a", help="rpmdb.sqlite, or an image: then container-manifests are compared too")
    p.add_argument("b")
    p.add_argument("--arch", default="amd64")
    p = command("rpm-packages", rpm_packages, "list what the rpm database and the container-manifest say (as root)")
    p.add_argument("image")
    p.add_argument("--arch", default="amd64")
