"""OCI image layouts: writing deterministic ones, reading any."""

import gzip
import hashlib
import io
import json
import os
import posixpath
import subprocess
import tarfile
import tempfile
from pathlib import Path

from . import LabError

REF_NAME = "org.opencontainers.image.ref.name"
MEDIA_TYPES = {
    "oci": {
        "manifest": "application/vnd.oci.image.manifest.v1+json",
        "index": "application/vnd.oci.image.index.v1+json",
        "config": "application/vnd.oci.image.config.v1+json",
        "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
        "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
        "none": "application/vnd.oci.image.layer.v1.tar",
    },
    "docker": {
        "manifest": "application/vnd.docker.distribution.manifest.v2+json",
        "index": "application/vnd.docker.distribution.manifest.list.v2+json",
        "config": "application/vnd.docker.container.image.v1+json",
        "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "none": "application/vnd.docker.image.rootfs.diff.tar",
    },
}


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compact(document):
    return json.dumps(document, separators=(",", ":")).encode()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c", "-9"], input=data, capture_output=True, check=True).stdout
    return data


def decompress(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-q", "-d", "-c"], input=data, capture_output=True, check=True).stdout
    return data


class LayerTar:
    """An uncompressed layer in the making. A path is named once; a directory may be repeated."""

    def __init__(self, created_by):
        self.created_by = created_by
        self.types = {}
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, info, data=b""):
        path = posixpath.normpath("/" + info.name)
        if path in self.types:
            if info.isdir() and self.types[path] == tarfile.DIRTYPE:
                return
            raise LabError(f"{self.created_by}: {path} twice in one layer")
        self.types[path] = info.type
        info.size = len(data) if info.isreg() else 0
        self.tar.addfile(info, io.BytesIO(data) if info.isreg() else None)

    def directory(self, name, mode=0o755, owner=0):
        self.add(_info(name, tarfile.DIRTYPE, mode, owner))

    def file(self, name, data, mode=0o644, owner=0):
        self.add(_info(name, tarfile.REGTYPE, mode, owner), data)

    def symlink(self, name, target):
        info = _info(name, tarfile.SYMTYPE, 0o777, 0)
        info.linkname = target
        self.add(info)

    def parents(self, name):
        """The directories above a name, as distroless writes them: 0755, root."""
        parts = name.removeprefix("./").split("/")[:-1]
        for n in range(len(parts)):
            self.directory("./" + "/".join(parts[: n + 1]))

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def _info(name, kind, mode, owner):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = kind, mode, owner, owner
    return info


class Layout:
    """A layout folder that images are added to."""

    def __init__(self, path, media="oci", compression="gzip"):
        self.path, self.types, self.compression = Path(path), MEDIA_TYPES[media], compression
        (self.path / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        index = self.path / "index.json"
        empty = {"schemaVersion": 2, "manifests": []}
        self.index = json.loads(index.read_bytes()) if index.exists() else empty

    def blob(self, kind, data):
        digest = digest_of(data)
        (self.path / "blobs" / digest.replace(":", "/")).write_bytes(data)
        return {"mediaType": self.types[kind], "digest": digest, "size": len(data)}

    def layer(self, layer):
        """Adds a LayerTar; returns (who made it, diff id, descriptor)."""
        tar = layer.bytes()
        return layer.created_by, digest_of(tar), self.blob(self.compression, compress(tar, self.compression))

    def image(self, layers, config):
        """Adds an image of layers already added; returns its descriptor. `config` lacks rootfs and history."""
        history = [{"created": config["created"], "created_by": by} for by, _, _ in layers]
        diff_ids = [diff_id for _, diff_id, _ in layers]
        config = config | {"history": history, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": self.types["manifest"],
            "config": self.blob("config", compact(config)),
            "layers": [descriptor for _, _, descriptor in layers],
        }
        platform = {key: config[key] for key in ("architecture", "os", "variant") if key in config}
        return self.blob("manifest", compact(manifest)) | {"platform": platform}

    def index_of(self, descriptors):
        document = {"schemaVersion": 2, "mediaType": self.types["index"], "manifests": descriptors}
        return self.blob("index", compact(document))

    def tag(self, descriptor, name):
        def other(entry):
            return entry.get("annotations", {}).get(REF_NAME) != name

        entry = descriptor | {"annotations": {REF_NAME: name}}
        self.index["manifests"] = [*filter(other, self.index["manifests"]), entry]
        (self.path / "index.json").write_bytes(compact(self.index))


def write_archive(layout, path):
    """The oci-archive (a plain tar) of a layout folder, the same bytes every time."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for file in sorted(p for p in Path(layout).rglob("*") if p.is_file()):
            info = tarfile.TarInfo(str(file.relative_to(layout)))
            info.size = file.stat().st_size
            with file.open("rb") as data:
                tar.addfile(info, data)


def tagged(folder, tag):
    """The descriptor of the image of that tag, or of the only one."""
    entries = json.loads((folder / "index.json").read_bytes())["manifests"]
    named = [e for e in entries if not tag or e.get("annotations", {}).get(REF_NAME) == tag]
    if len(named) != 1:
        raise LabError(f"{folder}: {len(named)} images named {tag!r}, one was expected")
    return named[0]


class ImageView:
    """An image that is only read: documents and layers of `oci:DIR[:TAG]`, or of what skopeo can copy."""

    def __init__(self, address, arch="amd64"):
        self.address, self.arch, self.temporary = address, arch, None
        folder, _, tag = address.removeprefix("oci:").partition(":")
        if not address.startswith("oci:"):
            folder, tag = self._copy(address), "it"
        self.folder = Path(folder)
        self.manifest = self._manifest(tag)
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))

    def _copy(self, address):
        self.temporary = tempfile.TemporaryDirectory(prefix="copa-lab-")
        if "://" not in address and not address.startswith(("oci-archive:", "docker-archive:")):
            address = "docker://" + address
        target = f"oci:{self.temporary.name}/image:it"
        skopeo = ["skopeo", "copy", "-q", "--preserve-digests", "--src-tls-verify=false", "--override-arch", self.arch]
        done = subprocess.run([*skopeo, address, target], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"{address}: skopeo: {done.stderr.strip()}")
        return f"{self.temporary.name}/image"

    def blob(self, digest):
        data = (self.folder / "blobs" / digest.replace(":", "/")).read_bytes()
        if digest_of(data) != digest:
            raise LabError(f"{self.address}: blob {digest} has other content")
        return data

    def _manifest(self, tag):
        document = json.loads(self.blob(tagged(self.folder, tag)["digest"]))
        while "manifests" in document:
            document = json.loads(self.blob(self._platform(document)["digest"]))
        return document

    def _platform(self, index):
        for entry in index["manifests"]:
            if entry.get("platform", {}).get("architecture") == self.arch:
                return entry
        raise LabError(f"{self.address}: no image for {self.arch}")

    def layers(self):
        """Yields (descriptor, uncompressed tar bytes), lowest layer first."""
        for layer in self.manifest["layers"]:
            yield layer, decompress(self.blob(layer["digest"]))

    def entries(self):
        """Yields, layer by layer, a list of (TarInfo, content)."""
        for _, data in self.layers():
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                yield [(m, tar.extractfile(m).read() if m.isreg() else b"") for m in tar]


def as_directory(address, target):
    """The same image in skopeo's `dir:` form, which unlike its `oci:` takes Docker's media types too."""
    folder, _, tag = address.removeprefix("oci:").partition(":")
    folder, target = Path(folder).resolve(), Path(target)
    target.mkdir()
    (target / "version").write_text("Directory Transport Version: 1.1\n")
    for blob in (folder / "blobs/sha256").iterdir():
        (target / blob.name).symlink_to(blob)
        if blob.stat().st_size < 1 << 20:
            (target / f"{blob.name}.manifest.json").symlink_to(blob)
    digest = tagged(folder, tag)["digest"]
    (target / "manifest.json").symlink_to(folder / "blobs" / digest.replace(":", "/"))
    return f"dir:{target}"


def push(address, reference, options):
    """Copies an image of a layout, an index whole, to a registry: every byte as it is."""
    with tempfile.TemporaryDirectory(prefix="copa-lab-") as work:
        source = as_directory(address, f"{work}/image")
        skopeo = ["skopeo", "copy", "-q", "--all", "--preserve-digests", "--dest-tls-verify=false", *options]
        subprocess.run([*skopeo, source, f"docker://{reference}"], check=True)


def clean(name):
    """A tar entry's name as a path relative to the root; the root itself is empty."""
    return os.path.normpath("/" + name).lstrip("/")
