"""Two small servers on loopback: files for a package mirror, and bearer tokens for a registry."""

import base64
import functools
import json
import ssl
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse


class FileHandler(SimpleHTTPRequestHandler):
    """Serves files and writes one line a request to the log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the end of a file waits for an acknowledgement
    log_file = None

    def log_message(self, text, *values):
        if self.log_file:
            with open(self.log_file, "a", encoding="utf-8") as log:
                log.write(text % values + "\n")


def serve_files(folder, log):
    """Serves a folder until standard input closes; prints {"url": ...} first."""
    handler = functools.partial(type("Handler", (FileHandler,), {"log_file": log}), directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.read()
    server.shutdown()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenService:
    """Signs registry tokens (RS256, certificate in x5c) as the distribution specification has them."""

    def __init__(self, folder):
        self.key = str(folder / "token.key")
        lines = (folder / "token.crt").read_text().splitlines()
        self.certificate = "".join(line for line in lines if "-----" not in line)

    def sign(self, claims):
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.certificate]}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        openssl = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(openssl, input=text.encode(), capture_output=True, check=True).stdout
        return f"{text}.{base64url(signature)}"

    def token(self, user, scopes):
        """Anybody may pull; whoever gave the password may do what was asked for."""
        access = []
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            granted = [action for action in actions.split(",") if user or action == "pull"]
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {"iss": "lab", "aud": "lab", "sub": user, "jti": str(uuid.uuid4()), "access": access}
        token = self.sign(claims | {"iat": now, "nbf": now - 5, "exp": now + 300})
        return {"token": token, "access_token": token, "expires_in": 300}


class TokenHandler(BaseHTTPRequestHandler):
    """GET with Basic credentials, and the OAuth2 POST with a password."""

    service = None

    def do_GET(self):
        query, given = parse_qs(urlparse(self.path).query), self.headers.get("Authorization", "")
        expected = "Basic " + base64.b64encode(b"lab:lab").decode()
        if given and given != expected:
            self.answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
        else:
            self.answer(200, self.service.token("lab" if given else "", query.get("scope", [])))

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        known = form.get("username") == ["lab"] and form.get("password") == ["lab"]
        self.answer(200, self.service.token("lab" if known else "", form.get("scope", [])))

    def answer(self, code, document):
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve_tokens(folder, port):
    folder = Path(folder)
    handler = type("Handler", (TokenHandler,), {"service": TokenService(folder)})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
