"""Looking at an object's pixels: which frames, what is found in them, masking it, and looking once more.

Import this late: it loads the networks. What a header gives away is judged before, in risk.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import PixelSettings
from tasks.deidentify.headers.read import text_of
from tasks.deidentify.known import Known
from tasks.deidentify.pixels.boxes import to_mask
from tasks.deidentify.pixels.changes import embedded_overlays
from tasks.deidentify.pixels.detect import COARSE, QUICK, THOROUGH, Care, Seen, find_text
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
    `QuarantineUnit`: what stops decoding; BURNED_IN_RISK for a slide's label; BURNED_IN_TEXT where text is left after
    masking.
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


class _Look:
    """One object that is looked at."""

    def __init__(
        self, source: PixelSource, layout: Layout, frames: Frames, settings: PixelSettings, known: Known
    ) -> None:
        self.source, self.layout, self.frames, self.known, self.settings = source, layout, frames, known, settings
        self.mask = Mask(layout, read_palette(source.header) if layout.photometric == "PALETTE COLOR" else None)
        self.extremes: list[Decoded] = []
        self.seen: Seen = {}

    def shows_text(self) -> bool:
        """Whether a coarse look sees text that must go."""
        return any(self._text_of(self.frames.decode(index), COARSE) for index in self._spaced())

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
        """Decode frames once: which of those to look at differ, the ends of their values, bits that hold no sample."""
        count = len(self.frames)
        many = count > self.settings.max_frames and self.mask.palette is None
        wanted = set(self._spaced())
        seen: dict[bytes, int] = {}
        least, most = np.inf, -np.inf
        clear = bool(embedded_overlays(self.source.header))
        for index in range(count) if many else sorted(wanted):
            frame = self.frames.decode(index)
            least, most = min(least, float(frame.words.min())), max(most, float(frame.words.max()))
            if self.layout.signed or self.layout.stored < self.layout.allocated:
                values = self.layout.values(frame.words)
                least, most = min(least, float(values.min())), max(most, float(values.max()))
            clear = clear or not np.array_equal(without_unused_bits(frame.words, self.layout), frame.words)
            if many:
                self._extend(frame)
            if index in wanted:
                digest = hashlib.blake2b(np.ascontiguousarray(frame.words).data, digest_size=16).digest()
                seen.setdefault(digest, index)
        self.mask = replace(self.mask, clear=clear, lowest=least, highest=most)
        return sorted(seen.values())

    def _spaced(self) -> list[int]:
        """The frames that are looked at: all, or as many as the settings allow, evenly spaced."""
        count, most = len(self.frames), self.settings.max_frames
        if count <= most:
            return list(range(count))
        return sorted({round(at * (count - 1) / max(1, most - 1)) for at in range(most)})

    def _extend(self, frame: Decoded) -> None:
        """Take a frame into the least and the greatest that each pixel ever is, in which text of any frame shows."""
        words = frame.words if frame.words.ndim == 3 else self.layout.values(frame.words)
        if not self.extremes:
            self.extremes = [Decoded(words.copy(), frame.photometric), Decoded(words.copy(), frame.photometric)]
            return
        least, most = self.extremes
        np.minimum(least.words, words, out=least.words)
        np.maximum(most.words, words, out=most.words)

    def _mask_until_clean(self, chosen: Sequence[int]) -> None:
        """Raises BURNED_IN_TEXT where there is new text in every round."""
        near: list[Place] | None = None  # everywhere; then where something has changed since
        for _ in range(_ROUNDS):
            new: list[Place] = []
            for frame, care in self._shown(chosen):
                boxes = [box for box in self._text_of(frame, care, near) if not any(old.holds(box) for old in new)]
                boxes = [box for box in boxes if not any(old.holds(box) for old in self.mask.boxes)]
                if boxes:  # at once, so that what stands on every frame is found but once
                    self.mask = replace(self.mask, boxes=tuple(join([*self.mask.boxes, *boxes])))
                    new += boxes
            if not new:
                return
            near = new
        raise QuarantineUnit(Reason.BURNED_IN_TEXT)

    def _shown(self, chosen: Sequence[int]) -> Iterator[tuple[Decoded, Care]]:
        """The frames to look at, and how carefully: the first and the extremes thoroughly, and all if they are few."""
        for number, index in enumerate(chosen):
            yield self.frames.decode(index), THOROUGH if number == 0 or len(chosen) <= _FEW else QUICK
        for extreme in self.extremes:
            words = extreme.words if extreme.words.ndim == 3 else self.layout.words(extreme.words)
            yield Decoded(words, extreme.photometric), THOROUGH

    def _text_of(self, frame: Decoded, care: Care, near: Sequence[Place] | None = None) -> list[Place]:
        """The boxes to mask in a frame as it would be now; with `near` only around those."""
        masked = Decoded(self.mask.applied(frame), frame.photometric)
        planes = planes_of(masked, self.layout, self.source.header, self.mask.palette)
        found = find_text(planes, care, near, self.seen)
        return to_mask(found, self.known)
