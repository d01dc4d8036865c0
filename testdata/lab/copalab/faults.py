"""A proxy in front of a registry that fails where it is told to.

A rule is a JSON object: `method` and `path` (regular expressions) say which requests it
takes, `times` how often (always, if absent), and one of these what happens then:
`status` (with `headers`) is answered; `hang` lets the client wait; `cut` sends half of
the real answer's body and closes the connection.
"""

import http.client
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


class Rules:
    """Which request fails how; counts down."""

    def __init__(self, texts):
        self.rules = [json.loads(text) for text in texts]
        self.lock = threading.Lock()

    def match(self, method, path):
        with self.lock:
            for rule in self.rules:
                hit = re.fullmatch(rule.get("method", ".*"), method) and re.search(rule.get("path", ""), path)
                if hit and rule.get("times", 1) > 0:
                    if "times" in rule:
                        rule["times"] -= 1
                    return rule
        return {}


class Proxy(BaseHTTPRequestHandler):
    """Passes a request on, or fails it."""

    protocol_version = "HTTP/1.1"
    rules, target = None, None

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def handle_any(self):
        body, rule = self.body(), self.rules.match(self.command, self.path)
        if "hang" in rule:
            time.sleep(rule["hang"])
            self.close_connection = True
        elif "status" in rule:
            self.answer(rule["status"], rule.get("headers", {}), b'{"errors":[]}')
        else:
            self.answer(*self.forward(body), cut="cut" in rule)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def forward(self, body):
        upstream = http.client.HTTPConnection(self.target, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # one name may have several lines
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)
        answer = upstream.getresponse()
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
        return answer.status, kept, answer.read()

    def answer(self, status, headers, body, cut=False):
        self.send_response_only(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut


def run(url, texts):
    """Serves until standard input closes; prints {"host": ...} first."""
    handler = type("Handler", (Proxy,), {"rules": Rules(texts), "target": urlparse(url).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"host": f"127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.read()
    server.shutdown()
