"""File systems of images on disk: a folder to a layer, and back from what a container would see."""

import os
import stat
import tarfile
from pathlib import Path

from .layout import LayerTar

CAPABILITY = "security.capability"


def layer_of(root, created_by, latest):
    """Everything below a folder as one layer; no time is later than `latest`."""
    layer, linked = LayerTar(created_by), {}
    layer.directory("./")
    for path in walk(root):
        info, status = entry(root, path), os.lstat(path)
        info.mtime = min(int(status.st_mtime), latest)
        if info.isreg() and status.st_nlink > 1:
            first = linked.setdefault(status.st_ino, info.name)
            if first != info.name:
                info.type, info.linkname = tarfile.LNKTYPE, first
        layer.add(info, Path(path).read_bytes() if info.isreg() else b"")
    return layer


def walk(root):
    """Every path below a folder, parents first, in the order of their bytes."""
    for entry_ in sorted(os.scandir(root), key=lambda e: os.fsencode(e.name)):
        yield entry_.path
        if entry_.is_dir(follow_symlinks=False):
            yield from walk(entry_.path)


def entry(root, path):
    status = os.lstat(path)
    info = tarfile.TarInfo("./" + os.path.relpath(path, root))
    info.mode, info.uid, info.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
    elif stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
    for name in os.listxattr(path, follow_symlinks=False):
        if name == CAPABILITY:
            value = os.getxattr(path, name, follow_symlinks=False)
            info.pax_headers[f"SCHILY.xattr.{name}"] = value.decode(errors="surrogateescape")
    return info


def unpack(tree, root):
    """Writes {path: Node} below a folder, with owners, times and capabilities."""
    root, written = Path(root), {}
    for path, node in sorted(tree.items()):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if id(node) in written:
            os.link(written[id(node)], target, follow_symlinks=False)
            continue
        written[id(node)] = target
        make(target, node)
    for path, node in sorted(tree.items(), reverse=True):
        os.utime(root / path, (node.mtime, node.mtime), follow_symlinks=False)


def make(target, node):
    if node.kind == "symlink":
        target.symlink_to(node.target)
    elif node.kind == "directory":
        target.mkdir(exist_ok=True)
    else:
        target.write_bytes(node.data)
    os.chown(target, *node.owner, follow_symlinks=False)
    if node.kind != "symlink":
        target.chmod(node.mode)
    for name, value in node.xattrs.items():
        raw = value.encode(errors="surrogateescape")
        os.setxattr(target, name.removeprefix("SCHILY.xattr."), raw, follow_symlinks=False)
