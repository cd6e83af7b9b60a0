"""The servers that Sluice starts: on loopback, with a password, and with what they keep closed to other accounts."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError

from flows.page_links import address_of
from flows.services import state
from flows.services.orthanc import OrthancService, binds_every_interface, find_orthanc
from flows.services.pages import USER
from flows.services.stack import Stack
from tasks.core.errors import ConfigurationError
from tasks.record.models.aliases import version_of
from tests.support.chromium import chromium
from tests.support.places import make_workspace
from tests.support.sockets import command_lines, descendants, listening, other_address

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The services of `sluice up`, with an Orthanc where it is installed, under a umask that hides nothing."""
    before = os.umask(0)
    try:
        workspace = make_workspace(tmp_path_factory.mktemp("access") / "workspace")
        with Stack(workspace, with_orthanc=find_orthanc() is not None) as running:
            running.wait()
            yield running
    finally:
        os.umask(before)


@pytest.mark.services
def test_prefect_and_mlflow_listen_on_loopback_alone(stack: Stack) -> None:
    assert stack.prefect
    assert stack.mlflow
    for server in (stack.prefect, stack.mlflow):
        found = listening(descendants(server.process.child.pid))
        assert server.port in {port for _, port in found}
        assert {address for address, _ in found} <= LOOPBACK


@pytest.mark.services
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "flow_runs/filter"),
        ("POST", "logs/filter"),
        ("POST", "artifacts/filter"),
        ("POST", "block_documents/filter"),
        ("POST", "deployments/filter"),
        ("GET", "admin/settings"),
        ("GET", "version"),
    ],
)
@pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("admin", "")])
def test_prefect_refuses_who_has_not_the_password(
    stack: Stack, method: str, path: str, auth: tuple[str, str] | None
) -> None:
    assert stack.prefect
    address = f"{stack.prefect.address}/api/{path}"
    assert httpx.request(method, address, json={}, auth=auth).status_code == 401
    right = tuple(stack.prefect.credentials.split(":", 1))
    assert httpx.request(method, address, json={} if method == "POST" else None, auth=right).status_code == 200  # type: ignore[arg-type]


@pytest.mark.services
@pytest.mark.parametrize("path", ["events/out", "logs/out"])
def test_prefect_streams_nothing_to_who_has_not_the_password(stack: Stack, path: str) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    assert stack.prefect
    address = f"ws://127.0.0.1:{stack.prefect.port}/api/{path}"
    with connect(address, subprotocols=["prefect"]) as stream:  # type: ignore[list-item]
        stream.send(json.dumps({"type": "auth", "token": "wrong"}))
        with pytest.raises(ConnectionClosed):
            assert json.loads(stream.recv(10))["type"] == "auth_failure"


@pytest.mark.services
@pytest.mark.parametrize("auth", [None, ("admin", "wrong"), ("admin", "password1234")])
@pytest.mark.parametrize("path", ["", "api/2.0/mlflow/experiments/search", "ajax-api/2.0/mlflow/users/current"])
def test_mlflow_refuses_who_has_not_the_password(stack: Stack, path: str, auth: tuple[str, str] | None) -> None:
    assert stack.mlflow
    assert httpx.get(f"{stack.mlflow.address}/{path}", auth=auth).status_code == 401


@pytest.mark.orthanc
@pytest.mark.services
def test_orthanc_refuses_who_has_not_the_password_and_who_is_not_local(stack: Stack) -> None:
    orthanc = _orthanc(stack)
    right = (orthanc.user, orthanc.password)
    for auth in (None, ("orthanc", "orthanc"), (orthanc.user, "wrong")):
        assert httpx.get(f"{orthanc.url}/system", auth=auth).status_code == 401
        assert httpx.get(f"{orthanc.url}/dicom-web/studies", auth=auth).status_code == 401
    assert httpx.get(f"{orthanc.url}/system", auth=right).status_code == 200
    found = listening(descendants(orthanc.process.child.pid))
    port = httpx.URL(orthanc.url).port
    assert {number for _, number in found} == {port}, "no DICOM port"
    if {address for address, _ in found} <= LOOPBACK:
        return
    assert binds_every_interface(orthanc), "an Orthanc that can bind loopback alone does so"
    if address := other_address():
        try:
            answer = httpx.get(f"http://{address}:{port}/system", auth=right, timeout=5, trust_env=False)
        except httpx.HTTPError:
            return
        assert answer.status_code in (401, 403)


@pytest.mark.services
def test_the_pages_listen_on_loopback_alone_and_ask_for_the_password(stack: Stack) -> None:
    assert stack.pages
    page = stack.workspace.docs / "index.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("<p>gates</p>")
    address = f"{stack.pages.address}/docs/index.html"
    right = (USER, stack.pages.password)
    for auth in (None, (USER, "wrong"), ("admin", stack.pages.password)):
        assert httpx.get(address, auth=auth).status_code == 401
    answer = httpx.get(address, auth=right)
    assert (answer.status_code, answer.text) == (200, "<p>gates</p>")
    assert answer.headers["cache-control"] == "no-store"
    for path in ("/docs/..%2fvault%2fpasswords.json", "/docs/%2e%2e/vault/passwords.json", "/vault/passwords.json"):
        assert httpx.get(stack.pages.address + path, auth=right).status_code == 404
    found = listening(descendants(stack.pages.process.child.pid))
    assert {port for _, port in found} == {stack.pages.port}
    assert {place for place, _ in found} <= LOOPBACK
    assert address_in(stack, page) == address


@pytest.mark.services
def test_an_alias_is_asked_of_the_mlflow_that_runs_with_its_password(stack: Stack) -> None:
    assert stack.mlflow
    registry = f"{stack.mlflow.address}/api/2.0/mlflow"
    with httpx.Client(auth=("admin", stack.mlflow.password)) as client:
        run = client.post(f"{registry}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]
        for place, told in (
            ("registered-models/create", {"name": "m"}),
            ("model-versions/create", {"name": "m", "source": run["artifact_uri"], "run_id": run["run_id"]}),
            ("registered-models/alias", {"name": "m", "alias": "champion", "version": "1"}),
        ):
            client.post(f"{registry}/{place}", json=told).raise_for_status()
    with patch.dict(os.environ, stack.environment):
        assert version_of(stack.workspace, "m", "champion") == "1"
        with pytest.raises(ConfigurationError, match="knows no m@retired"):
            version_of(stack.workspace, "m", "retired")
        os.environ["MLFLOW_TRACKING_PASSWORD"] = "wrong"
        with pytest.raises(ConfigurationError, match="refuses the user or password"):
            version_of(stack.workspace, "m", "champion")


@pytest.mark.services
def test_chromium_shows_the_pages_and_runs_and_loads_nothing_else(stack: Stack, tmp_path: Path) -> None:
    assert stack.pages
    page = stack.workspace.docs / "hostile.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text(
        f"""<!doctype html><title>quiet</title><style>p {{ color: rgb(1, 2, 3) }}</style><p>text</p>
        <script>document.title = "ran"</script><img src="{stack.prefect.address if stack.prefect else ""}/away.png">
        <iframe src="/docs/hostile.html"></iframe><form action="/docs/"></form>"""
    )
    with chromium(tmp_path / "browser") as browser:
        browser.open(f"{stack.pages.address}/docs/hostile.html", user=USER, password=stack.pages.password)
        assert browser.run("document.title") == "quiet"
        assert browser.run("getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)"
        refused = " ".join(browser.refused)
        assert "script" in refused
        assert "away.png" in refused
        browser.open(f"{stack.pages.address}/docs/hostile.html", user=USER, password="wrong")
        assert browser.status[-1] == 401


@pytest.mark.services
def test_no_password_stands_on_a_command_line(stack: Stack) -> None:
    secrets = state.passwords(stack.workspace).values()
    lines = command_lines(descendants(os.getpid()))
    assert b"mlflow" in lines
    assert [secret for secret in secrets if secret.encode() in lines] == []


@pytest.mark.services
def test_what_the_services_keep_is_closed_to_other_accounts(stack: Stack) -> None:
    kept = [path for path in stack.workspace.services.rglob("*") if not path.is_symlink()]
    assert len(kept) > 5
    loose = [str(path) for path in (stack.workspace.services, *kept) if _mode(path) & 0o077]
    assert loose == []


@pytest.mark.postgres
def test_the_tests_postgresql_listens_on_loopback_and_asks_for_a_password(postgres: str) -> None:
    url = make_url(postgres)
    assert url.host == "127.0.0.1"
    assert url.port
    for password in (None, "wrong"):
        engine = create_engine(URL.create(url.drivername, url.username, password, url.host, url.port, url.database))
        with pytest.raises(OperationalError, match=r"password|authentication"), engine.connect():
            pass
    if address := other_address():
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, url.port), 2)


def _orthanc(stack: Stack) -> OrthancService:
    if stack.orthanc is None:
        pytest.skip("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)")
    return stack.orthanc


def address_in(stack: Stack, page: Path) -> str:
    """Where a flow that uses these services links to."""
    with patch.dict(os.environ, stack.environment):
        return address_of(stack.workspace, page)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:  # a temporary file of a database that runs
        return 0
