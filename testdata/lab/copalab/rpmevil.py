"""Broken twins of the new era of an RPM repository: a copy, under the same key file, with one thing wrong."""

import contextlib
import shutil
from pathlib import Path

from .mirror import flip
from .rpmcatalogue import NEW
from .rpmrepo import KEY_FILE, index, metadata, plain, run, sign_packages
from .signing import DATE, DAY, Signer

MISSING = "payload-gzip"
EVIL = {
    "tampered-rpm": "every payload changed and then indexed and signed: only the packages' own digests tell",
    "tampered-header": "every header changed and then indexed and signed: only the packages' own signatures tell",
    "tampered-primary": "primary changed after repomd.xml was written",
    "tampered-repomd": "repomd.xml changed after it was signed",
    "wrong-key": "packages and repomd.xml signed by a key that is not in the key file",
    "unsigned": "neither repomd.xml.asc nor signed packages",
    "expired": "packages and repomd.xml signed by a key that was valid then and is not now; it is the key file's",
    "wrong-package-key": "packages signed by a key that is not in the key file; repomd.xml by the right one",
    "expired-package-key": "packages signed by a key that was valid then and is not now; it is in the key file too",
    "unsigned-packages": "no package is signed; repomd.xml is",
    "unsigned-package": f"{MISSING} is not signed; all others and repomd.xml are",
    "rollback": "the validly signed older state, with a lower revision",
    "missing-rpm": f"{MISSING} is indexed and not there",
}


def twin(good, kind, signer):
    """Makes GOOD-KIND, with the folder `new` only."""
    out = Path(f"{good}-{kind}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    shutil.copyfile(Path(good) / KEY_FILE, out / KEY_FILE)
    shutil.copytree(Path(good) / ("old" if kind == "rollback" else "new"), out / "new")
    repositories = sorted((out / "new").iterdir())
    if kind in ("wrong-key", "expired"):
        signed_by_another(out, repositories, kind == "expired")
    elif kind in ("wrong-package-key", "expired-package-key"):
        signed_by_another(out, repositories, kind == "expired-package-key", signer)
    for folder in repositories:
        spoil(folder, kind, signer)


def spoil(folder, kind, signer):
    packages, repomd = sorted(folder.glob("*.rpm")), folder / "repodata/repomd.xml"
    if kind == "tampered-rpm":
        for path in packages:
            flip(path, -40)
        again(folder, signer)
    elif kind == "tampered-header":
        for path in packages:
            path.write_bytes(path.read_bytes().replace(b"copa.invalid/lab", b"copa.invalid/bad", 1))
        again(folder, signer)
    elif kind == "tampered-primary":
        primary = metadata(folder, "primary")[1]
        flip(primary, primary.stat().st_size // 2)
    elif kind == "tampered-repomd":
        repomd.write_text(repomd.read_text().replace(str(NEW.date), str(NEW.date + 1), 1))
    elif kind in ("unsigned", "unsigned-packages", "unsigned-package"):
        chosen = folder.glob(f"{MISSING}-*.rpm") if kind == "unsigned-package" else packages
        run(["rpmsign", "--delsign", *chosen])
        again(folder, None if kind == "unsigned" else signer)
    elif kind == "missing-rpm":
        next(folder.glob(f"{MISSING}-*.rpm")).unlink()


def again(folder, signer):
    """The same index as before, of what the packages are now."""
    update = metadata(folder, "updateinfo")[1]
    index(folder, NEW.date, signer, update.suffix[1:], plain(update).decode())


def signed_by_another(out, repositories, expired, signer=None):
    """Packages signed by a key of somebody else, who signs repomd.xml too unless there is a signer for that."""
    at, lifetime = (DATE - 60 * DAY, 30 * DAY) if expired else (DATE + 60, 0)
    with contextlib.closing(Signer("Somebody else <else@copa.invalid>", at, lifetime)) as other:
        packages = [path for folder in repositories for path in sorted(folder.glob("*.rpm"))]
        sign_packages(packages, other, "--resign")
        for folder in repositories:
            again(folder, signer or other)
        if expired:
            keys = [key.public("--armor") for key in (signer, other) if key]
            (out / KEY_FILE).write_bytes(b"".join(keys))
