"""Which version an alias of MLflow's registry stands for, asked without importing MLflow, which takes seconds."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace

_SECONDS = 10.0


def version_of(workspace: Workspace, name: str, alias: str) -> str:
    """The version of the model `name` with `alias`; raises `ConfigurationError` where there is none."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workspace.services / 'mlflow.db'}"
    found = _at_server(uri, name, alias) if uri.startswith("http") else _in_file(uri, name, alias)
    if found is None:
        raise ConfigurationError(f"MLflow knows no {name}@{alias}: name a version, {name}/1 for instance")
    return found


def _in_file(uri: str, name: str, alias: str) -> str | None:
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.is_file():
        raise ConfigurationError("MLflow's database is not there, so aliases are not known: set MLFLOW_TRACKING_URI")
    query = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_SECONDS)) as connection:
            row = connection.execute(query, (name, alias)).fetchone()
    except sqlite3.Error:
        raise ConfigurationError("MLflow's database cannot be read: check its owner, or name a version") from None
    return None if row is None else str(row[0])


def _at_server(uri: str, name: str, alias: str) -> str | None:
    import httpx

    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    address = f"{uri.rstrip('/')}/api/2.0/mlflow/registered-models/alias"
    try:
        answer = httpx.get(
            address,
            params={"name": name, "alias": alias},
            auth=httpx.BasicAuth(user, password) if user else None,
            timeout=_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        raise ConfigurationError(
            "MLflow does not answer, so aliases are not known: start it, or name a version"
        ) from None
    if answer.status_code in (401, 403):
        raise ConfigurationError("MLflow refuses the user or password: set MLFLOW_TRACKING_USERNAME and _PASSWORD")
    if answer.status_code != httpx.codes.OK:
        return None
    return str(answer.json()["model_version"]["version"])
