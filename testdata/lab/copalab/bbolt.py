"""Writes a bbolt database file from nested dicts, in one pass.

The format (go.etcd.io/bbolt): pages of 4096 bytes, each with a header (id, flags,
count, overflow); pages 0 and 1 are the two meta pages, page 2 here is the empty list
of free pages. A bucket is a tree of branch pages over leaf pages; a bucket in a
bucket is a leaf element whose value is (root page, sequence).
"""

import struct

PAGE, HEADER = 4096, 16
BRANCH, LEAF, META, FREELIST = 1, 2, 4, 16
BUCKET = 1  # flag of a leaf element
PER_LEAF, PER_BRANCH = 500, 200


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


class Writer:
    """Pages, numbered as they come."""

    def __init__(self):
        self.pages = {}
        self.next = 3

    def page(self, flags, heads, tails):
        """A page of fixed-size element heads, then their keys and values."""
        body = b"".join(heads) + b"".join(tails)
        number, span = self.next, -(-(HEADER + len(body)) // PAGE)
        self.next += span
        page = struct.pack("<QHHI", number, flags, len(heads), span - 1) + body
        self.pages[number] = page.ljust(span * PAGE, b"\0")
        return number

    def bucket(self, content):
        """Writes a bucket; returns its root page."""
        items = sorted((key.encode(), value) for key, value in content.items())
        elements = [(key, *self.value(value)) for key, value in items]
        pages = [self.leaf(part) for part in chunks(elements, PER_LEAF)] or [(b"", self.page(LEAF, [], []))]
        while len(pages) > 1:
            pages = [self.branch(part) for part in chunks(pages, PER_BRANCH)]
        return pages[0][1]

    def value(self, value):
        if isinstance(value, dict):
            return BUCKET, struct.pack("<QQ", self.bucket(value), 0)
        return 0, value.encode()

    def leaf(self, elements):
        heads, tails, at = [], [], 16 * len(elements)
        for index, (key, flags, value) in enumerate(elements):
            heads.append(struct.pack("<IIII", flags, at - 16 * index, len(key), len(value)))
            tails.append(key + value)
            at += len(key) + len(value)
        return elements[0][0], self.page(LEAF, heads, tails)

    def branch(self, children):
        heads, tails, at = [], [], 16 * len(children)
        for index, (key, page) in enumerate(children):
            heads.append(struct.pack("<IIQ", at - 16 * index, len(key), page))
            tails.append(key)
            at += len(key)
        return children[0][0], self.page(BRANCH, heads, tails)


def chunks(items, size):
    return [items[at : at + size] for at in range(0, len(items), size)]


def meta_page(number, root, pages):
    meta = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, PAGE, 0, root, 0, 2, pages, number)
    header = struct.pack("<QHHI", number, META, 0, 0)
    return (header + meta + struct.pack("<Q", fnv1a(meta))).ljust(PAGE, b"\0")


def write(path, content):
    writer = Writer()
    root = writer.bucket(content)
    free = struct.pack("<QHHI", 2, FREELIST, 0, 0).ljust(PAGE, b"\0")
    with open(path, "wb") as file:
        file.write(meta_page(0, root, writer.next) + meta_page(1, root, writer.next) + free)
        for number in sorted(writer.pages):
            file.write(writer.pages[number])
