"""What patching an RPM image has to give: the real rpm upgrades its packages, and the result is an image again."""

import os
import sqlite3
import subprocess
from pathlib import Path

from . import LabError, rootfs, rpmheader
from .layout import Layout
from .rpmcatalogue import NEW
from .rpmroot import FILE, MANIFESTS
from .rpmverify import Unpacked


def build(options):
    """Upgrades in a copy of the image; writes `oci:LAYOUT:TAG` or a folder. Returns the packages it upgraded to."""
    image = Unpacked(options.image, options.arch)
    root, repository = image.root, Path(options.repository)
    root.clock = int(os.environ.get("SOURCE_DATE_EPOCH", NEW.date + 200))
    if not image.places:
        database_from_manifest(image, Path(options.installed or repository.parent.parent / "old" / repository.name))
    packages = chosen(root, repository, options)
    if packages:
        root.install(packages, "-U", options.docs, options.scripts)
    if (root.path / "etc/ld.so.cache").exists() and not options.no_ldconfig:
        root.link_libraries(image.arch)
    finish(image)
    write(image, options.out)
    return [path.name for path in packages]


def database_from_manifest(image, installed):
    """An image without a database gets one for as long as the upgrade takes: that of the very packages."""
    lines = [line.split("\t") for line in image.manifest(2)]
    names = [f"{line[0]}-{line[1]}.{line[7]}.rpm" for line in lines if line[0] != "gpg-pubkey"]
    missing = [name for name in names if not (installed / name).exists()]
    if missing or not names:
        raise LabError(f"{installed}: no {' '.join(missing) or 'packages of a manifest'}; --installed names the folder")
    (image.root.path / image.root.database).mkdir(parents=True)
    image.root.install([installed / name for name in names], options=["--justdb"])


def chosen(root, repository, options):
    """The packages of the repository that are newer than an installed one, or obsolete one, or are added."""
    wanted, added = (names.split(",") if names else [] for names in (options.only, options.add))
    form = "%{NAME}\t[%{OBSOLETENAME} ]\t%{NEVRA}"
    have = dict(line.split("\t") for line in root.query("%{NAME}\t%{NEVRA}\n").splitlines())
    found = []
    for path in sorted(repository.glob("*.rpm")):
        name, replaced, version = root.rpm("-qp", "--nosignature", "--qf", form, path).stdout.split("\t")
        takes = options.obsoletes and have.keys() & set(replaced.split())
        newer = name in have and have[name] != version or takes
        if name in added or newer and (not wanted or name in wanted):
            found.append(path)
    if wanted and len(found) != len(wanted) + len(added):
        raise LabError(f"of {' '.join(wanted + added)} only these are there: {' '.join(path.name for path in found)}")
    return found


def finish(image):
    """The database as an image should have it: one file that a read-only root can open; or no database."""
    folder = image.root.path / image.root.database
    database = sqlite3.connect(folder / FILE)
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    image.root.settle()
    if image.manifest(2):
        rewrite_manifests(image)
    if not image.places:
        image.root.settle()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def rewrite_manifests(image):
    """The lines keep their order and dialect."""
    names = [line.split("\t")[0] for line in image.manifest(2)]
    dotted = image.manifest(1)[:1] == [".".join(image.manifest(2)[0].split("\t")[i] for i in (0, 1, 7))]
    lines = [text.decode().splitlines() for text in image.root.manifests("marinara" if dotted else "toolkit")]
    found = {line.split("\t")[0]: number for number, line in enumerate(lines[1])}
    order = [*names, *(name for name in found if name not in names)]
    for number in (1, 2):
        old, new = image.manifest(number), lines[number - 1]
        kept = {name: line for name, line in zip(names, old) if name == "gpg-pubkey"}
        text = [kept.get(name) or new[found[name]] for name in order if name in kept or name in found]
        if old:
            path = image.root.path / MANIFESTS / f"container-manifest-{number}"
            path.write_text("".join(f"{line}\n" for line in text))


def write(image, out):
    if not out.startswith("oci:"):
        subprocess.run(["cp", "-a", f"{image.root.path}/.", out], check=True)
        return
    folder, _, tag = out.removeprefix("oci:").partition(":")
    layout = Layout(folder)
    config = {key: value for key, value in image.view.config.items() if key not in ("history", "rootfs")}
    layer = layout.layer(rootfs.layer_of(image.root.path, "rpm upgrade", image.root.clock))
    layout.tag(layout.image([layer], config), tag)


def differences(one, other, arch):
    """Yields a sentence for all that two databases, or the databases and manifests of two images, differ in
    apart from the time of installation."""
    sides = [Side(address, arch) for address in (one, other)]
    if all(side.database for side in sides):
        databases = [side.database for side in sides]
        yield from rpmheader.other_headers(*databases)
        yield from rpmheader.other_tables(*databases, passed_over=("Installtid",))
        owners = [[row[0] for row in database.tables["Installtid"]] for database in databases]
        if owners[0] != owners[1]:
            yield "table Installtid is about other packages"
    elif any(side.database for side in sides):
        yield "only one has a database"
    for line in sorted(set(sides[0].manifest) ^ set(sides[1].manifest)):
        yield f"{'first' if line in sides[0].manifest else 'second'} manifest only: {' '.join(line)}"


class Side:
    """One of two that are compared: rpmdb.sqlite, a folder with it, or an image."""

    def __init__(self, address, arch):
        path, self.manifest = Path(address), []
        if path.exists():
            self.database = rpmheader.Database(path.parent if path.is_file() else path)
            return
        image = Unpacked(address, arch)
        self.database = rpmheader.Database(image.database) if image.places else None
        lines = [line.split("\t") for line in image.manifest(2)]
        self.manifest = [tuple(v for n, v in enumerate(line) if n not in (2, 5)) for line in lines]
