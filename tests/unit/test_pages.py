"""The pages of `sluice up`: who gets which file, and how; where a link of an artifact leads."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flows.page_links import PUBLIC, address_of
from flows.services.pages import HEADERS, USER, VARIABLE, application
from tasks.core.workspace import Workspace

PASSWORD = "a password"


@pytest.fixture
def address(workspace: Workspace) -> Iterator[str]:
    """The pages of `workspace`, served by HTTP in this process."""
    import uvicorn

    config = uvicorn.Config(application(workspace.data, PASSWORD), lifespan="off", ws="none", log_level="error")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def put(place: Path, text: str = "<p>here</p>") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def get(address: str, path: str, method: str = "GET") -> http.client.HTTPResponse:
    """Exactly this path, which httpx would tidy up."""
    url = httpx.URL(address)
    connection = http.client.HTTPConnection(url.host, url.port, timeout=10)
    connection.putrequest(method, path, skip_host=False)
    token = httpx.BasicAuth(USER, PASSWORD)._auth_header
    connection.putheader("Authorization", token)
    connection.endheaders()
    return connection.getresponse()


def test_pages_come_with_their_kind_and_may_do_nothing(address: str, workspace: Workspace) -> None:
    for name in ("docs/index.html", "docs/models/a-v1/report.md", "look/index.html", "look/p.png"):
        put(workspace.data / name)
    kinds = {
        "/docs/index.html": "text/html; charset=utf-8",
        "/docs/": "text/html; charset=utf-8",
        "/docs/models/a-v1/report.md": "text/plain; charset=utf-8",
        "/look/p.png": "image/png",
        "/": "text/html; charset=utf-8",
    }
    for path, kind in kinds.items():
        answer = get(address, path)
        assert (answer.status, answer.headers["content-type"]) == (200, kind), path
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "script" not in answer.headers["content-security-policy"]
    assert b"here" in get(address, "/docs/index.html").read()
    front = get(address, "/").read()
    assert b'href="docs/index.html"' in front
    assert b'href="look/index.html"' in front


def test_pages_ask_for_the_password_before_anything_is_looked_up(address: str, workspace: Workspace) -> None:
    put(workspace.docs / "index.html")
    with httpx.Client(base_url=address) as client:
        for path, auth in itertools.product(
            ("/", "/docs/index.html", "/nothing"), (None, (USER, "wrong"), ("admin", PASSWORD), (USER, ""))
        ):
            answer = client.get(path, auth=auth)
            assert answer.status_code == 401, (path, auth)
            assert answer.headers["www-authenticate"].startswith("Basic")
            assert "here" not in answer.text
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/vault/key",
        "/docs/../vault/key",
        "/docs/%2e%2e/vault/key",
        "/docs/..%2fvault%2fkey",
        "/docs/..%5cvault%5ckey",
        "/docs/%2e%2e%2f%2e%2e%2fparams.yaml",
        "/docs//etc/passwd",
        "/docs/%00",
        "/docs/" + "a" * 3000,
        "/docs/out.html",
        "/docs/away/secret.html",
        "/docs/.index.html.draft",
        "/docs/.hidden/index.html",
        "/docs/table.parquet",
        "/docs/script.js",
        "/deidentified/index.html",
        "/dataset/heart/README.md",
    ],
)
def test_nothing_but_the_pages_is_served(address: str, workspace: Workspace, path: str) -> None:
    secret = put(workspace.vault / "secret.html", "secret")
    put(workspace.docs / "index.html")
    for name in (".index.html.draft", ".hidden/index.html", "table.parquet", "script.js"):
        put(workspace.docs / name, "secret")
    for name in ("deidentified/index.html", "dataset/heart/README.md"):
        put(workspace.data / name, "secret")
    (workspace.docs / "out.html").symlink_to(secret)
    (workspace.docs / "away").symlink_to(workspace.vault)
    answer = get(address, path)
    assert answer.status == 404
    assert b"secret" not in answer.read()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_can_only_be_read(address: str, workspace: Workspace, method: str) -> None:
    page = put(workspace.docs / "index.html")
    assert get(address, "/docs/index.html", method).status == 405
    assert page.read_text() == "<p>here</p>"


def test_without_a_run_yet_the_pages_say_so_and_make_no_folder(address: str, workspace: Workspace) -> None:
    assert b"none yet" in get(address, "/").read()
    assert get(address, "/docs/index.html").status == 404
    assert not workspace.docs.exists()


def test_a_link_leads_to_the_server_while_it_is_up_and_else_to_the_file(
    address: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = put(workspace.docs / "index.html")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert address_of(workspace, page) == page.as_uri()
    monkeypatch.setenv(VARIABLE, address)
    assert address_of(workspace, page) == f"{address}/docs/index.html"
    monkeypatch.setenv(PUBLIC, "https://pages.example.org/")
    assert address_of(workspace, page) == "https://pages.example.org/docs/index.html"
    monkeypatch.delenv(PUBLIC)
    assert address_of(workspace, workspace.dataset / "README.md").startswith("file:")  # it isn't served
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
    assert address_of(workspace, page) == page.as_uri()


def test_pages_without_a_password_are_not_served(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="password"):
        application(workspace.data, "")
