"""Label Studio's brush: its run-length code to a mask and back.

The code is a stream of bits, the first one the highest of its byte: 32 bits say how many words follow, 5 the bits of a
word less one, four times 4 the bits of four kinds of counts less one. Then blocks: 1 bit (1 a run, 0 single words), 2
bits for the kind of count, the count less one, and one word for a run or as many words as counted. The words are the
bytes of an RGBA picture, row by row, of which alpha is the mask.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.core.errors import ConfigurationError
from tasks.transform.roi.grid import Grid, Mask
from tasks.transform.roi.model import Finding, Roi, make_roi

Bytes = npt.NDArray[np.uint8]

_WORD = 8
_COUNTS = (3, 4, 8, 16)
_CHANNELS = 4
_BROKEN = "the brush annotation is damaged: export it from Label Studio again"


def decode_brush(code: Sequence[int], height: int, width: int) -> Bytes:
    """The alpha channel, shape (height, width), 0 outside and 255 inside; `ConfigurationError` where it is no code."""
    try:
        words = _decode(bytes(code), height * width * _CHANNELS)
    except (ValueError, IndexError):
        raise ConfigurationError(_BROKEN) from None
    return words.reshape(height, width, _CHANNELS)[..., 3]


def encode_brush(alpha: Bytes) -> list[int]:
    """The code of a mask (height, width): its value in all four channels, as Label Studio writes it."""
    words = np.repeat(np.ascontiguousarray(alpha).ravel(), _CHANNELS)
    bits = [f"{words.size:032b}", f"{_WORD - 1:05b}", *(f"{size - 1:04b}" for size in _COUNTS)]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(words)) + 1, [words.size]])
    longest = 1 << _COUNTS[-1]
    for start, stop in pairwise(starts):
        left = int(stop - start)
        while left:
            count = min(left, longest)
            kind = next(index for index, size in enumerate(_COUNTS) if count <= 1 << size)
            bits.append(f"1{kind:02b}{count - 1:0{_COUNTS[kind]}b}{int(words[start]):0{_WORD}b}")
            left -= count
    stream = "".join(bits)
    stream += "0" * (-len(stream) % 8)
    return list(int(stream, 2).to_bytes(len(stream) // 8, "big")) if stream else []


def _decode(code: bytes, expected: int) -> Bytes:
    bits = np.unpackbits(np.frombuffer(code, np.uint8))
    place = 0

    def take(count: int) -> int:
        nonlocal place
        if place + count > bits.size:
            raise ValueError("the code ends too early")
        value = int.from_bytes(
            np.packbits(np.concatenate([np.zeros(-count % 8, np.uint8), bits[place : place + count]]))
        )
        place += count
        return value

    total = take(32)
    word = take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if total != expected or word > 8:
        raise ValueError("another size than the picture's")
    words = np.zeros(total, np.uint8)
    weights = 1 << np.arange(word - 1, -1, -1)
    done = 0
    while done < total:
        run = take(1)
        stop = done + take(sizes[take(2)]) + 1
        if stop > total:
            raise ValueError("more words than the picture has")
        if run:
            words[done:stop] = take(word)
        else:
            length = (stop - done) * word
            if place + length > bits.size:
                raise ValueError("the code ends too early")
            words[done:stop] = bits[place : place + length].reshape(-1, word) @ weights
            place += length
        done = stop
    return words


def read_brush(path: Path, grid: Grid) -> list[Roi]:
    """The brushes of a Label Studio export (JSON) on a volume of one slice, one region for each label.

    A picture of another size than the slice is laid on it by the nearest pixel, and that is said. Raises
    `ConfigurationError` where the file holds no brush or the volume has more than one slice.
    """
    if grid.shape[0] != 1:
        raise ConfigurationError("a brush annotation is of one picture: give the one instance that it was painted on")
    try:
        results = list(_results(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, AttributeError, TypeError):
        raise ConfigurationError(_BROKEN) from None
    masks: dict[str, tuple[Mask, dict[Finding, int]]] = {}
    for result in results:
        label, mask, resampled = _read_result(result, grid)
        known, found = masks.setdefault(label, (np.zeros(grid.shape, bool), {}))
        known[0] |= mask
        if resampled:
            found[Finding.RESAMPLED] = found.get(Finding.RESAMPLED, 0) + 1
    if not masks:
        raise ConfigurationError("there is no brush annotation in the file: export it from Label Studio as JSON")
    return [
        make_roi("brush", number, label, "resampled" if found else "grid", mask, found)
        for number, (label, (mask, found)) in enumerate(sorted(masks.items()), start=1)
    ]


def _results(exported: Any) -> Iterator[Mapping[str, Any]]:
    for task in exported if isinstance(exported, list) else [exported]:
        for annotation in [*task.get("annotations", []), *task.get("completions", []), task]:
            for result in annotation.get("result", []):
                if result.get("type") == "brushlabels" and result.get("value", {}).get("format", "rle") == "rle":
                    yield result


def _read_result(result: Mapping[str, Any], grid: Grid) -> tuple[str, Mask, bool]:
    try:
        height, width = int(result["original_height"]), int(result["original_width"])
        code, labels = result["value"]["rle"], result["value"].get("brushlabels") or [""]
        if not 0 < height <= 65535 or not 0 < width <= 65535:
            raise ValueError
        alpha = decode_brush(code, height, width)
    except (KeyError, TypeError, ValueError):
        raise ConfigurationError(_BROKEN) from None
    rows, columns = grid.shape[1:]
    if (height, width) == (rows, columns):
        return str(labels[0]), alpha > 0, False
    y = (np.arange(rows) + 0.5) * height / rows
    x = (np.arange(columns) + 0.5) * width / columns
    return str(labels[0]), alpha[np.ix_(y.astype(int), x.astype(int))] > 0, True
