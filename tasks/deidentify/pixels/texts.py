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
_ROUND, _SURELY = frozenset("0O6893QCDGBS"), 0.93  # what rows of heads read as, or as few letters, unless it is sure
_UPRIGHT_SCORE = 0.5  # of a line written upwards that only its shape tells; the edges of teeth read worse
_TICKS, _FEWEST = frozenset("I1LTJ"), 3  # what the ticks of a ruler at the side read as; letters that no ruler has
_GROUND = 0.25  # heights around the letters of a line


@dataclass(frozen=True, repr=False)
class Text:
    """A line with what it says, or that nobody read it."""

    line: Line
    reading: Reading
    unread: bool = False

    def covers(self, line: Line) -> bool:
        """Whether this was read well and holds nearly all of another line, but for the ground around that."""
        top, left, bottom, right = line.box
        ground = _GROUND * line.height
        top, left, bottom, right = top + ground, left + ground, bottom - ground, right - ground
        over, before, under, after = self.line.box
        rows, columns = min(bottom, under) - max(top, over), min(right, after) - max(left, before)
        return self.reading.score >= _WELL and max(0, rows) * max(0, columns) >= 0.9 * (bottom - top) * (right - left)


def letters(reading: Reading) -> tuple[bool, int, float]:
    """How much of a line a reading tells: those that are sure by their length, then the others by their score."""
    if reading.score < _WELL:
        return False, 0, reading.score
    return True, sum(character.isalnum() for character in reading.text), reading.score


def is_text(text: Text) -> bool:
    """Whether a proposed line is text: it reads well, or has the shape of a line of small letters, or wasn't read."""
    if text.unread:
        return True
    said = "".join(character for character in text.reading.text if character.isalnum())
    varied = len(set(said.upper().replace("O", "0"))) > 1 or len(said) > 4  # rows of round things read as 000
    enough = _SCORES[min(len(said), len(_SCORES) - 1)]
    if text.line.height > _HUGE:
        enough = max(enough, _SURELY if len(said) < _FEWEST or set(said.upper()) <= _ROUND else _HUGE_SCORE)
    if varied and text.reading.score >= enough:
        return True
    return is_line_shaped(text)


def is_line_shaped(text: Text) -> bool:
    """Whether the detector is sure of a long line of small letters, whatever they say; no anatomy looks so."""
    if text.unread:
        return True
    line = text.line
    long = line.length >= 4 * line.height and LOWEST <= line.height <= _HIGHEST_SHAPE
    said = {character for character in text.reading.text.upper() if character.isalnum()}
    if line.box[2] - line.box[0] > line.box[3] - line.box[1]:
        long = long and len(said - _TICKS) >= _FEWEST and text.reading.score >= _UPRIGHT_SCORE
    return long and line.likelihood >= 0.9 and len(text.reading.text) > 2
