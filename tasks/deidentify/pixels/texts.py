"""Which of the lines that the detector proposes are text, judged by how they read and by their shape."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.deidentify.pixels.lines import Line
from tasks.deidentify.pixels.ocr import Reading

LOWEST = 5  # pixels that a line is high
_HIGHEST_SHAPE, _HUGE = 24, 40
_SCORES = (2.0, 2.0, 0.85, 0.7, 0.6, 0.5)  # of a reading, by its letters: none, one, two, … five and more
_HUGE_SCORE = 0.7
_WELL = 0.8


@dataclass(frozen=True, repr=False)
class Text:
    """A line with what it says."""

    line: Line
    reading: Reading

    def covers(self, line: Line) -> bool:
        """Whether this was read well and holds nearly all of another line."""
        top, left, bottom, right = line.box
        over, before, under, after = self.line.box
        rows, columns = min(bottom, under) - max(top, over), min(right, after) - max(left, before)
        return self.reading.score >= _WELL and max(0, rows) * max(0, columns) >= 0.9 * (bottom - top) * (right - left)


def is_text(text: Text) -> bool:
    """Whether a proposed line is text: it reads well, or it has the shape of a line of small letters."""
    letters = "".join(character for character in text.reading.text if character.isalnum())
    varied = len(set(letters.upper().replace("O", "0"))) > 1 or len(letters) > 4  # rows of round things read as 000
    enough = _SCORES[min(len(letters), len(_SCORES) - 1)]
    if varied and text.reading.score >= max(enough, _HUGE_SCORE if text.line.height > _HUGE else 0):
        return True
    return is_line_shaped(text)


def is_line_shaped(text: Text) -> bool:
    """Whether the detector is sure of a long line of small letters, whatever they say; no anatomy looks so."""
    line = text.line
    long = line.length >= 4 * line.height and LOWEST <= line.height <= _HIGHEST_SHAPE
    return long and line.likelihood >= 0.9 and len(text.reading.text) > 2
