"""The two tar files inside a .deb."""

import io
import subprocess
import tarfile


def control_tar(path):
    return _tar(path, "--ctrl-tarfile")


def data_tar(path):
    return _tar(path, "--fsys-tarfile")


def _tar(path, which):
    plain = subprocess.run(["dpkg-deb", which, str(path)], capture_output=True, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(plain))


def control_files(path):
    """{name: bytes} of the control archive: control, md5sums, conffiles, scripts."""
    with control_tar(path) as tar:
        return {m.name.removeprefix("./"): tar.extractfile(m).read() for m in tar if m.isfile()}


def data_files(path):
    """{path without ./: bytes} of the regular files."""
    with data_tar(path) as tar:
        return {m.name.removeprefix("./"): tar.extractfile(m).read() for m in tar if m.isfile()}
