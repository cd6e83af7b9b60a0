"""One series: its identified files in quarantine become one ZIP of clean ones, and each file gets its outcome.

Runs in a process of a pool, so its arguments are paths and models and its tables are loaded once a process. Deletes
nothing in quarantine.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.core.entry import quiet_libraries
from tasks.core.files import Streamed, write_zip
from tasks.core.models import Item, State, Unit, UnitResult
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.bulk.place import header_of
from tasks.deidentify.file import Deidentifier, Outcome
from tasks.deidentify.parts import chunks, size

logger = logging.getLogger(__name__)


def deidentify_unit(source: Path, target: Path, unit: Unit, settings: DeidentifySettings, key_file: Path) -> UnitResult:
    """De-identify every `source/<item>.dcm` into the ZIP `target`, members `<new SOPInstanceUID>.dcm`.

    Each file ends as DEIDENTIFIED or with a Reason. Where none is kept there is no ZIP, and one that an earlier run
    left is taken away. Raises `ConfigurationError` for a bad profile or key.
    """
    quiet_libraries()  # this runs in a process of its own, and pydicom's warnings quote values
    deidentifier = _deidentifier(settings, key_file)
    files = {path.stem: path for path in sorted(source.glob("*.dcm"))}
    scratch = source / "pixels"  # goes with the folder
    outcomes = [
        _with_series(deidentifier.deidentify(path, item, unit.patient, scratch)) for item, path in files.items()
    ]
    outcomes = one_of_each(outcomes, files)
    kept = [outcome for outcome in outcomes if outcome.reason is None]
    digest = None
    if kept:
        members = ((f"{each.sop}.dcm", Streamed(size(each.parts), chunks(each.parts))) for each in kept)
        digest = write_zip(target, members)
    else:
        target.unlink(missing_ok=True)
    refused = Counter(outcome.reason.code for outcome in outcomes if outcome.reason is not None)
    logger.info("%s: %d kept, refused: %s", unit.unit, len(kept), dict(sorted(refused.items())) or "none")
    return UnitResult(unit=unit.unit, items=tuple(_item(outcome) for outcome in outcomes), digest=digest)


def _with_series(outcome: Outcome) -> Outcome:
    """The outcome, refused where the object names no study or series: a release has no place for it."""
    if outcome.reason is not None or all(header_of(outcome.parts)[:2]):
        return outcome
    for path in outcome.temporary:
        path.unlink(missing_ok=True)
    return Outcome(outcome.item, Reason.NO_IDENTITY, outcome.source_sop)


def one_of_each(outcomes: Sequence[Outcome], files: Mapping[str, Path]) -> list[Outcome]:
    """Settle files that share a SOPInstanceUID: equal bytes are one instance, others cannot be told apart.

    `files` are the sources by item.
    """
    together: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        together[outcome.source_sop].append(outcome)
    settled = []
    for outcome in outcomes:
        same = together[outcome.source_sop]
        if not outcome.source_sop or len(same) == 1:
            settled.append(outcome)
        elif len({_digest(files[other.item]) for other in same}) > 1:
            settled.append(Outcome(outcome.item, Reason.UID_COLLISION, outcome.source_sop))
        elif outcome is same[0]:
            settled.append(outcome)
        else:
            settled.append(Outcome(outcome.item, Reason.DUPLICATE_BYTES, outcome.source_sop))
    return settled


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _item(outcome: Outcome) -> Item:
    if outcome.reason is not None:
        return Item.refused(outcome.item, outcome.reason)
    return Item(item=outcome.item, state=State.DEIDENTIFIED, sop=outcome.sop)


_deidentifiers: dict[tuple[str, Path, int], Deidentifier] = {}


def _deidentifier(settings: DeidentifySettings, key_file: Path) -> Deidentifier:
    """One for each settings and key, kept for the next unit of this process; a changed key file gets its own."""
    key = (settings.model_dump_json(), key_file, key_file.stat().st_mtime_ns if key_file.exists() else 0)
    if key not in _deidentifiers:
        _deidentifiers.clear()
        _deidentifiers[key] = Deidentifier(settings, Pseudonymiser.from_file(key_file))
    return _deidentifiers[key]
