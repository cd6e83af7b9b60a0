"""Change values in params.yaml and keep its comments: what a release was made with must stand there."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from tasks.core.files import write_text
from tasks.core.settings import load_settings
from tasks.core.workspace import Workspace


def set_params(workspace: Workspace, values: Mapping[str, Any]) -> Workspace:
    """Write `values`, given by dotted key, and return the workspace as it reads now. Bad values change nothing."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    before = workspace.params.read_text(encoding="utf-8")
    document = yaml.load(before) or {}
    for key, value in values.items():
        *sections, name = key.split(".")
        place = document
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    text = io.StringIO()
    yaml.dump(document, text)
    write_text(workspace.params, text.getvalue())
    try:
        load_settings(workspace.params)
    except Exception:
        write_text(workspace.params, before)
        raise
    return Workspace(workspace.root)
