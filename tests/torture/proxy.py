"""A troublesome network in front of Orthanc: an HTTP proxy that drops, delays, truncates and answers 500."""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TROUBLES = ("drops", "delays", "truncates", "shortens", "answers 500")
"""`truncates` ends the connection within a body, `shortens` sends half a body as if it were whole (but at the first
contact, where it is a wrong address)."""

SHARE = 0.12
DELAY = 0.25
_SMALL = 64


class Network(ThreadingHTTPServer):
    """Passes requests on to `address`, and harms a share of them in the way of `trouble`. `cut` drops all."""

    daemon_threads = True

    def __init__(self, address: str, trouble: str, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.trouble, self.cut = urlsplit(address), trouble, False
        self.harmed, self._chance, self._lock = 0, random.Random(seed), threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def harms(self) -> bool:
        """Whether the next request is harmed."""
        with self._lock:
            harmed = self.cut or (self.trouble in TROUBLES and self._chance.random() < SHARE)
            self.harmed += harmed
            return harmed

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Network

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        harmed, trouble = self.server.harms(), self.server.trouble
        if self.server.cut or (harmed and trouble == "drops"):
            self.close_connection = True
            return
        if harmed and trouble == "answers 500":
            self._answer(500, b"")
            return
        upstream = http.client.HTTPConnection(self.server.target.hostname or "", self.server.target.port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            upstream.request(self.command, self.path, body or None, headers)
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        if harmed and trouble == "delays":
            time.sleep(4 * DELAY)
        elif trouble == "delays":
            time.sleep(DELAY / 10)
        if harmed and trouble == "truncates" and len(content) > _SMALL:
            self._answer(reply.status, content[: len(content) // 2], announced=len(content))
            self.close_connection = True
        elif harmed and trouble == "shortens" and len(content) > _SMALL and not self.path.endswith("/system"):
            self._answer(reply.status, content[: len(content) // 2])
        else:
            self._answer(reply.status, content, kind=reply.getheader("Content-Type"))

    def _answer(self, status: int, content: bytes, *, announced: int | None = None, kind: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if announced is None else announced))
        if kind:
            self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: addresses of requests name series."""


@contextlib.contextmanager
def network(address: str, trouble: str, seed: int) -> Iterator[Network]:
    """A network that ends with the block."""
    server = Network(address, trouble, seed)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
