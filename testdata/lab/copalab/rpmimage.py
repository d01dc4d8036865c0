"""Azure-Linux-shaped images: the lab's packages installed by the real rpm, in one layer."""

import contextlib
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

from . import LabError, distroless
from .layout import Layout
from .rootfs import layer_of
from .rpmcatalogue import ERAS, PAYLOADS
from .rpmrepo import KEY_FILE
from .rpmroot import DATABASE, FILE, MANIFESTS, SYSIMAGE, Root

DATABASES = {
    "sqlite": "rpmdb.sqlite",
    "manifest": "container-manifest-1 and -2 in its place, as Azure Linux distroless",
    "both": "rpmdb.sqlite and container-manifests",
    "left": "rpmdb.sqlite, and beside it the empty -wal and the -shm that rpm leaves",
    "wal": "rpmdb.sqlite that is without openssl, which is in the -wal beside it",
    "sysimage": "in usr/lib/sysimage/rpm; var/lib/rpm is a link there",
}
PACKAGES = """
    filesystem azurelinux-release glibc openssl openssl-libs libdemo libdemo-devel libdemo-tools demo scripted owned
    epochal oldname newname shapes oddnames
""".split() + [f"payload-{kind}" for kind in PAYLOADS]
GO_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}
LATER = 100  # seconds after the era's packages were built: when they were installed
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build(repo, options):
    """Builds the images (each an index if there are several architectures); returns {tag: digest}."""
    layout, digests = Layout(options.out, options.media, options.compression), {}
    arches, kinds = options.arch.split(","), options.db.split(",")
    for which in options.pick.split(","):
        made = [one_tree(layout, Path(repo) / which / arch, options, kinds) for arch in arches]
        for kind, images in zip(kinds, zip(*made)):
            whole = images[0] if len(images) == 1 else layout.index_of(list(images))
            tag = options.tag.format(db=kind, pick=which)
            layout.tag(whole, tag)
            digests[tag] = whole["digest"]
    return digests


def one_tree(layout, repository, options, kinds):
    """Images of the same files, with a database of each kind."""
    era, arch = ERAS[repository.parent.name], repository.name
    with tempfile.TemporaryDirectory(prefix="copa-lab-root-") as folder:
        root = Root(folder, era.date + LATER)
        fill(root, repository, options, arch)
        pristine = {path.name: path.read_bytes() for path in (root.path / DATABASE).iterdir()}
        lines = root.manifests(options.dialect)
        extra = [layout.layer(layer) for layer in distroless.user_layers(options.layer)]
        images = []
        for kind in kinds:
            databases(root.path, kind, pristine, lines)
            layer = layout.layer(layer_of(root.path, f"rpm {era.name} {kind}", root.clock))
            images.append(layout.image([layer, *extra], config(options, arch)))
        return images


def fill(root, repository, options, arch):
    wanted = options.package or PACKAGES
    names = dict.fromkeys(wanted + options.extra)
    found = {name: path for name in names for path in repository.glob(f"{name}-[0-9]*.rpm")}
    missing = {*options.package, *options.extra} - found.keys()
    if missing:
        raise LabError(f"{repository}: no {' '.join(sorted(missing))}")
    (root.path / DATABASE).mkdir(parents=True)
    root.rpm("--initdb")
    root.rpm("--import", repository.parent.parent / KEY_FILE)
    first = [path for name, path in found.items() if name == "filesystem"]  # it has the users
    for packages in filter(None, (first, [path for path in found.values() if path not in first])):
        root.install(packages, docs=options.docs)
    root.link_libraries(arch)


def databases(top, kind, pristine, lines):
    """Puts the database of a kind into the tree, in place of that of another kind."""
    for path in (DATABASE, SYSIMAGE, MANIFESTS):
        with contextlib.suppress(FileNotFoundError):
            (top / path).unlink() if (top / path).is_symlink() else shutil.rmtree(top / path)
    with contextlib.suppress(OSError):
        (top / SYSIMAGE).parent.rmdir()
    if kind != "manifest":
        folder = top / (SYSIMAGE if kind == "sysimage" else DATABASE)
        folder.mkdir(parents=True)
        side = {".rpm.lock"} | (set() if kind == "left" else {f"{FILE}-wal", f"{FILE}-shm"})
        for name in pristine.keys() - side:
            (folder / name).write_bytes(pristine[name])
    if kind == "sysimage":
        (top / DATABASE).symlink_to("../../" + SYSIMAGE)
    if kind == "wal":
        leave_in_wal(top / DATABASE / FILE, "openssl")
    if kind in ("manifest", "both"):
        (top / MANIFESTS).mkdir()
        for number, text in enumerate(lines, 1):
            (top / MANIFESTS / f"container-manifest-{number}").write_bytes(text)


def leave_in_wal(path, package):
    """As after an rpm that was killed: the last package's rows are in the write-ahead log only."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=DELETE")
    number = database.execute("SELECT hnum FROM Name WHERE key = ?", (package,)).fetchone()[0]
    listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = [name for (name,) in database.execute(listed)]
    rows = [(table, row) for table in tables
            for row in database.execute(f'SELECT rowid, * FROM "{table}" WHERE hnum = ?', (number,))]
    database.execute("BEGIN")
    for table in reversed(tables):
        database.execute(f'DELETE FROM "{table}" WHERE hnum = ?', (number,))
    database.execute("COMMIT")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.execute("BEGIN")
    for table, row in rows:
        row = row[1:] if table == "Packages" else row
        names = "hnum, blob" if table == "Packages" else "rowid, key, hnum, idx"
        database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(row))})', row)
    database.execute("COMMIT")
    kept = {name: path.with_name(name).read_bytes() for name in (FILE, f"{FILE}-wal", f"{FILE}-shm")}
    database.close()
    for name, data in kept.items():
        path.with_name(name).write_bytes(data)


def config(options, arch):
    own = json.loads(options.config)
    top = {"architecture": GO_ARCH[arch], "os": "linux", "created": distroless.CREATED}
    return top | {"config": {"Env": [PATH], "Cmd": ["/usr/bin/demo"]} | own.pop("config", {})} | own
