"""One file: read, its pixels judged, its header rewritten, looked at again. Whatever is in it, it gets an outcome.

What is around it is elsewhere: a series into an archive is unit.py, a folder into a folder is folder.py.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

from tasks.core.errors import QuarantineUnit, UnitError
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.headers import part10, read, values
from tasks.deidentify.headers.engine import Cleaner, Identity
from tasks.deidentify.parts import Parts
from tasks.deidentify.pixels import risk
from tasks.deidentify.residual import search
from tasks.deidentify.residual.identifiers import Identifiers
from tasks.deidentify.rules import tables
from tasks.deidentify.rules.profile import Profile

logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of one file: a reason why it is refused, or its new SOPInstanceUID and `parts`.

    `parts` may name ranges of the source file, which must stay until they are written. `source_sop` tells the file
    from others of its series ("" where unknown); it identifies, so it stays in memory. `notes` are short codes for the
    report, e.g. `face`.
    """

    item: str
    reason: Reason | None
    source_sop: str = ""
    sop: str = ""
    patient: str = ""
    parts: Parts = ()
    notes: tuple[str, ...] = ()


class Deidentifier:
    """All that is the same for every file of a run. One a process; keeps what it learned of a series for the next."""

    def __init__(self, settings: DeidentifySettings, pseudonymiser: Pseudonymiser) -> None:
        """Raises `ConfigurationError` for a bad profile."""
        self.settings = settings
        self.pseudonymiser = pseudonymiser
        self.profile = Profile.of(settings)

    def deidentify(self, source: Path, item: str, patient: str | None = None) -> Outcome:
        """De-identify one file; never raises for what is in it.

        `patient` is the pseudonym that the file must turn out to have; None where nothing is known beforehand.
        """
        source_sop = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = read.parse(source.read_bytes())
                source_sop = parsed.sop
                return self._clean(parsed, item, patient)
        except UnitError as error:
            return Outcome(item, error.reason, source_sop)
        except (
            Exception
        ) as error:  # whatever a library makes of a strange header: the file is refused
            logger.warning("%s: refused after %s", item, type(error).__name__)
            return Outcome(item, Reason.DEIDENTIFY_FAILED, source_sop)

    def _clean(self, parsed: read.Parsed, item: str, expected: str | None) -> Outcome:
        dataset, settings, profile = parsed.dataset, self.settings, self.profile
        patient = self.pseudonymiser.patient(parsed.patient_id, parsed.study)
        if expected not in (None, patient):
            raise QuarantineUnit(Reason.PATIENT_MISMATCH)
        if not risk.class_name(parsed.sop_class):
            raise QuarantineUnit(Reason.UNKNOWN_CLASS)
        if risk.is_text_object(dataset):
            raise QuarantineUnit(Reason.UNCLEANED_TEXT)
        if risk.risk_of(dataset, settings.pixels) is not None:
            raise QuarantineUnit(Reason.BURNED_IN_RISK)
        accepted = risk.has_pixels(dataset) and read.text_of(dataset, "Modality").upper() in settings.pixels.accept
        wanted = Identifiers.of(dataset, profile.retained)
        shift = self.pseudonymiser.shift_days(parsed.patient_id, parsed.study)
        identity = Identity(patient, shift, self.pseudonymiser)
        sop = self.pseudonymiser.uid(parsed.sop)
        Cleaner(profile, identity, tables.iod_of(parsed.sop_class), settings.max_depth).clean_object(dataset)
        part10.state_method(dataset, profile, pixels_clean=accepted)
        content = part10.write(dataset, parsed.sop_class, sop, parsed.transfer_syntax)
        found = search.residue(content, f"{sop}.dcm", wanted, _allowed_dates(wanted, profile, identity.shift))
        if found:
            logger.warning("an instance of %s keeps %s", patient, ", ".join(found))
            raise QuarantineUnit(Reason.RESIDUAL_IDENTIFIER)
        return Outcome(item, None, parsed.sop, sop, patient, (content,))


def _allowed_dates(wanted: Identifiers, profile: Profile, shift: int) -> frozenset[str]:
    """Dates that may stand in the output: the shifted ones, of which one may by chance equal another of the source."""
    if profile.dates == "UNMODIFIED":
        return frozenset(wanted.dates)
    shifted = [values.shift_date(day, shift) for day in wanted.dates] if profile.dates == "MODIFIED" else []
    return frozenset(day for day in shifted if day)
