"""What is done about an object's pixels: judged once for all slices that are alike, then left or refused.

Looking into pixels is pixels/; the pixel element's bytes are headers/pixeldata.py.
"""

from __future__ import annotations

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import PixelSettings
from tasks.deidentify.headers import part10, pixeldata
from tasks.deidentify.headers.clean import Pixels
from tasks.deidentify.headers.dataset import as_dataset
from tasks.deidentify.headers.opened import Opened
from tasks.deidentify.headers.scan import PIXELS
from tasks.deidentify.pixels import risk

_MODALITY = 0x00080060
# What the rules of risk.py ask: equal bytes here make equal answers.
_ASKED = (0x00080008, 0x00080016, _MODALITY, 0x00080064, 0x00280002, 0x00280101, 0x00280301, 0x00480010)
_PIXELS = sorted(PIXELS, reverse=True)  # PixelData before the float ones: an object has one of them
_MOST_JUDGED = 1024


class PixelCleaner:
    """Judges pixels by one profile's settings; keeps its judgements."""

    def __init__(self, settings: PixelSettings) -> None:
        self.settings = settings
        self._risks: dict[tuple[bytes, ...], risk.Risk | None] = {}

    def clean(self, opened: Opened) -> Pixels:
        """The pixel element as it is to be written; raises `QuarantineUnit` for pixels that may show text."""
        last = next((opened.by_tag[tag] for tag in _PIXELS if tag in opened.by_tag), None)
        if last is None:
            return Pixels()
        if self._risk(opened) is not None:
            raise QuarantineUnit(Reason.BURNED_IN_RISK)
        pixels = Pixels(last.tag, pixeldata.unchanged(opened, last))
        if opened.plain(_MODALITY).upper() in self.settings.accept:
            pixels.elements = part10.not_burned_in(opened.encoding)
        return pixels

    def _risk(self, opened: Opened) -> risk.Risk | None:
        by_tag = opened.by_tag
        key = tuple(by_tag[tag].chunk or b"" for tag in _ASKED if tag in by_tag)
        key += tuple(element.tag.to_bytes(4, "big") for element in opened.elements if element.tag >> 24 == 0x60)
        if key not in self._risks:
            if len(self._risks) >= _MOST_JUDGED:
                self._risks.clear()
            self._risks[key] = risk.risk_of(as_dataset(opened), self.settings)
        return self._risks[key]
