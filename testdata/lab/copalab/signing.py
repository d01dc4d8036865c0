"""OpenPGP keys that live as long as the process: what mirrors and repositories are signed with."""

import shutil
import subprocess
import tempfile

from . import LabError

DATE = 1795176000  # 2026-11-20 12:00 UTC: a fixed date, so that the same input gives the same text
DAY = 86400


class Signer:
    """A key made for one mirror; its secret half dies with the process.

    It was made a day before it signs; `lifetime` is how many seconds it is valid.
    """

    def __init__(self, name="Copa test archive <archive@copa.invalid>", at=DATE + 60, lifetime=0):
        self.identity = name
        self.home = tempfile.mkdtemp(prefix="copa-lab-gpg-")
        self.clock = ("--faked-system-time", f"{at}!")
        made = ("--faked-system-time", f"{at - DAY}!")
        self.gpg(*made, "--quick-gen-key", name, "rsa3072", "sign", f"seconds={lifetime}" if lifetime else "never")

    def gpg(self, *arguments, data=None):
        command = ["gpg", "--homedir", self.home, "--quiet", "--batch", "--yes", "--passphrase", "", *arguments]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        if done.returncode:
            raise LabError(f"gpg: {done.stderr.decode()}")
        return done.stdout

    def public(self, *form):
        return self.gpg(*form, "--export")

    def detached(self, text):
        """An armoured detached signature."""
        return self.gpg(*self.clock, "--armor", "--detach-sign", data=text)

    def sign(self, folder):
        """Writes InRelease and Release.gpg beside a Release."""
        text = (folder / "Release").read_bytes()
        (folder / "InRelease").write_bytes(self.gpg(*self.clock, "--clearsign", data=text))
        (folder / "Release.gpg").write_bytes(self.detached(text))

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "gpg-agent"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)
