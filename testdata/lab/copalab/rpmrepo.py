"""A signed RPM repository in the shape of Azure Linux 3's: OUT/{old,new}/{x86_64,aarch64}."""

import bz2
import concurrent.futures
import gzip
import lzma
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path
from xml.sax.saxutils import quoteattr

from . import LabError
from .rpmcatalogue import ARCHES, ERAS, OLD, UNCHANGED, sources

KEY_FILE = "RPM-GPG-KEY"
REPO = "{http://linux.duke.edu/metadata/repo}"


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, **options)
    if done.returncode:
        raise LabError(f"{command[0]}: {(done.stdout + done.stderr).decode(errors='replace')[-3000:]}")
    return done.stdout


def build(archive, out, signer, compression="gz"):
    """Makes both eras; the folder must not be there yet. Returns the number of packages."""
    out = Path(out)
    if out.exists():
        raise LabError(f"{out} is there already")
    out.mkdir(parents=True)
    (out / KEY_FILE).write_bytes(signer.public("--armor"))
    made = {name: sources(archive, era) for name, era in ERAS.items()}
    with tempfile.TemporaryDirectory(prefix="copa-lab-rpm-") as work:
        jobs = [(source, Path(work) / f"{era}-{n}", out / era) for era in made for n, source in enumerate(made[era])]
        packages = [path for built in at_once(lambda job: build_one(*job), jobs) for path in built]
    sign_packages(packages, signer, "--addsign")
    for era, built in made.items():
        spread_noarch(out / era)
        for arch in ARCHES:
            folder = out / era / arch
            index(folder, ERAS[era].date, signer, compression, update_info(built, arch) if era == "new" else None)
    return len(packages)


def at_once(work, jobs):
    """The results of jobs that are done on all cores."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, jobs))


def build_one(source, work, era):
    built = source.build(work, work / "out", OLD.date if source.name in UNCHANGED else ERAS[era.name].date)
    folder = era / source.arch
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.move(path, folder / path.name)) for path in built]


def sign_packages(paths, signer, how):
    """Signs headers and, as Azure Linux does, header and payload together. `how`: --addsign, --resign."""
    keys = {"_gpg_path": signer.home, "_gpg_name": signer.identity, "__gpg": shutil.which("gpg"),
            "_gpg_digest_algo": "sha256", "_gpg_sign_cmd_extra_args": " ".join([*signer.clock, "--batch"])}
    defines = [word for name, value in keys.items() for word in ("--define", f"{name} {value}")]
    parts = [paths[n :: os.cpu_count()] for n in range(min(os.cpu_count(), len(paths)))]
    at_once(lambda part: run(["rpmsign", how, "--rpmv3", *defines, *part]), parts)


def spread_noarch(era):
    """A repository of an architecture has the packages of none too."""
    for path in sorted((era / "noarch").iterdir()):
        for arch in ARCHES:
            shutil.copy2(path, era / arch)
    shutil.rmtree(era / "noarch")


def index(folder, revision, signer, compression="gz", update=None):
    """Writes repodata, and signs it if there is somebody to sign. The same packages give the same bytes."""
    shutil.rmtree(folder / "repodata", ignore_errors=True)
    for path in folder.glob("*.rpm"):
        os.utime(path, (revision, revision))
    form = [f"--general-compress-type={compression}", "--no-database"]
    run(["createrepo_c", "--quiet", *form, "--set-timestamp-to-revision", f"--revision={revision}", folder])
    if update:
        with tempfile.TemporaryDirectory(prefix="copa-lab-") as work:
            file = Path(work) / "updateinfo.xml"
            file.write_text(update)
            os.utime(file, (revision, revision))
            compressed = ["--compress", f"--compress-type={compression}"]
            run(["modifyrepo_c", "--mdtype=updateinfo", *compressed, file, folder / "repodata"])
    sign_index(folder, signer)


def sign_index(folder, signer):
    repomd = folder / "repodata/repomd.xml"
    signature = repomd.with_name("repomd.xml.asc")
    signature.unlink(missing_ok=True)
    if signer:
        signature.write_bytes(signer.detached(repomd.read_bytes()))


def update_info(built, arch):
    """The advisories of the sources that fix something, and one that fixes nothing."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<updates>"]
    for source in built:
        if source.arch in (arch, "noarch") and source.name not in UNCHANGED:
            parts += advisory(source)
    return "\n".join([*parts, "</updates>", ""])


def advisory(source):
    evr, kind = f"{source.version}-{source.release}.azl3", "security" if source.cves else "bugfix"
    yield f'<update from="lab" status="final" type="{kind}" version="1"><id>LAB-{source.name}-{evr}</id>'
    yield f'<title>{source.name} {evr}</title><issued date="2023-12-15 00:00:00"/><severity>Important</severity>'
    yield "<references>"
    for cve in source.cves:
        yield f'<reference href="https://copa.invalid/{cve}" id="{cve}" type="cve" title="{cve}"/>'
    yield '</references><pkglist><collection short="lab"><name>lab</name>'
    for package in source.packages:
        words = {"name": package.name, "version": source.version, "release": f"{source.release}.azl3",
                 "epoch": source.epoch, "arch": source.arch, "src": f"{source.name}-{evr}.src.rpm"}
        attributes = " ".join(f"{name}={quoteattr(str(value))}" for name, value in words.items())
        yield f"<package {attributes}><filename>{package.name}-{evr}.{source.arch}.rpm</filename></package>"
    yield "</collection></pkglist></update>"


def metadata(folder, kind):
    """(the document of that kind, its path), as repomd.xml lists it."""
    listed = xml.parse(Path(folder) / "repodata/repomd.xml").find(f"{REPO}data[@type='{kind}']/{REPO}location")
    path = Path(folder) / listed.get("href")
    return xml.fromstring(plain(path)), path


def plain(path):
    """The content of compressed metadata."""
    data = path.read_bytes()
    return {".gz": gzip, ".xz": lzma, ".bz2": bz2}[path.suffix].decompress(data)


def fixes(folder):
    """Yields (source package, CVE id, fixed epoch:version-release) of a repository's advisories."""
    for update in metadata(folder, "updateinfo")[0].iter("update"):
        package = next(update.iter("package"))
        source = package.get("src").rsplit("-", 2)[0]
        for reference in update.iter("reference"):
            yield source, reference.get("id"), "{epoch}:{version}-{release}".format(**package.attrib)
