"""What is done about an object's pixels: judged once for all slices that are alike, then left, looked at or refused.

Looking into pixels is pixels/, which is loaded only when something is looked at; the pixel element's bytes are
headers/pixeldata.py.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import PixelSettings
from tasks.deidentify.headers import part10, pixeldata
from tasks.deidentify.headers.clean import Pixels
from tasks.deidentify.headers.dataset import as_dataset
from tasks.deidentify.headers.element import PIXELS, Element
from tasks.deidentify.headers.encoding import UNDEFINED, Encoding
from tasks.deidentify.headers.opened import Opened
from tasks.deidentify.known import Known
from tasks.deidentify.parts import Range
from tasks.deidentify.pixels import faces, risk

if TYPE_CHECKING:
    from tasks.deidentify.pixels.outcome import PixelOutcome

_MODALITY = 0x00080060
# What the rules of risk.py, faces.py and of known devices ask: equal bytes here make equal answers.
_ASKED = (
    *(0x00080008, 0x00080016, _MODALITY, 0x00080064, 0x00280002, 0x00280101, 0x00280301, 0x00480010),
    *(0x00080070, 0x00081090, 0x00280010, 0x00280011, 0x00180015, 0x00081030, 0x0008103E, 0x00181030),
)
_PIXELS = sorted(PIXELS, reverse=True)  # PixelData before the float ones: an object has one of them
_MOST_JUDGED = 1024


class Judgement(NamedTuple):
    """What the header alone says: a reason to look, whether the site vouches for the pixels, and the notes."""

    risky: bool
    by_sample: bool
    accepted: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Handled:
    """The pixel element as it is to be written, notes for the report, and files to delete when it has been written."""

    pixels: Pixels
    notes: tuple[str, ...] = ()
    temporary: tuple[Path, ...] = ()


class PixelCleaner:
    """Judges and cleans pixels by one profile's settings; keeps its judgements."""

    def __init__(self, settings: PixelSettings) -> None:
        self.settings = settings
        self._judged: dict[tuple[bytes, ...], Judgement] = {}

    def clean(
        self, opened: Opened, known: Known, sop: str, scratch: Path | None, before: Callable[[], object]
    ) -> Handled:
        """The pixel element to write for the object that gets the UID `sop`.

        Looking for text takes longer than all else: `before` is called first, and may raise what spares it.
        Files for masked pixels go to `scratch`. Raises `QuarantineUnit` for pixels that may show text.
        """
        element = next((opened.by_tag[tag] for tag in _PIXELS if tag in opened.by_tag), None)
        if element is None:
            return Handled(Pixels())
        judged = self._judge(opened)
        if judged.risky and not self.settings.look:
            raise QuarantineUnit(Reason.BURNED_IN_RISK)
        if not judged.risky and not (judged.by_sample and self._is_chosen(sop)):
            pixels = Pixels(element.tag, pixeldata.unchanged(opened, element))
            if judged.accepted:
                pixels.elements = part10.not_burned_in(opened.encoding)
            return Handled(pixels, judged.notes)
        before()
        outcome = self._look(opened, element, known, scratch, risky=judged.risky)
        pixels = Pixels(element.tag, _parts(opened, element, outcome), _elements(opened.encoding, outcome))
        if outcome.transfer_syntax != opened.syntax:
            pixels.syntax = outcome.transfer_syntax
        temporary = tuple(part.path for part in outcome.value or () if isinstance(part, Range))
        return Handled(pixels, (*judged.notes, *outcome.notes), temporary)

    def _is_chosen(self, sop: str) -> bool:
        number = int.from_bytes(hashlib.sha256(sop.encode("ascii")).digest()[:6], "big")
        return number < self.settings.sample * 2**48

    def _judge(self, opened: Opened) -> Judgement:
        by_tag = opened.by_tag
        key = tuple(by_tag[tag].chunk or b"" for tag in _ASKED if tag in by_tag)
        for element in reversed(opened.elements):
            if element.tag >> 24 < 0x60:
                break
            if element.tag >> 24 == 0x60:
                key += (element.tag.to_bytes(4, "big"),)
        found = self._judged.get(key)
        if found is None:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            header = as_dataset(opened)
            risky = risk.risk_of(header, self.settings) is not None
            modality = opened.plain(_MODALITY).upper()
            accepted = modality in self.settings.accept
            by_sample = modality in ("CT", "MR", "PT") and not accepted
            notes = ("face",) if faces.shows_face(header) else ()
            found = self._judged[key] = Judgement(risky, by_sample, accepted, notes)
        return found

    def _look(
        self, opened: Opened, element: Element, known: Known, scratch: Path | None, *, risky: bool
    ) -> PixelOutcome:
        from tasks.deidentify.pixels.examine import examine
        from tasks.deidentify.pixels.outcome import PixelSource

        source = PixelSource(
            as_dataset(opened),
            opened.syntax,
            opened.sop_class,
            pixeldata.value_of(opened, element),
            element.length == UNDEFINED,
            element.tag,
            element.vr,
        )
        return examine(source, self.settings, known, scratch or _own_scratch(), risky=risky)


def _parts(opened: Opened, element: Element, outcome: PixelOutcome) -> tuple[bytes | Range, ...]:
    """The whole pixel element."""
    if outcome.value is None:
        return pixeldata.unchanged(opened, element)
    return pixeldata.changed(opened, element, outcome.value)


def _elements(encoding: Encoding, outcome: PixelOutcome) -> dict[int, bytes]:
    """The elements of the header that change with the pixels, encoded; b"" takes one away."""
    changed = part10.not_burned_in(encoding) if outcome.looked else {}
    for tag, (vr, value) in outcome.elements.items():
        if value is None:
            changed[tag] = b""
        else:
            content = struct.pack(f"{encoding.order}H", value) if isinstance(value, int) else value.encode("ascii")
            changed[tag] = encoding.element(tag, vr, content)
    return changed


def _own_scratch() -> Path:
    """A folder of this user alone, for callers that have none."""
    folder = Path(tempfile.gettempdir()) / f"sluice-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
