"""What running services tell other shells of this user: addresses and passwords, kept in the vault."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from flows.services.ports import free_port
from tasks.core.guard import check_vault
from tasks.core.workspace import Workspace

SERVICES = ("orthanc", "prefect", "mlflow", "pages")


def publish(workspace: Workspace, environment: Mapping[str, str]) -> None:
    """Let `sluice run` in another shell find the services of this process."""
    _write_private(_file(workspace), {"environment": dict(environment), "pid": os.getpid()})


def forget(workspace: Workspace) -> None:
    """The services have ended."""
    _file(workspace).unlink(missing_ok=True)


def use_running_services(workspace: Workspace) -> bool:
    """Put the addresses of a running `sluice up` into this process's environment; what is set already stands."""
    check_vault(workspace.vault)  # who may write there could put anything into our environment
    try:
        state = json.loads(_file(workspace).read_text(encoding="utf-8"))
        os.kill(int(state["pid"]), 0)
    except (FileNotFoundError, ProcessLookupError, PermissionError, ValueError, KeyError):
        return False
    for name, value in state["environment"].items():
        os.environ.setdefault(name, value)
    return True


def passwords(workspace: Workspace) -> dict[str, str]:
    """The services' passwords, made once: MLflow and Prefect remember theirs in their databases."""
    check_vault(workspace.vault)
    place = workspace.vault / "passwords.json"
    found: dict[str, str] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    if missing := [name for name in SERVICES if name not in found]:  # a workspace of before a service came
        found |= {name: secrets.token_urlsafe(18) for name in missing}
        _write_private(place, found)
    return found


def ports(workspace: Workspace) -> dict[str, int]:
    """A port for each service, the same as last time where it is still free: links that runs left go on working."""
    place = workspace.vault / "ports.json"
    former: dict[str, int] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    found = {name: free_port(former.get(name, 0)) for name in SERVICES}
    _write_private(place, found)
    return found


def _file(workspace: Workspace) -> Path:
    return workspace.vault / "services.json"


def _write_private(place: Path, value: object) -> None:
    draft = place.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        json.dump(value, handle)
    draft.replace(place)
