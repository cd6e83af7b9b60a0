"""One series: its identified files in quarantine become one ZIP of clean ones, and each file gets its outcome.

Runs in a process of a pool, so its arguments are paths and models and its tables are loaded once a process. Deletes
nothing in quarantine.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.core.entry import quiet_libraries
from tasks.core.errors import QuarantineUnit, UnitError
from tasks.core.files import write_zip
from tasks.core.models import Item, State, Unit, UnitResult
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.headers import part10, read, values
from tasks.deidentify.headers.engine import Cleaner, Identity
from tasks.deidentify.pixels import risk as pixels
from tasks.deidentify.residual import search as residual
from tasks.deidentify.residual.identifiers import Identifiers
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import Profile

logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of one file. `source_sop` and `digest` tell it from others of its series; "" where unknown."""

    item: str
    reason: Reason | None
    source_sop: str
    digest: str
    sop: str = ""
    content: bytes = b""


def deidentify_unit(source: Path, target: Path, unit: Unit, settings: DeidentifySettings, key_file: Path) -> UnitResult:
    """De-identify every `source/<item>.dcm` into the ZIP `target`, members `<new SOPInstanceUID>.dcm`.

    Each file ends as DEIDENTIFIED or with a Reason. Where none is kept there is no ZIP, and one that an earlier run
    left is taken away. Raises `ConfigurationError` for a bad profile or key.
    """
    quiet_libraries()  # this runs in a process of its own, and pydicom's warnings quote values
    profile = Profile.of(settings)
    pseudonymiser = _pseudonymiser(key_file, key_file.stat().st_mtime_ns if key_file.exists() else 0)
    outcomes = [
        deidentify_file(path.stem, path.read_bytes(), unit.patient, profile, settings, pseudonymiser)
        for path in sorted(source.glob("*.dcm"))
    ]
    outcomes = _one_of_each(outcomes)
    kept = [outcome for outcome in outcomes if outcome.reason is None]
    digest = None
    if kept:
        digest = write_zip(target, ((f"{outcome.sop}.dcm", outcome.content) for outcome in kept))
    else:
        target.unlink(missing_ok=True)
    refused = Counter(outcome.reason.code for outcome in outcomes if outcome.reason is not None)
    logger.info("%s: %d kept, refused: %s", unit.unit, len(kept), dict(sorted(refused.items())) or "none")
    return UnitResult(unit=unit.unit, items=tuple(_item(outcome) for outcome in outcomes), digest=digest)


def deidentify_file(
    item: str,
    content: bytes,
    patient: str,
    profile: Profile,
    settings: DeidentifySettings,
    pseudonymiser: Pseudonymiser,
) -> Outcome:
    """De-identify one file's bytes for the patient of this pseudonym; never raises for what is in the file."""
    digest, source_sop = hashlib.sha256(content).hexdigest(), ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = read.parse(content)
            source_sop = parsed.sop
            sop = pseudonymiser.uid(parsed.sop)
            return Outcome(
                item, None, source_sop, digest, sop, _clean(parsed, sop, patient, profile, settings, pseudonymiser)
            )
    except UnitError as error:
        return Outcome(item, error.reason, source_sop, digest)
    except Exception as error:  # whatever a library makes of a strange header: the file is refused, the unit goes on
        logger.warning("%s: refused after %s", item, type(error).__name__)
        return Outcome(item, Reason.DEIDENTIFY_FAILED, source_sop, digest)


def _clean(
    parsed: read.Parsed,
    sop: str,
    patient: str,
    profile: Profile,
    settings: DeidentifySettings,
    pseudonymiser: Pseudonymiser,
) -> bytes:
    dataset = parsed.dataset
    if pseudonymiser.patient(parsed.patient_id, parsed.study) != patient:
        raise QuarantineUnit(Reason.PATIENT_MISMATCH)
    if not pixels.class_name(parsed.sop_class):
        raise QuarantineUnit(Reason.UNKNOWN_CLASS)
    if pixels.is_text_object(dataset):
        raise QuarantineUnit(Reason.UNCLEANED_TEXT)
    if pixels.risk_of(dataset, settings.pixels) is not None:
        raise QuarantineUnit(Reason.BURNED_IN_RISK)
    accepted = pixels.has_pixels(dataset) and read.text_of(dataset, "Modality").upper() in settings.pixels.accept
    wanted = Identifiers.of(dataset, profile.retained)
    identity = Identity(patient, pseudonymiser.shift_days(parsed.patient_id, parsed.study), pseudonymiser)
    Cleaner(profile, identity, rules.iod_of(parsed.sop_class), settings.max_depth).clean_object(dataset)
    part10.state_method(dataset, profile, pixels_clean=accepted)
    content = part10.write(dataset, parsed.sop_class, sop, parsed.transfer_syntax)
    found = residual.residue(content, f"{sop}.dcm", wanted, _allowed_dates(wanted, profile, identity.shift))
    if found:
        logger.warning("an instance of %s keeps %s", patient, ", ".join(found))
        raise QuarantineUnit(Reason.RESIDUAL_IDENTIFIER)
    return content


def _allowed_dates(wanted: Identifiers, profile: Profile, shift: int) -> frozenset[str]:
    """Dates that may stand in the output: the shifted ones, of which one may by chance equal another of the source."""
    if profile.dates == "UNMODIFIED":
        return frozenset(wanted.dates)
    shifted = [values.shift_date(day, shift) for day in wanted.dates] if profile.dates == "MODIFIED" else []
    return frozenset(day for day in shifted if day)


def _one_of_each(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Settle files that share a SOPInstanceUID: equal bytes are one instance, others cannot be told apart."""
    together: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        together[outcome.source_sop].append(outcome)
    settled = []
    for outcome in outcomes:
        same = together[outcome.source_sop]
        if not outcome.source_sop or len(same) == 1:
            settled.append(outcome)
        elif len({other.digest for other in same}) > 1:
            settled.append(Outcome(outcome.item, Reason.UID_COLLISION, outcome.source_sop, outcome.digest))
        elif outcome is same[0]:
            settled.append(outcome)
        else:
            settled.append(Outcome(outcome.item, Reason.DUPLICATE_BYTES, outcome.source_sop, outcome.digest))
    return settled


def _item(outcome: Outcome) -> Item:
    if outcome.reason is not None:
        return Item.refused(outcome.item, outcome.reason)
    return Item(item=outcome.item, state=State.DEIDENTIFIED, sop=outcome.sop)


@lru_cache(maxsize=4)
def _pseudonymiser(key_file: Path, _changed: int) -> Pseudonymiser:
    return Pseudonymiser.from_file(key_file)
