"""From decoded frames to images in [0, 1] as float32: steps, window, inversion, padding, statistics.

Windows are in windows.py. Colour images have none: their channels are divided by the highest value.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tasks.transform.decode import Array
from tasks.transform.frames import Layers
from tasks.transform.modality import Floats, Lut, Mask, apply_modality, name_unit
from tasks.transform.pixels import PixelHeader
from tasks.transform.steps.chain import NONE, UNITLESS, Chain
from tasks.transform.windows import Image, Source, Window, apply_window, window_stored


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


def output_values(stored: Array, header: PixelHeader, layers: Layers, padding: Mask | None, chain: Chain) -> Floats:
    """A frame in output units, after the steps of `chain`, which are told of padding."""
    values = apply_modality(stored, header, layers)
    if padding is not None and (header.is_float or chain):
        values[padding] = np.nan if chain else 0  # NaN is padding to a chain, and would spread otherwise
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
    unit, inverted = UNITLESS if chain.drops_unit else name_unit(layers, modality), header.photometric == "MONOCHROME1"
    image = None if chain or isinstance(voi, Lut) else window_stored(stored, header, layers, voi)
    if image is None:
        values = output_values(stored, header, layers, padding, chain)
        return render_values(values, voi, unit, padding, inverted=inverted, facts=facts)
    ends = _ends(stored, padding) if facts else None
    if ends is not None:
        ends = apply_modality(ends, header, layers)
    return _finish(image, voi, unit, padding, ends, inverted=inverted)


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
    return _finish(image, voi, unit, padding, _ends(values, padding) if facts else None, inverted=inverted)


def _ends(values: Array, padding: Mask | None) -> Array | None:
    """The lowest and the highest value that is no padding; None where all is."""
    kept = values if padding is None else values[~padding]
    return np.array([kept.min(), kept.max()]) if kept.size else None


def _finish(
    image: Image, voi: Window | Lut, unit: str, padding: Mask | None, ends: Array | None, *, inverted: bool
) -> Rendered:
    """A windowed image with what is said of it, and with its moments where `ends` are known; `image` is overwritten."""
    if inverted:
        np.subtract(np.float32(1.0), image, out=image)
    if padding is not None:
        image[padding] = 0
    center, width = (voi.center, voi.width) if isinstance(voi, Window) else (None, None)
    source: Source = voi.source if isinstance(voi, Window) else "voi-lut"
    if ends is None:
        return Rendered(image, None, None, None, None, unit, center, width, source)
    mean, std = _moments(image if padding is None else image[~padding].reshape(1, -1))
    return Rendered(image, float(ends[0]), float(ends[1]), mean, std, unit, center, width, source)


def render_colour(frame: Array, bits_stored: int) -> Rendered:
    """An RGB frame as float32 in [0, 1], shape (rows, columns, 3)."""
    image = (frame.astype(np.float64) / (2.0**bits_stored - 1)).clip(0.0, 1.0).astype(np.float32)
    mean, std = _moments(image.reshape(len(image), -1))
    return Rendered(image, float(frame.min()), float(frame.max()), mean, std, "US")


def _moments(image: Image) -> tuple[float, float]:
    """Mean and standard deviation, summed in double precision; `image` has two dimensions."""
    mean, std = cv2.meanStdDev(image)
    return float(mean[0, 0]), float(std[0, 0])
