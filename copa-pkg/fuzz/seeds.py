#!/usr/bin/env python3
"""Lays real files out as seeds: `seeds.py OUT FOLDER...` makes OUT/TARGET/ for every fuzz target."""

import bz2
import gzip
import hashlib
import lzma
import re
import sqlite3
import sys
from pathlib import Path

BIGGEST = 256 << 10
OPENERS = {".gz": gzip, ".xz": lzma, ".bz2": bz2}
HEADER = b"\x8e\xad\xe8\x01\0\0\0\0"
# The first that fits the path and the first bytes.
KINDS = [
    ("package", "", b"\xed\xab\xee\xdb"),
    ("deb", r"\.deb$", b"!<arch>"),
    ("elf", "", b"\x7fELF"),
    ("ld_cache", r"ld\.so\.cache$", b""),
    ("sqlite", r"rpmdb\.sqlite$|no_packages", b"SQLite"),
    ("bdb", r"/Packages$", b"\0\0\0\0"),
    ("ndb", r"/Packages\.db$", b"RpmP"),
    ("packages", r"/Packages$|status$", b""),
    ("manifest", r"container-manifest-2$", b""),
    ("repomd", r"/repomd\.xml$", b""),
    ("primary", r"primary\.xml$", b""),
    ("metalink", r"metalink|mirrorlist", b""),
    ("modules", r"modules\.yaml$", b""),
    ("in_release", r"InRelease$", b""),
    ("status_d", r"/status\.d/", b""),
    ("header", r"package\.header$|blob\.bin$", b""),
    ("keyring", r"\.(asc|gpg|pub)$|GPG-KEY$", b""),
]


def opened(path, content):
    opener = OPENERS.get(path.suffix)
    return (path.with_suffix(""), opener.decompress(content)) if opener else (path, content)


def kind(path, content):
    fits = (k for k, name, magic in KINDS if re.search(name, str(path)) and content.startswith(magic))
    return next(fits, None)


def parts(package):
    """The header of an RPM package as a database has it, and its payload if Python can unpack it."""
    at = 96
    for align in (8, 1):
        if package[at:at + 8] != HEADER:
            return
        count, size = (int.from_bytes(package[at + i:at + i + 4], "big") for i in (8, 12))
        start, at = at + 8, at + 16 + 16 * count + size
        at += -at % align
    yield "header", package[start:at]
    for opener in OPENERS.values():
        try:
            yield "cpio", opener.decompress(package[at:])
        except (OSError, EOFError, lzma.LZMAError, ValueError):
            pass


def slots(database):
    """Of an ndb database every header by itself, and in a database of its own: one page of slots, one in use."""
    def word(content, at):
        return int.from_bytes(content[at:at + 4], "little")

    for at in range(32, 4096 * word(database, 12), 16):
        start, blocks = (16 * word(database, at + i) for i in (8, 12))
        blob = database[start:start + blocks]
        if start:
            yield "header", blob[16:16 + word(blob, 12)]
            used = database[at:at + 8] + (256).to_bytes(4, "little") + database[at + 12:at + 16]
            free = b"Slot".ljust(16, b"\0") * 253
            yield "ndb", database[:12] + (1).to_bytes(4, "little") + database[16:32] + used + free + blob


def rows(path):
    """The headers in an SQLite database."""
    try:
        with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as database:
            yield from (("header", blob) for blob, in database.execute("SELECT blob FROM Packages"))
    except sqlite3.DatabaseError:
        pass


def pieces(found, path, content):
    """What else a file holds that is a seed."""
    if found == "package":
        yield from parts(content)
    if found == "ndb":
        yield from slots(content)
    if found == "sqlite":
        yield from rows(path)
    if found == "modules":
        yield from (("modules", b"---\n" + document) for document in content.split(b"---\n"))


def seeds(path):
    opened_path, content = opened(path, path.read_bytes())
    found = kind(opened_path, content)
    yield from pieces(found, path, content)
    if found:
        yield found, b"\0\0\0\0" * (found == "sqlite") + content


def main(out, *folders):
    for target in ["cpio", *(kind for kind, _, _ in KINDS)]:
        (out / target).mkdir(parents=True)
    for folder in folders:
        for path in filter(Path.is_file, folder.rglob("*") if folder.is_dir() else [folder]):
            for target, content in seeds(path):
                if len(content) <= BIGGEST:
                    (out / target / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


main(*map(Path, sys.argv[1:]))
