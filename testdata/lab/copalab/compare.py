"""Two images file by file, and one image against itself. No code of copa's takes part in it."""

import hashlib
import posixpath
import re
import tarfile
from dataclasses import dataclass, field

from .layout import clean, digest_of

STATUS_D = "var/lib/dpkg/status.d/"
LETTERS = {"kind": "t", "digest": "c", "mode": "m", "owner": "o", "xattrs": "x", "target": "l", "links": "h"}


@dataclass
class Node:
    """One path of the merged file system."""

    kind: str
    mode: int
    owner: tuple
    mtime: int
    target: str = ""
    data: bytes = b""
    xattrs: dict = field(default_factory=dict)
    links: tuple = ()

    @property
    def digest(self):
        return hashlib.sha256(self.data).hexdigest()


def node_of(info, data):
    kind = {tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink"}.get(info.type, "other")
    kind = "file" if info.isreg() else kind
    xattrs = {k: v for k, v in info.pax_headers.items() if k.startswith("SCHILY.xattr.")}
    target = info.linkname if info.issym() else f"{info.devmajor}:{info.devminor}" if kind == "other" else ""
    mode = 0o777 if info.issym() else info.mode
    return Node(kind, mode, (info.uid, info.gid), int(info.mtime), target, data, xattrs)


def merged(image):
    """{path: Node}: what a container of the image sees."""
    tree = {}
    for entries in image.entries():
        paths = [(clean(info.name), info, data) for info, data in entries]
        for path, _, _ in paths:
            hide(tree, path)
        for path, info, data in paths:
            if path and not posixpath.basename(path).startswith(".wh."):
                place(tree, path, info, data)
    return tree


def hide(tree, path):
    """Takes away what a whiteout of this layer hides of the layers below."""
    folder, name = posixpath.split(path)
    if name == ".wh..wh..opq":
        remove_below(tree, folder)
    elif name.startswith(".wh."):
        gone = posixpath.join(folder, name.removeprefix(".wh."))
        tree.pop(gone, None)
        remove_below(tree, gone)


def remove_below(tree, folder):
    for path in [path for path in tree if path.startswith(folder + "/")]:
        del tree[path]


def place(tree, path, info, data):
    if info.islnk():
        first = tree[clean(info.linkname)]
        first.links = tuple(sorted({*first.links, clean(info.linkname), path}))
        tree[path] = first
        return
    if not info.isdir() and path in tree and tree[path].kind == "directory":
        remove_below(tree, path)
    tree[path] = node_of(info, data)


def differences(a, b, with_times=False):
    """Yields (what, path): `-` only in a, `+` only in b, or letters of what differs."""
    for path in sorted(a.keys() | b.keys()):
        if path not in a or path not in b:
            yield ("+" if path in b else "-"), path
            continue
        letters = "".join(c for name, c in LETTERS.items() if getattr(a[path], name) != getattr(b[path], name))
        if with_times and a[path].mtime != b[path].mtime:
            letters += "T"
        if letters:
            yield letters, path


def verify(image):
    """Yields one sentence for everything that is wrong with an image."""
    yield from wrong_documents(image)
    below = set()
    for number, entries in enumerate(image.entries()):
        yield from (f"layer {number}: {text}" for text in wrong_entries(entries, below))
        below |= {clean(info.name) for info, _ in entries}
    yield from wrong_sums(merged(image))


def wrong_documents(image):
    layers, diff_ids = list(image.layers()), image.config["rootfs"]["diff_ids"]
    if len(layers) != len(diff_ids):
        yield f"{len(layers)} layers, {len(diff_ids)} diff ids"
    history = [entry for entry in image.config.get("history", []) if not entry.get("empty_layer")]
    if history and len(history) != len(layers):
        yield f"{len(layers)} layers, {len(history)} entries of history"
    for (layer, data), diff_id in zip(layers, diff_ids):
        if digest_of(data) != diff_id:
            yield f"diff id of {layer['digest']} is wrong"
        if len(image.blob(layer["digest"])) != layer["size"]:
            yield f"size of {layer['digest']} is wrong"


def wrong_entries(entries, below):
    """A path twice, a path that leaves the root, a whiteout of nothing, a hard link to nothing in the layer."""
    seen = set()
    for info, _ in entries:
        path = clean(info.name)
        folder, name = posixpath.split(path)
        if path in seen:
            yield f"/{path} is there twice"
        if ".." in info.name.split("/"):
            yield f"{info.name} has a parent component"
        if name.startswith(".wh.") and not hides_something(folder, name, below):
            yield f"whiteout of nothing: /{path}"
        if info.islnk() and clean(info.linkname) not in seen:
            yield f"/{path} is a hard link to /{clean(info.linkname)}, which is not before it in the layer"
        seen.add(path)


def hides_something(folder, name, below):
    gone = folder if name == ".wh..wh..opq" else posixpath.join(folder, name.removeprefix(".wh."))
    return gone in below or any(path.startswith(gone + "/") for path in below)


def wrong_sums(tree):
    """Every status.d md5sums against the files. os-release is distroless' own; of ca-certificates only
    a part is there."""
    for path, node in sorted(tree.items()):
        if not path.startswith(STATUS_D) or not path.endswith(".md5sums"):
            continue
        if path.removesuffix(".md5sums") not in tree:
            yield f"/{path} is without its package"
        partial = owner(tree, path.removesuffix(".md5sums")) in ("ca-certificates", "libc-bin")
        for line in node.data.decode().splitlines():
            digest, name = line.split("  ", 1)
            found = resolve(tree, name)
            if found is None and partial or name == "usr/lib/os-release":
                continue
            if found is None or hashlib.md5(found.data).hexdigest() != digest:
                yield f"/{path}: /{name} is {'missing' if found is None else 'another'}"


def owner(tree, path):
    return re.search(rb"(?m)^Package: (.*)$", tree[path].data)[1].decode() if path in tree else ""


def resolve(tree, path):
    """The file at a path, through links in its directories (merged /usr)."""
    for _ in range(40):
        parts = path.split("/")
        prefixes = ("/".join(parts[: n + 1]) for n in range(len(parts)))
        link = next((p for p in prefixes if p in tree and tree[p].kind == "symlink"), None)
        if link is None:
            return tree.get(path)
        rest = path[len(link) :]
        path = clean(posixpath.join("/", posixpath.dirname(link), tree[link].target)) + rest
    return None


def packages(tree):
    """{status.d file: (package, version)}."""
    found = {}
    for path, node in tree.items():
        if path.startswith(STATUS_D) and node.kind == "file" and not path.endswith(".md5sums"):
            text = node.data.decode()
            names = [re.search(rf"(?m)^{name}: (.*)$", text) for name in ("Package", "Version")]
            found[path.removeprefix(STATUS_D)] = tuple(match[1] if match else "" for match in names)
    return found
