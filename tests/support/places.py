"""Where the checkout and the third-party corpus beside it are, and how a test gets a workspace of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tasks.core.pseudonyms import new_key
from tasks.core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"


def make_workspace(place: Path) -> Workspace:
    """A workspace at `place` with the repository's params.yaml and suites, its zones, and a key of its own."""
    place.mkdir(parents=True, exist_ok=True)
    params = ROOT / "params.yaml"
    (place / "params.yaml").write_text(params.read_text(encoding="utf-8") if params.exists() else "", encoding="utf-8")
    if (ROOT / "expectations").is_dir():
        shutil.copytree(ROOT / "expectations", place / "expectations", dirs_exist_ok=True)
    workspace = Workspace(place)
    workspace.prepare()
    new_key(workspace.vault / "key")
    return workspace


def with_params(workspace: Workspace, **sections: Mapping[str, Any]) -> Workspace:
    """The workspace again after `sections` were laid over its params.yaml, e.g. `extract={"source": "folder"}`."""
    params: dict[str, Any] = yaml.safe_load(workspace.params.read_text(encoding="utf-8")) or {}
    for name, section in sections.items():
        params[name] = {**(params.get(name) or {}), **section}
    workspace.params.write_text(yaml.safe_dump(params, sort_keys=True), encoding="utf-8")
    return Workspace(workspace.root)
