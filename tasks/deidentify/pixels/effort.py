"""How much work a look at an object's pixels may take, counted before it is done.

Work is counted in what is looked at - samples decoded, pixels shown to a network - and never by a clock, so that the
same input has the same outcome on every machine. A unit is about a microsecond of one core.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import UID

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.pixels import codecs
from tasks.deidentify.pixels.layout import Layout

DETECTED = 0.19  # units a pixel that the detector is shown
CUT_OUT = 0.3  # units a pixel of a place in which letters of one value are sought
_READ, _READING = 47.0, 1500.0  # a pixel of a line's length at the height that the reader takes, and a line
_PREPARED = 0.17  # a pixel of a frame that is made ready and searched for strokes
_GLANCED = 0.06  # the same for its grey levels alone

_WHOLE = 3_000_000.0  # for making ready and detecting
_READINGS, _READINGS_OF_MANY = 1_200_000.0, 700_000.0  # for reading; what is proposed after that is masked unread
_LEAST, _LEAST_OF_MANY = 600_000.0, 1_200_000.0  # for detecting, however large the picture, or the frames
_SURVEYED = 0.008  # a sample of many frames, besides decoding it
_WRITTEN = 0.035  # a sample that is encoded and decoded once more, should there be something to mask
_MOST = 4_000_000.0  # for one frame that is only decoded and made ready
_MOST_DECODED = 6_000_000.0  # for decoding all frames
_LATER = 0.4  # of what is for detecting: for the frames of many but the first, the last and the extremes
_WORST = 1.4  # times a frame's pixels that its places have in all
_LONGEST = 960.0


@dataclass
class Effort:
    """What is left: for detecting, and for reading."""

    detecting: float = _WHOLE
    reading: float = _READINGS

    def reads(self, length: float, height: float) -> bool:
        """Whether one more line is read, which is then counted."""
        cost = _READING + _READ * min(_LONGEST, 48 * length / max(1.0, height))
        if cost > self.reading:
            return False
        self.reading -= cost
        return True


def effort_for(layout: Layout, syntax: str) -> Effort:
    """What may be spent on an object. Raises BURNED_IN_RISK where decoding and preparing alone would be too much."""
    pixels = layout.rows * layout.columns
    decoding = pixels * layout.samples * codecs.decoding_cost(syntax, layout)
    bare = decoding + pixels * _PREPARED
    if bare > _MOST or decoding * layout.frames > _MOST_DECODED:
        raise QuarantineUnit(Reason.BURNED_IN_RISK)
    if layout.frames == 1:
        return Effort(max(_LEAST, _WHOLE - bare))
    samples = pixels * layout.samples * layout.frames
    surveying = decoding * layout.frames + samples * _SURVEYED
    writing = samples * _WRITTEN if UID(syntax).is_encapsulated else 0
    return Effort(max(_LEAST_OF_MANY, _WHOLE - surveying - writing), _READINGS_OF_MANY)


def later_looks(layout: Layout, effort: Effort) -> int:
    """How many more frames can be looked at, if there are strokes all over them."""
    return int(_LATER * effort.detecting / (layout.rows * layout.columns * (_GLANCED + _WORST * DETECTED)))
