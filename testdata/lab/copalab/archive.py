"""The Debian archive, as this machine's own apt sources name it, every byte verified.

InRelease is checked with gpgv against Debian's archive keys, an index against
InRelease, a .deb against the index. What was fetched is kept in a cache folder.
"""

import functools
import gzip
import hashlib
import lzma
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import LabError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
RELEASES = {"bullseye": "11", "bookworm": "12", "trixie": "13"}
SUITE = re.compile(r"(bullseye|bookworm|trixie)(-updates|-security|/updates)?$")
STALE_AFTER = 6 * 3600  # seconds: an InRelease older than this is fetched again


def apt_sources():
    """Yields (URL, suite) of every binary source in apt's own configuration."""
    folder = Path("/etc/apt/sources.list.d")
    for path in [Path("/etc/apt/sources.list"), *sorted(folder.glob("*"))]:
        if path.suffix == ".sources":
            yield from _deb822_sources(path.read_text())
        elif path.suffix == ".list" and path.exists():
            yield from _one_line_sources(path.read_text())


def _deb822_sources(text):
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        field = dict(line.split(":", 1) for line in lines if ":" in line and line[0] != " ")
        if "deb" in field.get("Types", "").split() and field.get("Enabled", "").strip() != "no":
            for url in field.get("URIs", "").split():
                for suite in field.get("Suites", "").split():
                    yield url.rstrip("/"), suite


def _one_line_sources(text):
    for line in text.splitlines():
        words = re.sub(r"\[.*?\]", "", line.split("#")[0]).split()
        if len(words) >= 4 and words[0] == "deb":
            yield words[1].rstrip("/"), words[2]


@functools.cache
def mirrors():
    """(URL of the archive, URL of the security archive); the environment can name others."""
    found = {}
    for url, suite in apt_sources():
        if SUITE.match(suite) and url.startswith("http"):
            found.setdefault(suite.endswith(("-security", "/updates")), url)
    main = os.environ.get("COPA_LAB_MIRROR") or found.get(False)
    if not main:
        raise LabError("no Debian mirror in apt's sources: set COPA_LAB_MIRROR")
    security = os.environ.get("COPA_LAB_SECURITY_MIRROR") or found.get(True)
    return main, security or main + "-security"


def fetch(url):
    request = urllib.request.Request(url, headers={"User-Agent": "copa-lab"})
    for attempt in (1, 2, 3):
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == 3:
                raise LabError(f"{url}: HTTP {error.code}") from error
        except OSError as error:
            if attempt == 3:
                raise LabError(f"{url}: {error}") from error
        time.sleep(attempt)


def write_whole(path, data):
    """Writes a file that other processes see either whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_bytes(data)
    partial.rename(path)


@functools.cache
def newer(a, b):
    """Whether version a is higher than version b, by dpkg's own word."""
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b], check=False).returncode == 0


def _order(a, b):
    return (newer(a["Version"], b["Version"])) - (newer(b["Version"], a["Version"]))


def fields(stanza):
    """The single-line fields of a deb822 stanza."""
    lines = [line for line in stanza.splitlines() if line[:1] not in (" ", "\t", "#", "")]
    pairs = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in pairs}


class Archive:
    """Debian's suites of one machine, through a cache folder."""

    def __init__(self, cache):
        self.cache = Path(cache)
        self.indexes = {}

    def suites(self, release):
        return [release, f"{release}-updates", f"{release}-security"]

    def base(self, suite):
        return mirrors()[suite.endswith("-security")]

    def in_release(self, suite):
        """The signed InRelease, byte for byte."""
        path = self.cache / "lists" / f"{suite}_InRelease"
        if not path.exists() or time.time() - path.stat().st_mtime > STALE_AFTER:
            write_whole(path, fetch(f"{self.base(suite)}/dists/{suite}/InRelease"))
        return path.read_bytes()

    def release(self, suite):
        """The text of the suite's Release, once its signature holds."""
        signed = self.in_release(suite)
        gpgv = ["gpgv", "--quiet", "--keyring", KEYRING, "--output", "-", "-"]
        checked = subprocess.run(gpgv, input=signed, capture_output=True, check=False)
        if checked.returncode:
            raise LabError(f"{suite}: InRelease is not signed by Debian:\n{checked.stderr.decode()}")
        return checked.stdout.decode()

    def index_files(self, suite, arch, endings):
        """{path below dists/SUITE: verified bytes} of the suite's Packages."""
        listed = self.release(suite).split("\nSHA256:\n", 1)[1]
        found = {}
        for ending in endings:
            name = f"main/binary-{arch}/Packages.{ending}"
            line = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(name)}$", listed, re.M)
            if line:
                found[name] = self.by_hash(suite, name, line[1])
        return found

    def by_hash(self, suite, name, digest):
        path = self.cache / "lists" / digest
        if not path.exists():
            folder = f"{self.base(suite)}/dists/{suite}/{os.path.dirname(name)}"
            self._keep(path, f"{folder}/by-hash/SHA256/{digest}", digest)
        return path.read_bytes()

    def _keep(self, path, url, digest):
        data = fetch(url)
        if hashlib.sha256(data).hexdigest() != digest:
            raise LabError(f"{url}: its SHA-256 is not {digest}")
        write_whole(path, data)

    def index(self, suite, arch):
        """{package: [stanza text]} of a suite."""
        if (suite, arch) not in self.indexes:
            packages = self.indexes[suite, arch] = {}
            for stanza in self.index_text(suite, arch).split("\n\n"):
                name = stanza.partition("\n")[0].removeprefix("Package: ")
                packages.setdefault(name, []).append(stanza.strip("\n"))
        return self.indexes[suite, arch]

    def index_text(self, suite, arch):
        """Packages, from the form that is fastest to decode; a suite does not have all."""
        for ending, decode in (("gz", gzip.decompress), ("xz", lzma.decompress)):
            for data in self.index_files(suite, arch, (ending,)).values():
                return decode(data).decode()
        raise LabError(f"{suite} {arch}: no Packages in a form that the lab can read")

    def stanzas(self, suite, arch, package):
        """What a suite carries of a package: fields, with the raw text and the suite beside them."""
        texts = self.index(suite, arch).get(package, [])
        return [fields(text) | {"text": text, "suite": suite} for text in texts]

    def candidates(self, release, arch, package, suites=None):
        """Every version of a package that the release's suites carry, lowest first."""
        every = [s for suite in suites or self.suites(release)
                 for s in self.stanzas(suite, arch, package)]
        return sorted(every, key=functools.cmp_to_key(_order))

    def pick(self, release, arch, package, which):
        """One stanza: `old` the oldest, `main` the release suite's, `new` the highest of all."""
        suites = [release] if which == "main" else None
        found = self.candidates(release, arch, package, suites)
        if not found:
            raise LabError(f"{release} {arch}: no package {package} ({which})")
        return found[0 if which == "old" else -1]

    def deb(self, stanza):
        """The path of the verified .deb of a stanza."""
        path = self.cache / "debs" / stanza["SHA256"] / os.path.basename(stanza["Filename"])
        if not path.exists():
            name = urllib.parse.quote(stanza["Filename"])
            self._keep(path, f"{self.base(stanza['suite'])}/{name}", stanza["SHA256"])
        return path
