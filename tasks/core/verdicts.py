"""`data/gates/verdicts.json`: what the gates said, and of which tables they said it. Reading and writing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tasks.core.errors import ContractViolation
from tasks.core.files import sha256, write_json
from tasks.core.models import Verdicts
from tasks.core.workspace import Workspace


def write_verdicts(workspace: Workspace, verdicts: Verdicts) -> None:
    """Write the verdicts with sorted keys and without times."""
    write_json(verdicts_file(workspace), verdicts.model_dump(mode="json"))


def read_verdicts(workspace: Workspace) -> Verdicts | None:
    """The verdicts of the last run of the gates, None before there was one; `ContractViolation` where damaged."""
    place = verdicts_file(workspace)
    try:
        return Verdicts.model_validate_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ContractViolation(f"{place} is damaged: run `python -m tasks.validate` again") from None


def curated_digest(curated: Path) -> str:
    """A digest of the curated tables: what verdicts are about."""
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(curated.glob("*.parquet"))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def verdicts_file(workspace: Workspace) -> Path:
    """Where the verdicts lie."""
    return workspace.gates / "verdicts.json"
