"""Windows: which one counts for a frame, and values through it to [0, 1] (PS3.3 C.11.2).

Which one: the window that params.yaml sets for the modality, else the header's first window, else its first VOI LUT,
else percentiles over the whole unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tasks.core.settings import TransformSettings
from tasks.core.steps import unitless_after
from tasks.transform.decode import Array
from tasks.transform.frames import Layers, first_item, first_number
from tasks.transform.headers import number, text
from tasks.transform.modality import Floats, Lut, read_lut, rescale_of
from tasks.transform.pixels import PixelHeader

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
Source = Literal["settings", "header", "voi-lut", "percentile"]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A window in output units, with the function of PS3.3 C.11.2.1.3."""

    center: float
    width: float
    function: Function
    source: Source


def find_voi(layers: Layers, modality: str, settings: TransformSettings, signed: bool) -> Window | Lut | None:
    """What maps this frame to [0, 1], by precedence; None where neither params.yaml nor the header says.

    A window is in the unit of the source, so there is none for values that a step leaves without it.
    """
    if settings.steps and unitless_after(settings.steps, modality):
        return None
    if modality in settings.windows:
        center, width = settings.windows[modality]
        if width > 0:
            return Window(center, width, "LINEAR" if width >= 1 else "LINEAR_EXACT", "settings")
    below_zero = signed or (first_number(layers, "RescaleIntercept") or 0.0) < 0
    return _header_window(layers) or read_lut(first_item(layers, "VOILUTSequence"), below_zero)


def _header_window(layers: Layers) -> Window | None:
    """The header's first window. A width below 1 is not allowed for LINEAR, and is taken as LINEAR_EXACT means it."""
    for layer in layers:
        center, width = number(layer, "WindowCenter"), number(layer, "WindowWidth")
        if center is None or width is None or width <= 0:
            continue
        named = text(layer, "VOILUTFunction")
        function: Function = "LINEAR" if width >= 1 else "LINEAR_EXACT"
        if named == "LINEAR_EXACT":
            function = "LINEAR_EXACT"
        elif named == "SIGMOID":
            function = "SIGMOID"
        return Window(center, width, function, "header")
    return None


def window_of(samples: npt.NDArray[np.float32], percentiles: tuple[float, float]) -> Window:
    """The window between two percentiles of `samples`, or between their extremes where those fall together."""
    low, high = 0.0, 0.0
    if samples.size:
        low, high = (float(value) for value in np.percentile(samples.astype(np.float64), percentiles))
        if high <= low:
            low, high = float(samples.min()), float(samples.max())
    if high <= low:
        high = low + 1.0
    return Window((low + high) / 2, high - low, "LINEAR_EXACT", "percentile")


def window_stored(stored: Array, header: PixelHeader, layers: Layers, window: Window) -> Image | None:
    """What `apply_modality` and `apply_window` give, bit by bit, in one pass less; None where that is not certain.

    It is where the sum of intercept and lower end is exact: halves, quarters … of small whole numbers.
    """
    if header.is_float or header.bits_stored > 16 or window.function == "SIGMOID":
        return None
    (slope, intercept), (low, width) = rescale_of(layers), _span(window)
    if slope != 1.0 or width == 0 or first_item(layers, "ModalityLUTSequence") is not None:
        return None
    if intercept != 0.0 and not all(abs(end) < 2**15 and (end * 128).is_integer() for end in (low, intercept)):
        return None
    first, factor = low - intercept, np.float32(1.0 / width)
    steps = math.ceil(width)
    if first.is_integer() and np.float32(steps) * factor == 1.0 and _holds(stored, int(first), steps):
        whole = stored.clip(int(first), int(first) + steps)  # half the bytes of floats
        whole -= stored.dtype.type(first)
        scaled = whole.astype(np.float32)
        scaled *= factor
        return scaled
    scaled = stored.astype(np.float32)
    scaled -= np.float32(first)
    scaled *= factor
    return scaled.clip(0.0, 1.0, out=scaled)


def _holds(stored: Array, first: int, steps: int) -> bool:
    """Whether the dtype has the whole numbers from `first`, and how far they are from it, for `steps` steps."""
    limits = np.iinfo(stored.dtype)
    return limits.min <= first and first + steps <= limits.max and steps <= limits.max


def _span(window: Window) -> tuple[float, float]:
    """The lower end and the width that a linear window comes down to (PS3.3 C.11.2.1.2.1, C.11.2.1.3.2)."""
    center, width = window.center, window.width
    if window.function == "LINEAR":
        center, width = center - 0.5, width - 1.0
    return center - width / 2, width


def apply_window(values: Floats, window: Window, *, keep: bool = True) -> Image:
    """`values` through `window` to [0, 1] (PS3.3 C.11.2.1.2 and C.11.2.1.3, with ymin 0 and ymax 1).

    Without `keep`, `values` may be overwritten, which saves a megabyte a slice.
    """
    kind = values.dtype.type
    if window.function == "SIGMOID":
        exponent = np.clip(-4.0 * (values.astype(np.float64) - window.center) / window.width, -700.0, 700.0)
        return (1.0 / (1.0 + np.exp(exponent))).astype(np.float32)
    low, width = _span(window)
    if width == 0:
        return (values > kind(low)).astype(np.float32)
    scaled = np.subtract(values, kind(low), out=None if keep else values)
    scaled *= kind(1.0 / width)
    return np.clip(scaled, 0.0, 1.0, out=scaled).astype(np.float32, copy=False)
