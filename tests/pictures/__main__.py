"""`python -m tests.pictures`: a demo, its services, and Chromium that looks at them; the PNGs go to docs/pictures.

Look at each before it is committed: no path, account or address of this machine may be on it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import httpx
from rich.console import Console

from flows.services.pages import USER
from flows.services.prefect_server import PrefectServer
from flows.services.stack import Stack
from tasks.core.workspace import Workspace
from tests.support.chromium import Page, chromium
from tests.support.places import ROOT

PLACE = ROOT / "docs" / "pictures"
console = Console()


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=main.__doc__)
    parser.add_argument("--demo", type=Path, help="where `sluice demo` made one already; else it is made now")
    parser.add_argument("--to", type=Path, default=PLACE, help="the folder of the PNGs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        demo = given.demo or _demo(Path(scratch) / "demo")
        workspace = Workspace(demo.resolve() / "workspace")
        given.to.mkdir(parents=True, exist_ok=True)
        with Stack(workspace) as stack, chromium(Path(scratch) / "browser") as page:
            stack.wait()
            _of_pages(stack, page, given.to)
            assert stack.prefect
            _of_run(stack.prefect, page, given.to)


def _demo(place: Path) -> Path:
    from flows.demonstration import demonstrate

    kept = dict(os.environ)
    demonstrate(place, seed=0, patients=16, console=console)
    os.environ.clear()  # the demo names its services there, which have ended
    os.environ.update(kept)
    return place


def _of_pages(stack: Stack, page: Page, place: Path) -> None:
    assert stack.pages
    models = sorted((stack.workspace.docs / "models").glob("*/lineage.html"))
    shown = {"gates.png": "docs/index.html", "lineage.png": models[-1].relative_to(stack.workspace.data).as_posix()}
    for name, path in shown.items():
        page.resize(1200, 1240 if name == "lineage.png" else 860)
        page.open(f"{stack.pages.address}/{path}", user=USER, password=stack.pages.password)
        _take(page, place / name)


def _of_run(server: PrefectServer, page: Page, place: Path) -> None:
    """The page of the run that made the release: its stages, and its artifacts."""
    user, password = server.credentials.split(":", 1)
    asked = {"flows": {"name": {"any_": ["build_dataset"]}}, "sort": "START_TIME_DESC"}
    found = httpx.post(f"{server.address}/api/flow_runs/filter", json=asked, auth=(user, password)).raise_for_status()
    run = next(run["id"] for run in found.json() if run["state_type"] == "COMPLETED")
    page.resize(1400, 1000)
    page.open(server.address)
    page.run(f"localStorage.setItem('prefect-password', btoa({server.credentials!r}))")
    page.open(f"{server.address}/runs/flow-run/{run}")
    _click(page, "Artifacts")
    page.wait_for("document.body.innerText.includes('contact-sheets')")
    page.run("new Promise(done => setTimeout(done, 3000))")  # the graph draws itself in
    _take(page, place / "prefect-run.png")


def _click(page: Page, words: str) -> None:
    """Press the tab that says `words` and nothing else."""
    found = f"[...document.querySelectorAll('*')].filter(one => one.textContent.trim() === {words!r}).pop()"
    page.wait_for(f"{found} !== undefined")
    page.run(f"{found}.click()")


def _take(page: Page, place: Path) -> None:
    page.picture(place)
    words = page.text()
    assert str(Path.home()) not in words, f"{place.name} shows a path of this machine"
    assert tempfile.gettempdir() not in words, f"{place.name} shows a path of this machine"
    console.print(f"{place.name}: {place.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
