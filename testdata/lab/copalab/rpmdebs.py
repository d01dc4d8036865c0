"""Programs that run: files of real Debian packages, for RPM packages to carry."""

import platform
import subprocess
import tempfile
from pathlib import Path

from . import deb
from .layout import clean
from .rpmsource import File, folder, link, text

RELEASE = "bookworm"
DEB_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}
TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
MOVED = ("bin/", "lib/", "lib64/", "sbin/")  # to below /usr
SHARED = {"etc", "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "usr/share", "usr/share/doc", "usr/share/man"}
UNWANTED = ("usr/share/lintian", "usr/share/man", "usr/lib/locale", "usr/bin/c_rehash", "usr/lib/ssl/misc")


def files_of(archive, arch, package, which, wanted=None):
    """The files of a Debian package as an RPM distribution has them: below /usr, documents marked."""
    path = archive.deb(archive.pick(RELEASE, DEB_ARCH[arch], package, which))
    found = []
    with deb.data_tar(path) as tar:
        for info in tar:
            name = clean(info.name)
            name = f"usr/{name}" if name.startswith(MOVED) else name
            if wanted is None and keeps(name, arch) or wanted and name in wanted:
                found.append(file_of(name, info, tar.extractfile(info).read() if info.isreg() else b""))
    return found


def keeps(name, arch):
    own = {f"usr/lib/{TRIPLETS[arch]}", "usr/lib/locale", "bin", "lib", "lib64", "sbin", ""}
    return name not in own | SHARED and not name.startswith(UNWANTED) and "/gconv" not in name and "/audit" not in name


def file_of(name, info, data):
    mark = "%doc" if "/changelog" in name or "/NEWS" in name else "%license" if name.endswith("/copyright") else ""
    mark = "%config(noreplace)" if name.startswith("etc/") and info.isreg() else mark
    if info.isdir():
        return folder(name, info.mode)
    if info.issym():
        return link(name, info.linkname, mark=mark)
    return File(name, "file", data, mode=info.mode, mark=mark)


def compile_demo(arch, version, wanted):
    """A program or a library that says its version; on another machine than ours, a text in its place."""
    if platform.machine() != arch:
        return text("x", f"not for this machine: {wanted} {version}").data
    with tempfile.TemporaryDirectory(prefix="copa-lab-cc-") as work:
        library = f'const char *demo_version(void) {{ return "{version}"; }}\n'
        (Path(work) / "l.c").write_text(library)
        (Path(work) / "d.c").write_text(DEMO.replace("VERSION", version))
        run = ["gcc", "-s", "-Wl,--build-id=none"]
        shared = ["-shared", "-fPIC", "-Wl,-soname,libdemo.so.1", "-olibdemo.so.1", "l.c"]
        subprocess.run([*run, *shared], cwd=work, check=True)
        subprocess.run([*run, "-odemo", "d.c", "libdemo.so.1"], cwd=work, check=True)
        return (Path(work) / wanted).read_bytes()


DEMO = """\
#include <stdio.h>
const char *demo_version(void);
int main(void) { printf("demo VERSION with libdemo %s\\n", demo_version()); return 0; }
"""
