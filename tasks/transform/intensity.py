"""From output units to [0, 1] as float32: window, VOI LUT or percentiles (PS3.3 C.11.2), inversion, statistics.

Which one: the window that params.yaml sets for the modality, else the header's first window, else its first VOI LUT,
else percentiles over the whole unit. Colour images have no window: their channels are divided by the highest value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from tasks.core.settings import TransformSettings
from tasks.core.steps import unitless_after
from tasks.transform.decode import Array
from tasks.transform.frames import Layers, first_item, first_number
from tasks.transform.headers import number, text
from tasks.transform.modality import Floats, Lut, Mask, apply_modality, name_unit, read_lut
from tasks.transform.pixels import PixelHeader
from tasks.transform.steps.chain import NONE, UNITLESS, Chain

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


@dataclass(frozen=True)
class Rendered:
    """An image in [0, 1], and its figures; `low` and `high` are in output units, all of them without padding."""

    image: Image
    low: float | None
    high: float | None
    mean: float | None
    std: float | None
    unit: str
    center: float | None = None
    width: float | None = None
    source: Source | None = None


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


def apply_window(values: Floats, window: Window, *, keep: bool = True) -> Image:
    """`values` through `window` to [0, 1] (PS3.3 C.11.2.1.2 and C.11.2.1.3, with ymin 0 and ymax 1).

    Without `keep`, `values` may be overwritten, which saves a megabyte a slice.
    """
    kind = values.dtype.type
    if window.function == "SIGMOID":
        exponent = np.clip(-4.0 * (values.astype(np.float64) - window.center) / window.width, -700.0, 700.0)
        return (1.0 / (1.0 + np.exp(exponent))).astype(np.float32)
    center, width = window.center, window.width
    if window.function == "LINEAR":
        center, width = center - 0.5, width - 1.0
    if width == 0:
        return (values > kind(center)).astype(np.float32)
    scaled = np.subtract(values, kind(center - width / 2), out=None if keep else values)
    scaled *= kind(1.0 / width)
    return np.clip(scaled, 0.0, 1.0, out=scaled).astype(np.float32, copy=False)


def output_values(stored: Array, header: PixelHeader, layers: Layers, padding: Mask | None, chain: Chain) -> Floats:
    """A frame in output units, after the steps of `chain`, which see padding as the lowest value beside it."""
    values = apply_modality(stored, header, layers)
    if padding is not None and (header.is_float or chain):
        kept = values[~padding]
        values[padding] = kept.min() if chain and kept.size else 0  # NaN would spread
    return chain.on_plane(values) if chain else values


def render_grey(
    stored: Array,
    header: PixelHeader,
    layers: Layers,
    voi: Window | Lut,
    modality: str,
    padding: Mask | None,
    chain: Chain = NONE,
    *,
    facts: bool = True,
) -> Rendered:
    """A MONOCHROME1 or MONOCHROME2 frame as float32 in [0, 1], shape (rows, columns); 1 is white, padding is 0."""
    values = output_values(stored, header, layers, padding, chain)
    unit = UNITLESS if chain.drops_unit else name_unit(layers, modality)
    return render_values(values, voi, unit, padding, inverted=header.photometric == "MONOCHROME1", facts=facts)


def render_values(
    values: Floats, voi: Window | Lut, unit: str, padding: Mask | None, *, inverted: bool, facts: bool = True
) -> Rendered:
    """Values in `unit` as float32 in [0, 1], shape (rows, columns); padding is 0.

    `facts` are mean, std and extremes; without them `values` may be overwritten.
    """
    if isinstance(voi, Lut):
        image = voi.apply(values)
        image /= np.float32(2**voi.bits - 1)
    else:
        image = apply_window(values, voi, keep=facts)
    if inverted:
        np.subtract(np.float32(1.0), image, out=image)
    if padding is not None:
        image[padding] = 0
    window = Rendered(image, None, None, None, None, unit, source="voi-lut")
    if isinstance(voi, Window):
        window = replace(window, center=voi.center, width=voi.width, source=voi.source)
    if not facts:
        return window
    kept, shown = (values, image) if padding is None else (values[~padding], image[~padding].reshape(1, -1))
    if kept.size == 0:
        return window
    mean, std = _moments(shown)
    return replace(window, low=float(kept.min()), high=float(kept.max()), mean=mean, std=std)


def render_colour(frame: Array, bits_stored: int) -> Rendered:
    """An RGB frame as float32 in [0, 1], shape (rows, columns, 3)."""
    image = (frame.astype(np.float64) / (2.0**bits_stored - 1)).clip(0.0, 1.0).astype(np.float32)
    mean, std = _moments(image.reshape(len(image), -1))
    return Rendered(image, float(frame.min()), float(frame.max()), mean, std, "US")


def _moments(image: Image) -> tuple[float, float]:
    """Mean and standard deviation, summed in double precision; `image` has two dimensions."""
    mean, std = cv2.meanStdDev(image)
    return float(mean[0, 0]), float(std[0, 0])
