"""One frame of an instance to its PNG and its row: decode, modality, window, fit, encode, in that order.

The steps are in modules of their own; here is only how they follow each other for grey, palette and colour images.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping

import numpy as np
from pydicom import Dataset

from tasks.core.errors import QuarantineUnit, UnitError
from tasks.core.models import Unit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.decode import Array, decode_frames
from tasks.transform.frames import FrameFinder, Layers, first_numbers
from tasks.transform.intensity import Rendered, render_colour, render_grey
from tasks.transform.modality import find_padding
from tasks.transform.objects import IMAGE
from tasks.transform.palette import apply_palette
from tasks.transform.perceptual import perceptual_hash
from tasks.transform.pixels import MONOCHROME, PALETTE, PixelHeader, check_limits, read_pixel_header
from tasks.transform.png import encode_png
from tasks.transform.resize import Spacing, fit
from tasks.transform.rows import Row, describe_instance, describe_plane, find_modality, find_spacing, rounded
from tasks.transform.scratch import Scratch
from tasks.transform.series import Plane
from tasks.transform.steps.chain import NONE, Chain, chain_for
from tasks.transform.windows import Window, find_voi, window_of

log = logging.getLogger(__name__)


def render_instance(
    ds: Dataset,
    unit: Unit,
    sop: str,
    planes: Mapping[int, tuple[int, Plane]],
    settings: TransformSettings,
    window: Window | None,
    scratch: Scratch | None = None,
    *,
    facts: bool = True,
    header: PixelHeader | None = None,
) -> Iterator[tuple[Row, bytes]]:
    """Yield the row (all columns but image_path) and the PNG of each frame of an image, one at a time.

    `planes` maps frame number to (slice index, plane); `window` is for frames that have none of their own. What
    `scratch` holds is not decoded again; `header` is that of `ds`, where known. Without `facts` the columns that only
    curation needs stay null: mean, std, extremes, digest and hash, which take longer than the picture. Raises
    `UnitError` with the reason for whatever goes wrong.
    """
    header = header or read_pixel_header(ds)
    check_limits(header, settings.max_pixels)
    finder, modality = FrameFinder(ds), find_modality(ds, unit)
    chain = chain_for(settings, modality) if header.photometric in MONOCHROME else NONE
    common = describe_image(ds, unit, sop, header) | {"steps": chain.names or None}
    frames = scratch.frames(planes[1][1].sop, ds, header) if scratch else decode_frames(ds, header)
    for number, stored in enumerate(frames, start=1):
        index, plane = planes[number]
        try:
            layers = finder.layers(number - 1)
            rendered = render_frame(stored, header, ds, layers, modality, settings, window, chain, facts=facts)
            row, png = finish(rendered, layers, settings, find_spacing(layers))
            row |= describe_plane(plane, layers) | {"slice_index": index}
            if facts:
                row["perceptual_hash"] = _likeness(stored, rendered, header)
                row["content_sha256"] = digest_values(stored)
        except UnitError:
            raise
        except Exception as error:  # numpy or OpenCV on values no one thought of
            log.warning("unit %s: an image could not be rendered (%s)", unit.unit, type(error).__name__)
            raise QuarantineUnit(Reason.DECODE_FAILED) from None
        yield common | row, png


def describe_image(ds: Dataset, unit: Unit, sop: str, header: PixelHeader) -> Row:
    """What the rows of all frames of an image have in common."""
    return describe_instance(ds, unit, sop, IMAGE) | {
        "rows": header.rows,
        "columns": header.columns,
        "photometric": header.photometric,
        "bits_stored": None if header.is_float else header.bits_stored,
    }


def render_frame(
    stored: Array,
    header: PixelHeader,
    ds: Dataset,
    layers: Layers,
    modality: str,
    settings: TransformSettings,
    window: Window | None,
    chain: Chain = NONE,
    *,
    facts: bool = True,
) -> Rendered:
    """A decoded frame through modality LUT, the steps of `chain` and window; `window` is for one that has none."""
    if header.photometric == PALETTE:
        return render_colour(*apply_palette(stored, ds))
    if header.photometric not in MONOCHROME:
        return render_colour(stored, header.bits_stored)
    voi = find_voi(layers, modality, settings, header.signed) or window
    if voi is None:  # all of the unit's samples were padding
        voi = window_of(stored[:0].astype("float32").ravel(), settings.percentiles)
    return render_grey(stored, header, layers, voi, modality, find_padding(stored, header, ds), chain, facts=facts)


def finish(
    rendered: Rendered, layers: Layers, settings: TransformSettings, spacing: Spacing | None
) -> tuple[Row, bytes]:
    """The PNG of an image whose pixels are `spacing` (between rows, between columns) mm apart, and its columns."""
    ratio = first_numbers(layers, "PixelAspectRatio", 2)
    aspect = ratio[0] / ratio[1] if ratio is not None and min(ratio) > 0 else None
    fitted = fit(rendered.image, settings.size, settings.fit, spacing, aspect)
    png, sha256 = encode_png(fitted.image, settings.bits)
    return {
        "png_spacing_row_mm": rounded(fitted.spacing[0]) if fitted.spacing else None,
        "png_spacing_column_mm": rounded(fitted.spacing[1]) if fitted.spacing else None,
        "window_center": rounded(rendered.center),
        "window_width": rounded(rendered.width),
        "window_source": rendered.source,
        "intensity_min": rounded(rendered.low),
        "intensity_max": rounded(rendered.high),
        "intensity_unit": rendered.unit,
        "mean": rounded(rendered.mean, 6),
        "std": rounded(rendered.std, 6),
        "png_sha256": sha256,
    }, png


def _likeness(stored: Array, rendered: Rendered, header: PixelHeader) -> str | None:
    """The perceptual hash: of grey pixels as they are stored, which no window has cut, else of the colours."""
    if header.photometric in MONOCHROME:
        return perceptual_hash(stored, inverted=header.photometric == "MONOCHROME1")
    return perceptual_hash(rendered.image)


def digest_values(stored: Array) -> str:
    """SHA-256 over shape, dtype and little-endian values."""
    little = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder("<"), copy=False))
    found = hashlib.sha256(f"{stored.shape} {stored.dtype.name} ".encode())
    found.update(little.data)
    return found.hexdigest()
