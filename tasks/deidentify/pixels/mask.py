"""Masking words: boxes become one value that shows black, and bits that hold no sample become zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tasks.deidentify.pixels.frames import Decoded
from tasks.deidentify.pixels.layout import Array, Layout
from tasks.deidentify.pixels.palette import Palette
from tasks.deidentify.pixels.place import Place


@dataclass(frozen=True, repr=False)
class Mask:
    """What is done to every frame of an object: `boxes` are filled, and with `clear` unused bits become zero.

    Boxes are black: the `lowest` value of the frames that were looked at, or the `highest` of MONOCHROME1, so that no
    window for the picture is changed by them.
    """

    layout: Layout
    palette: Palette | None = None
    boxes: Sequence[Place] = field(default=())
    clear: bool = False
    lowest: float = 0
    highest: float = 0

    def applied(self, frame: Decoded) -> Array:
        """The words of a frame, masked; the frame itself stays as it is."""
        words = without_unused_bits(frame.words, self.layout) if self.clear else frame.words
        if not self.boxes:
            return words
        words = words.copy()
        fill = self._fill(frame.photometric)
        for box in self.boxes:
            if words.ndim == 3:
                words[box.top : box.bottom, box.left : box.right] = fill
            elif self.layout.subsampled:  # Y, Y, B, R for two pixels
                start, end = box.left // 2 * 4, -(-box.right // 2) * 4
                words[box.top : box.bottom, start:end] = np.tile(fill[[0, 0, 1, 2]], (end - start) // 4)
            else:
                words[box.top : box.bottom, box.left : box.right] = fill[0]
        return words

    def _fill(self, photometric: str) -> Array:
        """The words of the filling, one a channel."""
        layout = self.layout
        if layout.samples == 3:
            grey = 1 << (layout.stored - 1)
            return layout.words(np.array([0, grey, grey] if photometric.startswith("YBR") else [0, 0, 0]))
        if self.palette is not None:
            return layout.words(np.array([min(self.palette.darkest, (1 << layout.stored) - 1)]))
        value = self.highest if layout.photometric == "MONOCHROME1" else self.lowest
        return layout.words(np.array([value], layout.word if layout.floating else np.int64))


def without_unused_bits(words: Array, layout: Layout) -> Array:
    """Words with zeros in the bits that hold no sample; the sign of a negative sample may go on into them."""
    if layout.floating or layout.stored == layout.allocated or layout.allocated == 1:
        return words
    values = layout.values(words)
    plain = layout.words(values)
    if not layout.signed or layout.high != layout.stored - 1:
        return plain
    continued = values.astype(f"i{layout.word.itemsize}").view(layout.word)
    return np.where(words == continued, words, plain)
