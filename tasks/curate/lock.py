"""`data/splits.lock`: which patient belongs to which split, for good. Reading and writing it, nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_json

FORMAT = 1
_PATIENT = re.compile(r"p[a-z2-7]{12}")


def read_lock(path: Path) -> dict[str, str]:
    """Patient -> split; empty where there is no lock yet. Raises `ConfigurationError` for a file that is no lock."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        patients = content["patients"]
        sound = content["format"] == FORMAT and all(
            _PATIENT.fullmatch(patient) and isinstance(split, str) for patient, split in patients.items()
        )
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ConfigurationError(f"{path} is damaged: restore it with `git checkout`, or patients would change splits")
    return dict(patients)


def write_lock(path: Path, assigned: Mapping[str, str]) -> None:
    """Write the lock: sorted, one line a patient, so that versions merge and compare well."""
    write_json(path, {"format": FORMAT, "patients": dict(assigned)})
