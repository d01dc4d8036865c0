"""crane and oras: clients of registries that know nothing of copa. Debian has them in unstable only, so they are
unpacked beside the system rather than installed into it."""

import subprocess

TOOLS = ("crane", "oras")


def install(archive, folder):
    """Unpacks the verified packages below a folder: FOLDER/usr/bin/crane and so on."""
    for name in TOOLS:
        package = archive.deb(archive.pick("sid", "amd64", name, "main"))
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
