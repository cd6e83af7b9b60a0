"""Where a page of the workspace is opened: at `sluice up`, while it runs, else as the file that it is."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import httpx

from flows.services.pages import FOLDERS, TYPES, VARIABLE
from tasks.core.workspace import Workspace

PUBLIC = "SLUICE_PAGES_PUBLIC_URL"
_PATIENCE = 2.0


def address_of(workspace: Workspace, page: Path) -> str:
    """The address of `page`, a file under the workspace's data/.

    By HTTP where the server of $SLUICE_PAGES_URL answers and serves such files; it asks who follows for the password.
    $SLUICE_PAGES_PUBLIC_URL is how people reach that server, where a proxy stands in front of it.
    """
    base = os.environ.get(VARIABLE, "").rstrip("/")
    link = page.relative_to(workspace.data)
    if base and link.parts[0] in FOLDERS and page.suffix in TYPES and _answers(base):
        return f"{os.environ.get(PUBLIC, base).rstrip('/')}/{quote(link.as_posix())}"
    return page.as_uri()


def _answers(base: str) -> bool:
    try:
        return httpx.get(base, timeout=_PATIENCE, trust_env=False).status_code == httpx.codes.UNAUTHORIZED
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
