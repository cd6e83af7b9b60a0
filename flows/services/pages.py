"""The pages that people look at, by HTTP on loopback with a password: `python -m flows.services.pages DATA PORT`.

Read-only, and of data/ the folders of `FOLDERS` alone. What is on a page belongs to whoever writes it; where a link
leads belongs into `flows.page_links`. Imports no Prefect: it starts within a second.
"""

from __future__ import annotations

import base64
import html
import os
import secrets
import stat
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.services.process import Process
from flows.services.server import Server

USER = "sluice"
VARIABLE = "SLUICE_PAGES_URL"
"""Where a flow finds this server."""

FOLDERS = {"docs": "Gates, lineage and reports", "look": "Contact sheets"}
"""The folders under data/ that are served, by the first part of the address."""

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
"""What is served as what, whatever the machine's own table says; a file of another kind isn't served."""

HEADERS = {
    # Our pages carry their style, load pictures of their own, and have no script: nothing else may work in them.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PASSWORD = "SLUICE_PAGES_PASSWORD"  # noqa: S105  (the name of a variable)
_STYLE = "body{font:15px/1.6 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1c2530}"


class PagesServer(Server):
    """The server of the pages of a workspace's `data`, as a child; its log lies in `folder`."""

    HEALTH, PATIENCE = "", 60.0

    def __init__(self, folder: Path, data: Path, password: str, port: int) -> None:
        self.port = port
        self.password = password
        self.login = (USER, password)
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "flows.services.pages", str(data), str(port)]
        self.process = Process.start("pages", command, folder, {_PASSWORD: password})

    @property
    def client_environment(self) -> dict[str, str]:
        """What a flow needs in order to link here. Who follows a link is asked for the password."""
        return {VARIABLE: self.address}


class Pages(StaticFiles):
    """One folder: files of a kind that we know, no hidden ones, nothing that a link leads out of it to."""

    async def check_config(self) -> None:
        """A folder that no run has made yet is an empty one."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Where the file lies that `path` asks for, or nothing."""
        if any(part.startswith(".") for part in PurePath(path).parts):
            return "", None
        place, found = super().lookup_path(path)
        if found and stat.S_ISREG(found.st_mode) and PurePath(place).suffix not in TYPES:
            return "", None
        return place, found

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, by its kind in `TYPES`."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["content-type"] = TYPES[PurePath(full_path).suffix]
        return response


class Guard:
    """Asks for the password before anything is looked up, and puts `HEADERS` on every answer."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._right = b"Basic " + base64.b64encode(f"{USER}:{password}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_closed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        given = dict(scope["headers"]).get(b"authorization", b"")
        allowed = secrets.compare_digest(given, self._right)
        ask = {"WWW-Authenticate": 'Basic realm="sluice", charset="UTF-8"'}
        app = self._app if allowed else PlainTextResponse("Sign in as `sluice up` says.\n", 401, ask)
        await app(scope, receive, send_closed)


def application(data: Path, password: str) -> ASGIApp:
    """The ASGI application over `data`, a workspace's data/."""
    if not password:
        raise ValueError("the pages need a password")

    async def overview(_: Request) -> Response:
        lines = "".join(f'<li><a href="{quote(link)}">{html.escape(link)}</a></li>' for link in _links(data))
        return HTMLResponse(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sluice</title><style>{_STYLE}</style>'
            f"<h1>Pages of this workspace</h1><ul>{lines or '<li>none yet: `sluice run` makes them</li>'}</ul></html>\n"
        )

    # Links within pages are relative, so each folder is asked for with its slash.
    mounts = [Mount(f"/{name}", Pages(directory=data / name, html=True, check_dir=False)) for name in FOLDERS]
    return Guard(Starlette(routes=[Route("/", overview), *mounts]), password)


def _links(data: Path) -> Iterator[str]:
    for name in FOLDERS:
        for path in sorted((data / name).rglob("*.html")):
            link = path.relative_to(data)
            if not any(part.startswith(".") for part in link.parts):
                yield link.as_posix()


def main(arguments: list[str]) -> None:
    """Serve the folder of the first argument at the port of the second, until told to end."""
    import uvicorn

    data, port = Path(arguments[0]), int(arguments[1])
    uvicorn.run(
        application(data, os.environ.pop(_PASSWORD)),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,  # addresses name patients by their pseudonyms
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=64,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
