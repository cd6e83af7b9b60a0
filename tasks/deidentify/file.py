"""One file: opened, its pixels judged, its header rewritten, looked at again. Whatever is in it, it gets an outcome.

What is around it is elsewhere: a series into an archive is unit.py, a folder into a folder is folder.py.
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tasks.core.errors import QuarantineUnit, UnitError
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.documents import admit
from tasks.deidentify.headers.clean import HeaderCleaner, Pixels, Session
from tasks.deidentify.headers.encoding import Encoding, PlainError
from tasks.deidentify.headers.learned import Learned
from tasks.deidentify.headers.opened import Opened, open_file
from tasks.deidentify.headers.source import FileSource
from tasks.deidentify.images import PixelCleaner
from tasks.deidentify.parts import Parts
from tasks.deidentify.residual.check import ResidualCheck
from tasks.deidentify.rules.profile import Profile

logger = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of one file: a reason why it is refused, or its new SOPInstanceUID and `parts`.

    `parts` may name ranges of the source file, which must stay until they are written. `source_sop` tells the file
    from others of its series ("" where unknown); it identifies, so it stays in memory. `notes` are short codes for the
    report, e.g. `face`. `temporary` are files that `parts` needs and that go once it is written.
    """

    item: str
    reason: Reason | None
    source_sop: str = ""
    sop: str = ""
    patient: str = ""
    parts: Parts = ()
    notes: tuple[str, ...] = ()
    temporary: tuple[Path, ...] = ()


class Deidentifier:
    """All that is the same for every file of a run. One a process; keeps what it learned of a series for the next."""

    def __init__(self, settings: DeidentifySettings, pseudonymiser: Pseudonymiser, *, residual: bool = True) -> None:
        """Raises `ConfigurationError` for a bad profile. `residual` False leaves out the residual check: for timing."""
        self.settings = settings
        self.pseudonymiser = pseudonymiser
        self.profile = Profile.of(settings)
        self._check = ResidualCheck(self.profile.retained, self.profile.dates) if residual else None
        self._images = PixelCleaner(settings.pixels)
        self._learned: dict[Encoding, Learned] = {}
        self._headers = HeaderCleaner(self.profile, pseudonymiser, settings.max_depth)

    def deidentify(self, source: Path, item: str, patient: str | None = None, scratch: Path | None = None) -> Outcome:
        """De-identify one file; never raises for what is in it.

        `patient` is the pseudonym that the file must turn out to have; None where nothing is known beforehand. Masked
        pixels are kept in the folder `scratch` until they are written.
        """
        descriptor = os.open(source, os.O_RDONLY)
        try:
            return self._outcome(FileSource(source, descriptor, os.fstat(descriptor).st_size), item, patient, scratch)
        finally:
            os.close(descriptor)

    def _outcome(self, source: FileSource, item: str, patient: str | None, scratch: Path | None) -> Outcome:
        sop = ""
        try:
            try:
                opened = open_file(source, learned=self._learned)
                sop = opened.sop
                return self._clean(source, opened, item, patient, scratch)
            except PlainError:
                # Regular at the top, irregular in a sequence: pydicom may still read it.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    opened = open_file(source, regular=False)
                    sop = opened.sop
                    return self._clean(source, opened, item, patient, scratch)
        except PlainError:
            return Outcome(item, Reason.DEIDENTIFY_FAILED, sop)
        except UnitError as error:
            return Outcome(item, error.reason, sop)
        except OSError:
            raise
        except Exception as error:  # whatever a library makes of a strange header: the file is refused
            logger.warning("%s: refused after %s", item, type(error).__name__)
            return Outcome(item, Reason.DEIDENTIFY_FAILED, sop)

    def _clean(
        self, source: FileSource, opened: Opened, item: str, expected: str | None, scratch: Path | None
    ) -> Outcome:
        session = self._headers.session(opened)
        if expected not in (None, session.patient):
            raise QuarantineUnit(Reason.PATIENT_MISMATCH)
        without = admit(opened, self.profile)
        sop = self.pseudonymiser.uid(opened.sop)
        clean = partial(self._headers.clean, opened, session, sop, without=without)
        handled = self._images.clean(opened, session.known, sop, scratch, before=partial(clean, Pixels()))
        try:
            parts = clean(handled.pixels)
            self._look_again(source, parts, sop, session)
        except BaseException:
            for path in handled.temporary:
                path.unlink(missing_ok=True)
            raise
        return Outcome(item, None, opened.sop, sop, session.patient, parts, handled.notes, handled.temporary)

    def _look_again(self, source: FileSource, parts: Parts, sop: str, session: Session) -> None:
        if self._check is None:
            return
        try:
            found = self._check.residue((source.part(0, source.size),), parts, f"{sop}.dcm", session.shift)
        except ValueError:
            raise QuarantineUnit(Reason.DEIDENTIFY_FAILED) from None
        if found:
            logger.warning("an instance of %s keeps %s", session.patient, ", ".join(found))
            raise QuarantineUnit(Reason.RESIDUAL_IDENTIFIER)
