"""What README's quick start patches, offline: an image, a mirror that has its updates, a report."""

import contextlib
import json
import re
import shutil
import tempfile
from argparse import Namespace

from . import compare, distroless, mirror, scanners, signing
from .archive import newer
from .layout import ImageView, write_archive

RELEASE, FLAVOUR, ARCH = "bookworm", "base", "amd64"
PLAIN = {"release": RELEASE, "flavour": FLAVOUR, "arch": ARCH, "pick": "main", "pin": [], "extra": [],
         "names": "plain", "no_md5sums": False, "no_certificates_status": False, "merged_usr": "auto",
         "media": "oci", "compression": "gzip", "user": "root", "config": "{}", "layer": []}


def make(archive, out, tools):
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        options = Namespace(**PLAIN, out=f"{work}/image", tag="debian12-base")
        distroless.build(archive, options)
        write_archive(options.out, out / "image.tar")
        make_mirror(archive, out / "mirror", f"oci:{options.out}")
        wanted = distroless.package_names(RELEASE, FLAVOUR)
        scanners.build_database(archive, [RELEASE], [*sum(wanted, []), "ca-certificates"], f"{work}/cache")
        report = scanners.scan("trivy", tools, f"oci:{options.out}:{options.tag}", ARCH, f"{work}/cache")
        (out / "report.json").write_text(json.dumps(settled(report), indent=1) + "\n")


def make_mirror(archive, folder, image):
    """Exactly the packages that the image has in an older version."""
    shutil.rmtree(folder, ignore_errors=True)
    installed = compare.packages(compare.merged(ImageView(image, ARCH))).values()
    wanted = [name for name, version in installed if newer(newest(archive, name), version)]
    with contextlib.closing(signing.Signer()) as signer:
        mirror.MiniMirror(archive, folder, RELEASE, [ARCH]).build(sorted(wanted), "new", signer)


def newest(archive, name):
    return archive.pick(RELEASE, ARCH, name, "new")["Version"]


def settled(report):
    """The report without what differs from run to run."""
    for result in report["Results"]:
        result["Target"] = re.sub(r"^\S+", "image.tar", result["Target"])
        for found in result.get("Vulnerabilities", []):
            found.pop("Fingerprint", None)
    report = {key: value for key, value in report.items() if key not in ("CreatedAt", "ReportID")}
    return report | {"ArtifactName": "image.tar"}
