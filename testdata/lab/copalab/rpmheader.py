"""Reads rpmdb.sqlite: the headers in it, and the rows of its index tables. Nothing of rpm's takes part."""

import shutil
import sqlite3
import struct
import tempfile
from pathlib import Path

from . import LabError
from .rpmroot import FILE

NAME, VERSION, RELEASE, EPOCH, ARCH = 1000, 1001, 1002, 1003, 1022
OF_THE_INSTALLATION = {1008: "INSTALLTIME", 1128: "INSTALLTID"}
TAGS = {63: "HEADERIMMUTABLE", 257: "SIGSIZE", 259: "SIGPGP", 261: "SIGMD5", 267: "DSAHEADER", 268: "RSAHEADER",
        269: "SHA1HEADER", 273: "SHA256HEADER", 1029: "FILESTATES", 1037: "FILEFLAGS", 1046: "ARCHIVESIZE",
        1127: "INSTALLCOLOR", 1099: "INSTPREFIXES", **OF_THE_INSTALLATION}
NUMBERS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}  # by type
STRINGS = (6, 8, 9)
BINARY = 7


class Header:
    """A header blob as the database has it: without magic."""

    def __init__(self, blob):
        self.blob = blob
        count, size = struct.unpack_from(">II", blob)
        self.start = 8 + 16 * count
        self.entries = [struct.unpack_from(">IIII", blob, 8 + 16 * n) for n in range(count)]
        if len(blob) != self.start + size:
            raise LabError(f"a header of {len(blob)} bytes says it has {self.start + size}")

    def extent(self, entry):
        """Where the data of an entry are in the blob: (from, to)."""
        _, kind, offset, count = entry
        at = self.start + offset
        if kind in STRINGS:
            end = at
            for _ in range(count):
                end = self.blob.index(b"\0", end) + 1
            return at, end
        return at, at + count * (1 if kind == BINARY else struct.calcsize(NUMBERS[kind]))

    def raw(self):
        """{tag: (type, data)}"""
        return {e[0]: (e[1], self.blob[slice(*self.extent(e))]) for e in self.entries}

    def value(self, tag):
        """The first value of a tag, as text; `(none)` if it is not there."""
        kind, data = self.raw().get(tag, (6, b"(none)\0"))
        if kind in STRINGS:
            return data.split(b"\0")[0].decode(errors="surrogateescape")
        return str(struct.unpack_from(">" + NUMBERS[kind], data)[0])

    def masked(self):
        """The blob with zeros for what says when it was installed."""
        blob = bytearray(self.blob)
        for entry in self.entries:
            if entry[0] in OF_THE_INSTALLATION:
                start, end = self.extent(entry)
                blob[start:end] = bytes(end - start)
        return bytes(blob)

    def identity(self):
        epoch = self.value(EPOCH).replace("(none)", "0")
        return f"{self.value(NAME)}-{epoch}:{self.value(VERSION)}-{self.value(RELEASE)}.{self.value(ARCH)}"


class Database:
    """What a folder's rpmdb.sqlite holds, with what is in the write-ahead log beside it."""

    def __init__(self, folder):
        self.packages, self.tables, self.repeated, self.schema = {}, {}, [], set()
        with tempfile.TemporaryDirectory(prefix="copa-lab-db-") as copy:
            for path in Path(folder).glob(f"{FILE}*"):
                shutil.copyfile(path, Path(copy) / path.name)
            database = sqlite3.connect(f"{copy}/{FILE}")
            database.text_factory = bytes  # a file's name need not be UTF-8
            self.load(database)
            database.close()

    def load(self, database):
        names = {}
        for number, blob in database.execute("SELECT hnum, blob FROM Packages ORDER BY hnum"):
            header = Header(blob)
            names[number] = header.identity()
            if names[number] in self.packages:
                self.repeated.append(names[number])
            self.packages[names[number]] = header
        self.schema = set(database.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for table in [name.decode() for (name,) in found if name != b"Packages"]:
            rows = database.execute(f'SELECT hnum, idx, typeof(key), key FROM "{table}"')
            self.tables[table] = sorted((names.get(n, f"package {n}, which is not there"), *row) for n, *row in rows)


def other_tables(one, two, passed_over=()):
    """Yields a sentence for each index table that is another or has other rows."""
    for name, _ in sorted(one.schema ^ two.schema):
        yield f"{name.decode()} is not declared the same"
    for table in sorted(one.tables.keys() | two.tables.keys()):
        rows = [set(d.tables.get(table, [])) for d in (one, two)]
        counts = [len(d.tables.get(table, [])) for d in (one, two)]
        only = [sorted(rows[n] - rows[1 - n]) for n in (0, 1)]
        if table not in passed_over and (any(only) or counts[0] != counts[1]):
            shown = f"only the first has {only[0][:3]}, the second {only[1][:3]}"
            yield f"table {table}: {counts[0]} and {counts[1]} rows; {shown}"


def other_headers(one, two):
    """Yields a sentence for each package that only one has, or whose header differs in more than its times."""
    for name in sorted(one.packages.keys() | two.packages.keys()):
        if name not in one.packages or name not in two.packages:
            yield f"{name} is in the {'first' if name in one.packages else 'second'} only"
            continue
        a, b = one.packages[name], two.packages[name]
        if a.masked() != b.masked():
            yield f"{name}: {', '.join(other_tags(a, b)) or 'the same tags are laid out otherwise'}"


def other_tags(a, b):
    first, second = a.raw(), b.raw()
    for tag in sorted(first.keys() | second.keys()):
        if first.get(tag) != second.get(tag) and tag not in OF_THE_INSTALLATION:
            only = "is in the first only" if tag in first else "is in the second only"
            yield f"{TAGS.get(tag, tag)} {'differs' if tag in first and tag in second else only}"


def journal(path):
    """The two bytes that say how the file is written: (1, 1) without a write-ahead log, (2, 2) with one."""
    with Path(path).open("rb") as file:
        return tuple(file.read(20)[18:20])
