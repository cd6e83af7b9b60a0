"""`data/waivers.json`: which rule of a gate may fail for which release, why, and who says so. Reading and writing.

A waiver counts for the one release that follows `after`, and is never taken out: the file is the history, committed
with the releases. Which rules there are is validate's matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pydantic import ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_json
from tasks.core.models import Waiver
from tasks.core.workspace import Workspace

_IDENTIFYING = {
    "a date": r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b(19|20)\d{6}\b",
    "a long number": r"\b\d{5,}\b",
    "a DICOM UID": r"\b\d+(\.\d+){4,}\b",
    "a pseudonym": r"\b[psu][a-z2-7]{12}\b",
    "a name as DICOM writes it": r"\w\^\w",
    "a patient's name": r"(?i)\b(mrs?|ms|miss|herr|frau|patient(in)?)\.? +(?-i:[A-Z])[\w'-]+",
    "an e-mail address": r"\S@\S+\.\S",
}
SHORTEST = 10


def read_waivers(workspace: Workspace) -> tuple[Waiver, ...]:
    """All waivers, oldest first; `ConfigurationError` where the file is damaged."""
    try:
        rows = json.loads(workspace.waivers.read_text(encoding="utf-8"))
        return tuple(Waiver.model_validate(row) for row in rows)
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError, ValidationError):
        raise ConfigurationError(f"{workspace.waivers} is damaged: take it from git again") from None


def waivers_after(workspace: Workspace, after: str | None) -> tuple[Waiver, ...]:
    """The waivers that count for the release that follows `after`, by rule; of two the later one."""
    counting = {waiver.rule: waiver for waiver in read_waivers(workspace) if waiver.after == after}
    return tuple(counting[rule] for rule in sorted(counting))


def write_waivers(workspace: Workspace, waivers: Sequence[Waiver]) -> None:
    """Write the file; the same waivers give the same bytes."""
    write_json(workspace.waivers, [waiver.model_dump(mode="json") for waiver in waivers])


def suspicions(text: str) -> list[str]:
    """What in `text` looks like an identifier of a patient, in words; it would be published with the release."""
    return [what for what, pattern in _IDENTIFYING.items() if re.search(pattern, text)]
