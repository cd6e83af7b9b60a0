"""Looking at an object's pixels: which frames, what is found in them, masking it, and looking once more.

Import this late: it loads the networks. What a header gives away is judged before, in risk.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import PixelSettings
from tasks.deidentify.headers.read import text_of
from tasks.deidentify.known import Known
from tasks.deidentify.pixels.boxes import to_mask
from tasks.deidentify.pixels.changes import embedded_overlays
from tasks.deidentify.pixels.detect import COARSE, QUICK, THOROUGH, Care, find_text
from tasks.deidentify.pixels.frames import Decoded, Frames
from tasks.deidentify.pixels.layout import Layout, read_layout
from tasks.deidentify.pixels.mask import Mask, without_unused_bits
from tasks.deidentify.pixels.outcome import PixelOutcome, PixelSource
from tasks.deidentify.pixels.palette import read_palette
from tasks.deidentify.pixels.place import Place, join
from tasks.deidentify.pixels.regions import device_boxes, outside_regions
from tasks.deidentify.pixels.rewrite import write
from tasks.deidentify.pixels.views import planes_of

_ROUNDS = 4
_FEW = 4  # frames that are all looked at thoroughly; of more, the first and the extremes


def examine(source: PixelSource, settings: PixelSettings, known: Known, scratch: Path, *, risky: bool) -> PixelOutcome:
    """Look at the frames, mask what tells, and look again.

    `risky` looks thoroughly. Otherwise it is one of a sample of what is clean by its header: it is looked at coarsely,
    thoroughly once there is text, and passes with the note `undecodable` where it cannot be decoded. Raises
    `QuarantineUnit`: what stops decoding; BURNED_IN_RISK for a slide's label, and where the header says that there is
    text and none is found; BURNED_IN_TEXT where text is left after masking.
    """
    if risky and _is_label(source):
        raise QuarantineUnit(Reason.BURNED_IN_RISK)
    try:
        layout = read_layout(source)
        with Frames(source, layout) as frames:
            look = _Look(source, layout, frames, settings, known)
            if not risky and not look.shows_text():
                return PixelOutcome(source.transfer_syntax, looked=True, notes=("looked",))
            return look.outcome(scratch)
    except QuarantineUnit as error:
        if risky or error.reason is Reason.BURNED_IN_TEXT:
            raise
        return PixelOutcome(source.transfer_syntax, notes=("undecodable",))


def _is_label(source: PixelSource) -> bool:
    """Whether the picture is, or holds, the label of a slide, which is written by hand or in bars."""
    if text_of(source.header, "SpecimenLabelInImage").upper() == "YES":
        return True
    return text_of(source.header, "Modality").upper() == "SM" and "LABEL" in text_of(source.header, "ImageType").upper()


@dataclass(frozen=True, repr=False)
class _Seen:
    """What a round of looking found: boxes to mask, and whether there was any text, such that may stay included."""

    boxes: list[Place]
    text: bool


class _Look:
    """One object that is looked at."""

    def __init__(
        self, source: PixelSource, layout: Layout, frames: Frames, settings: PixelSettings, known: Known
    ) -> None:
        self.source, self.layout, self.frames, self.known, self.settings = source, layout, frames, known, settings
        self.mask = Mask(layout, read_palette(source.header) if layout.photometric == "PALETTE COLOR" else None)
        self.extremes: list[Decoded] = []

    def shows_text(self) -> bool:
        """Whether a coarse look sees text that must go."""
        return any(self._text_of(self.frames.decode(index), COARSE).boxes for index in self._spaced())

    def outcome(self, scratch: Path) -> PixelOutcome:
        """Look thoroughly, mask, look again, write."""
        source, layout = self.source, self.layout
        boxes = device_boxes(source.header, layout)
        notes = ["looked", *(["device"] if boxes else [])]
        if self.settings.outside_regions and (outside := outside_regions(source.header, layout)):
            boxes += outside
            notes.append("regions")
        chosen = self._survey()
        self.mask = replace(self.mask, boxes=tuple(join(boxes)))
        self._mask_until_clean(chosen)
        if not self.mask.boxes and not self.mask.clear and not self.frames.surplus:
            return PixelOutcome(source.transfer_syntax, looked=True, notes=tuple(notes))
        written = write(source, self.frames, self.mask, scratch)
        notes += ["masked"] if self.mask.boxes else []
        notes += ["cleared"] if self.mask.clear else []
        notes += ["transcoded"] if written.transfer_syntax != source.transfer_syntax else []
        return PixelOutcome(
            written.transfer_syntax,
            written.value,
            source.vr,
            written.elements,
            looked=True,
            masked=len(self.mask.boxes),
            notes=tuple(notes),
        )

    def _survey(self) -> list[int]:
        """Decode frames once: which are distinct, their lowest and highest value, bits that hold no sample.

        Of more frames than are looked at, also make those of the least and of the greatest words that each pixel ever
        has, in which text of any frame shows.
        """
        many = len(self.frames) > self.settings.max_frames
        wanted = set(self._spaced())
        seen: dict[bytes, int] = {}
        ends = [np.inf, -np.inf]
        clear = bool(embedded_overlays(self.source.header))
        for index in range(len(self.frames)) if many else sorted(wanted):
            frame = self.frames.decode(index)
            values = self.layout.values(frame.words)
            ends = [min(ends[0], float(values.min())), max(ends[1], float(values.max()))]
            clear = clear or without_unused_bits(frame.words, self.layout) is not frame.words and self._hides(frame)
            if many:
                self._extend(frame)
            if index in wanted:
                seen.setdefault(hashlib.blake2b(np.ascontiguousarray(frame.words), digest_size=16).digest(), index)
        self.mask = replace(self.mask, clear=clear, lowest=ends[0], highest=ends[1])
        return sorted(seen.values())
