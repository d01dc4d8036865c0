"""A real registry (Debian's docker-registry) on a free loopback port.

`plain` is HTTP and open to all; `basic` is TLS with htpasswd; `token` is TLS with
bearer tokens: anybody may pull, only the user may push. User and password: lab.
"""

import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import LabError

MODES = ("plain", "basic", "token")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True)


def make_certificates(folder):
    """A private CA, a server certificate for loopback, and the token service's own key pair."""
    new_key = ("-newkey", "rsa:2048", "-nodes", "-days", "3650")
    ca = ("-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    openssl("req", "-x509", *new_key, *ca, "-subj", "/CN=copa test CA", "-addext", "keyUsage=critical,keyCertSign")
    request = ("-keyout", folder / "server.key", "-out", folder / "server.csr")
    openssl("req", "-newkey", "rsa:2048", "-nodes", *request, "-subj", "/CN=127.0.0.1")
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    issuer = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "3650")
    files = ("-in", folder / "server.csr", "-out", folder / "server.crt", "-extfile", extensions)
    openssl("x509", "-req", *issuer, *files)
    token = ("-keyout", folder / "token.key", "-out", folder / "token.crt")
    openssl("req", "-x509", *new_key, *token, "-subj", "/CN=copa test token service")


def configuration(mode, folder, port, token_port):
    """The registry's configuration: JSON is YAML too."""
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if mode != "plain":
        config["http"]["tls"] = {"certificate": str(folder / "server.crt"), "key": str(folder / "server.key")}
    if mode == "basic":
        config["auth"] = {"htpasswd": {"realm": "lab", "path": str(folder / "htpasswd")}}
    if mode == "token":
        realm, bundle = f"https://127.0.0.1:{token_port}/token", str(folder / "token.crt")
        config["auth"] = {"token": {"realm": realm, "service": "lab", "issuer": "lab", "rootcertbundle": bundle}}
    return config


def spawn(command, log):
    """Starts a process of its own session, so that a Ctrl-C at the tests does not reach it."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


def answers(url):
    """Whether a server speaks there, be it to ask for a login."""
    context = ssl._create_unverified_context()
    try:
        urllib.request.urlopen(url, timeout=5, context=context).close()
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return True


def start(mode, folder):
    """Starts a registry in a folder; returns what a client needs to know."""
    folder = Path(folder).resolve()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    if mode != "plain" and not (folder / "server.crt").exists():
        make_certificates(folder)
    if mode == "basic":
        line = subprocess.run(["htpasswd", "-Bbn", "lab", "lab"], capture_output=True, check=True).stdout
        (folder / "htpasswd").write_bytes(line)
    port, token_port, pids, tokens = free_port(), free_port(), [], []
    if mode == "token":
        tokens = [f"https://127.0.0.1:{token_port}/token"]
        program = [sys.executable, Path(sys.argv[0]).resolve(), "token-server", folder, token_port]
        pids.append(spawn(program, folder / "token.log").pid)
    (folder / "config.json").write_text(json.dumps(configuration(mode, folder, port, token_port)))
    registry = spawn(["docker-registry", "serve", folder / "config.json"], folder / "log")
    about = describe(mode, folder, port, [*pids, registry.pid])
    wait_for(registry, about, [f"{about['url']}/v2/", *tokens])
    return about


def describe(mode, folder, port, pids):
    host, scheme = f"127.0.0.1:{port}", "http" if mode == "plain" else "https"
    login = base64.b64encode(b"lab:lab").decode()
    (folder / "auth.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
    (folder / "pids").write_text("".join(f"{pid}\n" for pid in pids))
    about = {"mode": mode, "host": host, "url": f"{scheme}://{host}", "dir": str(folder), "log": str(folder / "log")}
    about |= {"pids": pids, "auth": str(folder / "auth.json")}
    return about | ({} if mode == "plain" else {"ca": str(folder / "ca.crt")})


def wait_for(process, about, urls):
    for _ in range(100):
        if all(map(answers, urls)):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    log = Path(about["log"]).read_text()
    stop(about["dir"])
    raise LabError(f"the registry at {about['url']} does not answer:\n{log[-2000:]}")


def stop(folder):
    """Ends the processes that `start` named in the folder, and no others."""
    pids = Path(folder) / "pids"
    end(pids.read_text().split() if pids.exists() else [])
    pids.unlink(missing_ok=True)


def end(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)


def run(mode, folder):
    """Starts a registry, prints what a client needs, and stops it when standard input closes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is below runs then too
    about = start(mode, folder)
    try:
        print(json.dumps(about), flush=True)
        sys.stdin.read()
    finally:
        end(about["pids"])  # not `stop`: the folder may be gone already
