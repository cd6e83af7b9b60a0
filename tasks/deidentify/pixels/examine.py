"""Looking at an object's pixels: which frames, what is found in them, masking it, and looking once more.

Import this late: it loads the networks. What a header gives away is judged before, in risk.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import PixelSettings
from tasks.deidentify.headers.read import text_of
from tasks.deidentify.known import Known
from tasks.deidentify.pixels.boxes import to_mask
from tasks.deidentify.pixels.care import COARSE
from tasks.deidentify.pixels.detect import Search, Seen, find_text
from tasks.deidentify.pixels.effort import effort_for
from tasks.deidentify.pixels.frames import Frames
from tasks.deidentify.pixels.layout import Layout, read_layout
from tasks.deidentify.pixels.looks import Look, Looks
from tasks.deidentify.pixels.mask import Mask
from tasks.deidentify.pixels.outcome import PixelOutcome, PixelSource
from tasks.deidentify.pixels.palette import read_palette
from tasks.deidentify.pixels.place import Place, join
from tasks.deidentify.pixels.regions import device_boxes, outside_regions
from tasks.deidentify.pixels.rewrite import write
from tasks.deidentify.pixels.views import planes_of

_SHARES = (0.85, 0.8, 0.8, 1.0)  # of the effort that is left, for each round
_LITTLE = 0.05  # of the picture


def examine(source: PixelSource, settings: PixelSettings, known: Known, scratch: Path, *, risky: bool) -> PixelOutcome:
    """Look at the frames, mask what tells, and look again.

    `risky` looks thoroughly. Otherwise it is one of a sample of what is clean by its header: it is looked at coarsely,
    thoroughly once there is text, and passes with the note `undecodable` where it cannot be decoded. Raises
    `QuarantineUnit`: what stops decoding; BURNED_IN_RISK for a slide's label, and where there is too much to look at;
    BURNED_IN_TEXT where text is left after masking.
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
        """Raises BURNED_IN_RISK where there is too much to look at."""
        self.source, self.layout, self.frames, self.known, self.settings = source, layout, frames, known, settings
        self.mask = Mask(layout, read_palette(source.header) if layout.photometric == "PALETTE COLOR" else None)
        self.effort = effort_for(layout, source.transfer_syntax)
        self.looks = Looks(frames, layout, source.header, self.mask.palette)
        self.seen: Seen = {}

    def shows_text(self) -> bool:
        """Whether a coarse look sees text that must go, or more than it can look at."""
        for index in self._spaced():
            planes = planes_of(self.frames.decode(index), self.layout, self.source.header, self.mask.palette)
            found, unread = find_text(planes, Search(COARSE, self.effort, seen=self.seen))
            if unread or to_mask(found, self.known):
                return True
        return False

    def outcome(self, scratch: Path) -> PixelOutcome:
        """Look thoroughly, mask, look again, write."""
        source, layout = self.source, self.layout
        boxes = device_boxes(source.header, layout)
        notes = ["looked", *(["device"] if boxes else [])]
        if self.settings.outside_regions and (outside := outside_regions(source.header, layout)):
            boxes += outside
            notes.append("regions")
        ends = self.looks.survey(self.settings.max_frames, self.effort)
        self.mask = replace(self.mask, boxes=tuple(join(boxes)), clear=ends.clear, lowest=ends.least, highest=ends.most)
        self._mask_until_clean()
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

    def _spaced(self) -> list[int]:
        """The frames that are looked at coarsely: all, or as many as the settings allow, evenly spaced."""
        count, most = len(self.frames), self.settings.max_frames
        if count <= most:
            return list(range(count))
        return sorted({round(at * (count - 1) / max(1, most - 1)) for at in range(most)})

    def _mask_until_clean(self) -> None:
        """Raises BURNED_IN_TEXT where there is new text in every round."""
        near: list[Place] | None = None  # everywhere; then where something has changed since
        for share in _SHARES:
            new: list[Place] = []
            plan = self.looks.plan
            purse = self.effort.detecting * share
            for at, look in enumerate(plan):
                part = purse * look.weight / sum(one.weight for one in plan[at:])
                before = self.effort.detecting
                boxes = [box for box in self._text_of(look, part, near) if not any(old.holds(box) for old in new)]
                boxes = [box for box in boxes if not any(old.holds(box) for old in self.mask.boxes)]
                purse -= before - self.effort.detecting
                if boxes:  # at once, so that what stands on every frame is found but once
                    self.mask = replace(self.mask, boxes=tuple(join([*self.mask.boxes, *boxes])))
                    new += boxes
            if not new:
                return
            near = new
        raise QuarantineUnit(Reason.BURNED_IN_TEXT)

    def _text_of(self, look: Look, purse: float, near: Sequence[Place] | None) -> list[Place]:
        """The boxes to mask in what is looked at as it would be now; with `near` only around those.

        What nobody can look at is masked if it is little. Raises BURNED_IN_RISK where it is much.
        """
        planes, only = self.looks.planes(look, self.mask)
        found, unread = find_text(planes, Search(look.care, self.effort, purse, near, only, self.seen))
        if sum(place.area for place in unread) > _LITTLE * self.layout.rows * self.layout.columns:
            raise QuarantineUnit(Reason.BURNED_IN_RISK)
        return join([*to_mask(found, self.known), *unread])
