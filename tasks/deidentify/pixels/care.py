"""How carefully places are looked at, what that costs, and which care a purse can pay for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tasks.deidentify.pixels.cutting import GROUND
from tasks.deidentify.pixels.effort import CUT_OUT, DETECTED
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.pixels.strokes import CLEAR, FAINT, PLAIN, SHORT, STRONG, Strokes

_STRIDE = 32  # the detector's


@dataclass(frozen=True)
class Care:
    """How carefully a frame is looked at.

    Which strokes count in the `first`, widest range of grey levels and in the `others`; how much places are enlarged;
    whether letters of one value are cut out; down to which enlargement that may be `least` where there is too much.
    """

    first: tuple[Strokes, ...]
    others: tuple[Strokes, ...]
    scale: int
    slices: bool
    least: int = 2


THOROUGH = Care((FAINT, SHORT), (PLAIN,), scale=3, slices=True)  # letters of 8 px from a contrast of 40
REST = replace(THOROUGH, least=1)  # for what is not as it was in a frame that was looked at
LATER = Care((STRONG,), (), scale=2, slices=False, least=1)  # what the first frames and the extremes don't show
COARSE = Care((CLEAR,), (CLEAR,), scale=2, slices=False)  # for what is clean by its header


def cost(place: Place, care: Care) -> float:
    """The units of work that detecting in a place takes."""
    rows, columns = place.bottom - place.top + 2 * GROUND, place.right - place.left + 2 * GROUND
    shown = _padded(rows * care.scale) * _padded(columns * care.scale) * DETECTED
    return shown + (rows * columns * CUT_OUT if care.slices else 0)


def affordable(places: Sequence[Place], care: Care, purse: float) -> Care:
    """The same care, or as much of it as the purse pays for; the least where it pays for none."""
    cheaper = [care, *(replace(care, scale=scale, slices=False) for scale in range(care.scale - 1, care.least - 1, -1))]
    return next((one for one in cheaper if sum(cost(place, one) for place in places) <= purse), cheaper[-1])


def _padded(side: int) -> int:
    return -(-side // _STRIDE) * _STRIDE
