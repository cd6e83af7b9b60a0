"""The judge of pixels: whether burned-in letters can still be seen, and whether everything else is as it was.

Decodes source and output with pydicom, whatever the engine used. A character counts as shown where a quarter of its ink
has the value that it had; a text counts as shown where a character is, or where the region still goes like its letters.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

from tests.scorecard.answers import Check
from tests.scorecard.lettering import Letters, characters, glyphs

Array = npt.NDArray[Any]
INK, SAME, LIKE = 0.5, 0.25, 0.3
UNIFORM = 0.01  # of the picture's range: what a coder leaves of a plain ground
LOSSY_TOLERANCE = 2  # grey levels of 255 by which two decoders of one lossy stream may differ
_DATA_FOLLOWS = (0xDA, 0x90, 0x93)
_JPEG_NOTES = frozenset({0xFE, *range(0xE1, 0xEE), 0xEF})  # not JFIF's and Adobe's segments: they tell the colours
_JPEG2000_NOTES = frozenset({0x64})
REACH = 8  # pixels around a text that may be masked with it, or as many as the letters are high


class Pair:
    """The pixels of a source and of its output, decoded when they are asked for."""

    def __init__(self, source: bytes, output: bytes) -> None:
        self._datasets = tuple(pydicom.dcmread(io.BytesIO(content)) for content in (source, output))
        self._arrays: tuple[Array, Array] | None = None

    @property
    def is_same(self) -> bool:
        """Whether PixelData has the same bytes in the same encoding, comments in its streams aside: they tell names."""
        before, after = self._datasets
        syntax = before.file_meta.TransferSyntaxUID
        if syntax != after.file_meta.TransferSyntaxUID or "PixelData" not in after:
            return False
        if before.PixelData == after.PixelData:
            return True
        return bool(syntax.is_compressed and _streams(before) == _streams(after))

    def arrays(self) -> tuple[Array, Array]:
        """Both as (frames, rows, columns[, 3]); raises what pydicom raises where one can't be decoded."""
        if self._arrays is None:
            before, after = self._datasets
            self._arrays = _decode(before), _decode(after)
        return self._arrays


def passes(check: Check, pair: Pair) -> tuple[bool, str]:
    """Whether a row of the pixels passes, and what was found."""
    if check.category == "pixels_retained" and pair.is_same:
        # Nothing was masked: right where there is no text, and no loss elsewhere where there is.
        return True, "the same bytes"
    try:
        before, after = pair.arrays()
    except Exception as error:  # the judge cannot see what it is to judge
        return False, f"cannot be decoded ({type(error).__name__})"
    if before.shape != after.shape:
        return False, f"{before.shape} became {after.shape}"
    if check.category == "pixels_retained":
        return _retained(check, before, after)
    return _hidden(check, before, after)


def _retained(check: Check, before: Array, after: Array) -> tuple[bool, str]:
    looked_at: Array = np.ones(before.shape[1:3], bool)
    for top, left, bottom, right, size in check.detail.get("boxes", ()):
        reach = max(REACH, size)
        looked_at[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach] = False
    tolerance = LOSSY_TOLERANCE if check.detail.get("lossy") else 0
    changed: Array = np.asarray(np.abs(before.astype(np.int64) - after.astype(np.int64)) > tolerance)
    if changed.ndim == 4:
        changed = np.asarray(changed.any(axis=-1))
    count = int((changed & looked_at).sum())
    return count == 0, f"{count} pixels changed"


def _hidden(check: Check, before: Array, after: Array) -> tuple[bool, str]:
    letters = Letters(**check.detail["letters"])
    shown = [_letters_shown(letters, _grey(before[number]), _grey(after[number])) for number in check.detail["frames"]]
    worst = max(shown)
    runs = len(characters(letters.text, letters.size, letters.font))
    found = f"{int(worst)} of {runs} characters shown" if worst >= 1 else "its shape is shown" if worst else "hidden"
    return worst == 0, found


def _letters_shown(letters: Letters, before: Array, after: Array) -> float:
    """How many characters are still shown; 0.5 where none is but the region as a whole still goes like the letters."""
    cover = glyphs(letters.text, letters.size, letters.font)
    rows, columns = cover.shape
    area = slice(letters.row, letters.row + rows), slice(letters.column, letters.column + columns)
    span = float(before.max() - before.min()) or 1.0
    old, new = before[area], after[area]
    if float(new.max() - new.min()) <= UNIFORM * span:
        return 0
    count = 0
    for start, end in characters(letters.text, letters.size, letters.font):
        ink = cover[:, start:end] > INK
        if not ink.any():
            ink = cover[:, start:end] > INK / 2
        cell = new[:, start:end]
        if float(cell.max() - cell.min()) <= UNIFORM * span:
            continue
        same = np.abs(cell - old[:, start:end])[ink] <= UNIFORM * span
        count += bool(same.mean() >= SAME)
    return count or 0.5 * (abs(_correlation(new, cover)) >= LIKE)


def _correlation(one: Array, other: Array) -> float:
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size else 0.0


def _grey(frame: Array) -> Array:
    values = frame.astype(np.float64)
    return np.asarray(values.mean(axis=-1) if values.ndim == 3 else values)


def _streams(dataset: Dataset) -> list[bytes]:
    """The fragments of compressed pixels without their comments and without what applications note in them."""
    return [_uncommented(fragment) for fragment in generate_fragments(dataset.PixelData)]


def _uncommented(stream: bytes) -> bytes:
    if stream[:2] not in (b"\xff\xd8", b"\xff\x4f"):
        return stream
    jpeg, at, kept = stream[1] == 0xD8, 2, [stream[:2]]
    while at + 4 <= len(stream) and stream[at] == 0xFF and stream[at + 1] not in _DATA_FOLLOWS:
        marker, end = stream[at + 1], at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        if marker not in (_JPEG_NOTES if jpeg else _JPEG2000_NOTES):
            kept.append(stream[at:end])
        at = end
    end = stream.rfind(b"\xff\xd9") + 2  # what stands behind the end of the picture is padding
    return b"".join([*kept, stream[at : max(at, end)]])


def _decode(dataset: Dataset) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array: Array = dataset.pixel_array
    one_frame = int(dataset.get("NumberOfFrames", 1) or 1) == 1
    return array[np.newaxis] if one_frame else array
