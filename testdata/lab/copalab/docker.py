"""A Docker daemon that knows nothing of copa: Debian 13's, which runs on Debian 12, unpacked beside the system rather
than installed into it. It has a socket and folders of its own and no network, so that it is in nobody's way. Empty
folders of it are left in /run, /opt and among the control groups."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import LabError, registry

PACKAGES = ("docker.io", "docker-cli", "containerd")


def install(archive, folder):
    """Unpacks the verified packages below a folder."""
    for name in PACKAGES:
        package = archive.deb(archive.pick("trixie", "amd64", name, "new"))
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)


def start(tools, folder):
    """Starts the daemon (as root) on the socket FOLDER/socket; returns the process."""
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    options = [f"--{option}={folder / name}" for option, name in places.items()]
    options += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
    path = f"{tools}/usr/bin:{tools}/usr/sbin:{os.environ['PATH']}"
    command = ["env", f"PATH={path}", "dockerd", f"--host=unix://{folder}/socket", *options]
    return registry.spawn(command, folder / "log")


def wait_for(daemon, folder, client):
    for _ in range(300):
        if subprocess.run([*client, "version"], capture_output=True, check=False).returncode == 0:
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    raise LabError(f"the Docker daemon does not answer:\n{(folder / 'log').read_text()[-2000:]}")


def run(archive):
    """Runs a daemon until standard input closes; prints {"client": [...]}, the command to speak to it, first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is below runs then too
    with tempfile.TemporaryDirectory(prefix="copa-lab-docker-") as folder:  # a socket's path has to be short
        folder = Path(folder)
        tools = folder / "tools"
        install(archive, tools)
        client = [f"{tools}/usr/bin/docker", "--config", f"{folder}/config", "--host", f"unix://{folder}/socket"]
        daemon = start(tools, folder)
        try:
            wait_for(daemon, folder, client)
            print(json.dumps({"client": client}), flush=True)
            sys.stdin.read()
        finally:
            daemon.terminate()
            daemon.wait()
