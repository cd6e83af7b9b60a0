"""How far features can be trusted: regions drawn a little larger or smaller, noise on top, and what ICC each keeps.

After Zwanenburg et al. 2019 (Sci Rep 9, 614): perturbations stand in for a second scan and a second reader. ICC (1,1)
is the share of a feature's variance that comes from the regions rather than from the perturbations (Shrout and Fleiss
1979); it needs two regions at least, and some tens to say much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.transform.radiomics.engine import Values
from tasks.transform.radiomics.extract import extract_features
from tasks.transform.radiomics.interpolate import bounding_box, pad_box
from tasks.transform.radiomics.prepare import PEAK_MM
from tasks.transform.roi.grid import Floats, Grid, Mask
from tasks.transform.roi.model import Roi, make_roi

VOLUME_CHANGE = 0.15
"""By how much of its volume a region grows or shrinks at most."""
_MARGIN_MM = 2 * PEAK_MM


class Icc(NamedTuple):
    """The intraclass correlation of one feature with its 95% interval, and how many regions it is from."""

    value: float
    low: float
    high: float
    regions: int


def perturbed_values(
    values: npt.NDArray[Any], grid: Grid, modality: str, roi: Roi, settings: RadiomicsSettings, repeats: int
) -> list[Values]:
    """The features of `repeats` perturbations of a region; the same ones each time. Empty for a region without voxels.

    Of each the region is 15% larger to 15% smaller, and the image has as much noise added as it has.
    """
    if not roi.mask.any():
        return []
    box = pad_box(bounding_box(roi.mask), grid.spacing, _MARGIN_MM, roi.mask.shape)
    image, mask = values[box].astype(np.float64), roi.mask[box]
    near = Grid((mask.shape[0], mask.shape[1], mask.shape[2]), grid.affine)  # features don't depend on the place
    found: list[Values] = []
    for repeat in range(repeats):
        generator = np.random.default_rng([roi.number % 2**32, repeat])
        share = float(generator.uniform(-VOLUME_CHANGE, VOLUME_CHANGE))
        changed = make_roi(roi.source, roi.number, None, roi.matched, resize_mask(mask, grid.spacing, share), {})
        noisy = image + generator.normal(0, estimate_noise(image), image.shape)
        found.extend(one.values for _, one in extract_features(noisy, near, modality, [changed], settings))
    return found


def resize_mask(mask: Mask, spacing: tuple[float, float, float], share: float) -> Mask:
    """`mask` with `share` more voxels (less, where negative), added or taken where its edge is nearest."""
    from scipy.ndimage import distance_transform_edt

    sampling = spacing[::-1]
    depth = np.where(
        mask, -distance_transform_edt(mask, sampling=sampling), distance_transform_edt(~mask, sampling=sampling)
    )
    wanted = min(max(1, round(np.count_nonzero(mask) * (1 + share))), mask.size)
    nearest = np.argsort(depth, axis=None, kind="stable")[:wanted]
    resized = np.zeros(mask.size, bool)
    resized[nearest] = True
    return resized.reshape(mask.shape)


def estimate_noise(image: Floats) -> float:
    """The standard deviation of noise, slice by slice, by a filter that gives 0 on slopes (Immerkaer 1996)."""
    if min(image.shape[1:]) < 3:
        return 0.0
    rows = image[:, :-2] - 2 * image[:, 1:-1] + image[:, 2:]
    both = rows[:, :, :-2] - 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    finite = both[np.isfinite(both)]
    return float(math.sqrt(math.pi / 2) / 6 * np.abs(finite).mean()) if finite.size else 0.0


def rate_features(regions: Sequence[Sequence[Values]]) -> Iterator[tuple[str, Icc]]:
    """ICC of each feature, by tag, from the perturbations of several regions.

    Regions in which a feature is missing for one of the perturbations don't count for it. A feature that two regions
    at least don't have, or that never changes, has none.
    """
    tags = sorted({tag for repeats in regions for values in repeats for tag in values})
    for tag in tags:
        rows = [[values.get(tag) for values in repeats] for repeats in regions if len(repeats) > 1]
        complete = np.array([row for row in rows if all(value is not None for value in row)], np.float64)
        rated = intraclass(complete) if len(complete) > 1 else None
        if rated is not None:
            yield tag, rated


def intraclass(table: Floats) -> Icc | None:
    """ICC (1,1) of a table (regions, repeats) with its 95% interval; None where nothing differs."""
    from scipy.stats import f

    count, repeats = table.shape
    between = repeats * float(table.mean(axis=1).var(ddof=1))
    within = float(table.var(axis=1, ddof=1).mean())
    if between + within == 0:
        return None
    if within == 0:
        return Icc(1.0, 1.0, 1.0, count)
    ratio = between / within
    upper = ratio * f.ppf(0.975, count * (repeats - 1), count - 1)
    lower = ratio / f.ppf(0.975, count - 1, count * (repeats - 1))
    value, low, high = ((part - 1) / (part + repeats - 1) for part in (ratio, float(lower), float(upper)))
    return Icc(value, low, high, count)
