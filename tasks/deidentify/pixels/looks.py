"""What is looked at in an object of many frames, so that no text in any of them is passed over, at little expense.

The first frame is looked at whole. Of the last and of the least and the greatest that each pixel ever is - in which
text of any frame shows - only what is not as in the first; of the frames between, or the extremes of groups of them,
only what is strong besides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from pydicom.dataset import Dataset

from tasks.deidentify.pixels.care import LATER, REST, THOROUGH, Care
from tasks.deidentify.pixels.changes import embedded_overlays
from tasks.deidentify.pixels.effort import Effort, later_looks
from tasks.deidentify.pixels.frames import Decoded, Frames
from tasks.deidentify.pixels.layout import Array, Layout
from tasks.deidentify.pixels.mask import Mask, without_unused_bits
from tasks.deidentify.pixels.palette import Palette
from tasks.deidentify.pixels.strokes import Image
from tasks.deidentify.pixels.views import Plane, grey_of, grey_plane, narrowest, planes_of

_FEW = 4  # frames that are all looked at thoroughly
_GROUPS = 8  # of frames, at most
_KEPT = 2**26  # bytes of extremes that are kept at a time
_FAINT, _STRONG = 8 / 255, 32 / 255  # of the range of grey levels: what counts as another value than in the first frame
_LETTER, _INK = 17, 6  # pixels to a side, and how many of them another letter changes


@dataclass(frozen=True)
class Look:
    """One look: at a frame, or at one of the extremes; how carefully, and how large its part of the effort may be."""

    care: Care
    weight: float
    frame: int | None = None
    extreme: int = 0


@dataclass(frozen=True)
class Ends:
    """The ends of the values of all frames, and whether there are bits that hold no sample and are not zero."""

    least: float
    most: float
    clear: bool


class Looks:
    """The looks at an object, once `survey` was called; `plan` lists them in order."""

    def __init__(self, frames: Frames, layout: Layout, header: Dataset, palette: Palette | None) -> None:
        self._frames, self._layout, self._header, self._palette = frames, layout, header, palette
        self._extremes: list[Array] = []
        self._first: Decoded | None = None
        self._grey: Array | None = None
        self.plan: list[Look] = []

    def survey(self, most_frames: int, effort: Effort) -> Ends:
        """Decode every frame once, and plan. Frames are looked at one by one if there are no more than `most_frames`.

        Raises DECODE_FAILED.
        """
        count, room = len(self._frames), later_looks(self._layout, effort)
        each = count <= min(most_frames, max(_FEW, room))
        groups = 0 if each else max(0, min(_GROUPS, room // 2, count // 2, _KEPT // (2 * 4 * self._pixels) - 1))
        seen: dict[bytes, int] = {}
        least, most, clear = np.inf, -np.inf, bool(embedded_overlays(self._header))
        for index in range(count):
            frame = self._decode(index)
            values = self._layout.values(frame.words)
            for numbers in (frame.words, values) if values is not frame.words else (values,):
                least, most = min(least, float(numbers.min())), max(most, float(numbers.max()))
            clear = clear or not np.array_equal(without_unused_bits(frame.words, self._layout), frame.words)
            if each:
                seen.setdefault(_digest(frame.words), index)
            if count > _FEW or not each:
                self._extend(index, self._grey_of(frame), groups)
        self._plan(sorted(seen.values()) if each else [0, count - 1])
        return Ends(least, most, clear)

    def planes(self, look: Look, mask: Mask) -> tuple[list[Plane], Image | None]:
        """What is shown, masked, and where it is worth looking (None: everywhere)."""
        if look.frame is None:
            values = self._extremes[look.extreme]
            shown = [grey_plane(_filled(values, mask), self._layout, self._header, self._palette)]
            return shown, self._changed(values, look)
        frame = self._decode(look.frame)
        masked = Decoded(mask.applied(frame), frame.photometric)
        if look.frame == 0:
            return planes_of(masked, self._layout, self._header, self._palette), None
        only = self._changed(self._grey_of(frame), look)
        if look.care is REST:
            return planes_of(masked, self._layout, self._header, self._palette), only
        return [grey_plane(self._grey_of(masked), self._layout, self._header, self._palette)], only

    @property
    def _pixels(self) -> int:
        return self._layout.rows * self._layout.columns

    def _plan(self, chosen: list[int]) -> None:
        """The first frame; those between, which may take much, but as a rule don't; the last and the extremes."""
        between = chosen[1:-1] if len(chosen) > _FEW else []
        groups = range(2, len(self._extremes))
        share = 1 / max(1, len(between) + len(groups))
        whole = [frame for frame in chosen[1:] if frame not in between]
        self.plan = [Look(THOROUGH, 1, 0)]
        self.plan += [Look(LATER, share, frame) for frame in between]
        self.plan += [Look(LATER, share, extreme=at) for at in groups]
        self.plan += [Look(REST, 0.3, frame) for frame in whole]
        self.plan += [Look(REST, 0.3, extreme=at) for at in range(min(2, len(self._extremes)))]

    def _extend(self, index: int, grey: Array, groups: int) -> None:
        """Take a frame into the least and the greatest of all frames, and into those of its group."""
        of_all = 0
        of_group = 2 + 2 * (index * groups // len(self._frames))
        for at in (of_all, of_group) if groups else (of_all,):
            if at >= len(self._extremes):
                self._extremes += [grey.copy(), grey.copy()]
                continue
            np.minimum(self._extremes[at], grey, out=self._extremes[at])
            np.maximum(self._extremes[at + 1], grey, out=self._extremes[at + 1])

    def _changed(self, values: Array, look: Look) -> Image:
        """1 where letters could stand that don't stand in the first frame."""
        if self._grey is None:
            self._grey = self._grey_of(self._decode(0))
            self._width = _width(grey_plane(self._grey, self._layout, self._header, self._palette))
        share = _FAINT if look.care is REST else _STRONG
        apart = (cv2.absdiff(values, self._grey) >= max(1.0, share * self._width)).astype(np.uint8)
        window = (_LETTER, _LETTER)
        inked = cv2.boxFilter(apart, cv2.CV_16U, window, normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(cv2.dilate((inked >= _INK).astype(np.uint8), np.ones(window, np.uint8)), np.uint8)

    def _grey_of(self, frame: Decoded) -> Array:
        return grey_of(frame, self._layout, self._palette)

    def _decode(self, index: int) -> Decoded:
        """A frame; the first is kept."""
        if index == 0 and self._first is not None:
            return self._first
        frame = self._frames.decode(index)
        if index == 0:
            self._first = frame
        return frame


def _filled(values: Array, mask: Mask) -> Array:
    values = values.copy()
    ground = values.min()
    for box in mask.boxes:
        values[box.top : box.bottom, box.left : box.right] = ground
    return values


def _width(plane: Plane) -> float:
    low, high = narrowest(plane.ranges)
    return high - low


def _digest(words: Array) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(words).data, digest_size=16).digest()
