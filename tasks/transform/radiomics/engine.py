"""The adapter of z-rad: prepared regions in, features under their IBSI tags out, family by family.

z-rad is given arrays, never files. A family that cannot be calculated is a problem of that family alone;
textures are listed in textures.py, the only other module that knows z-rad. Its windows
(PyQt5) are not installed and none of what is imported here needs them.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.core.settings.radiomics import Family, IvhDiscretisation, RadiomicsSettings
from tasks.transform.radiomics.prepare import Region
from tasks.transform.radiomics.problems import Problem
from tasks.transform.radiomics.textures import TEXTURES, Call, count_small_slices, list_textures

if TYPE_CHECKING:
    from zrad.preprocessing import RoiData

Array = npt.NDArray[Any]
Values = dict[str, float | None]

_MAX_LEVELS = 2048  # of co-occurrence: 13 directions of levels x levels float64
_MAX_STEPS = 20_000  # of the intensity-volume histogram, each a pass over the ROI
_NO_RATIO = 1_000_000  # z-rad's answer to a ratio to zero
_RATIOS = frozenset({"stat_cov", "stat_qcod", "ih_cov", "ih_qcod"})
log = logging.getLogger(__name__)


@dataclass
class Features:
    """Values by IBSI tag, None where a feature is not defined; and problems by family, each with a count or 1."""

    values: Values = field(default_factory=dict)
    problems: dict[tuple[str, Problem], int] = field(default_factory=dict)


def calculate(region: Region, modality: str, settings: RadiomicsSettings) -> Features:
    """All features that `settings` ask for; never raises for what a region is like."""
    found = Features()
    if region.not_finite:
        found.problems["intensities", Problem.NOT_FINITE] = region.not_finite
    data, levels = _roi_data(region, settings)
    wanted = set(settings.families)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for family, part, call in (*_simple(region, data, modality, settings, levels), *list_textures(data, settings)):
            if wanted and family not in wanted:
                continue
            textural = family in TEXTURES
            if textural and levels > _MAX_LEVELS:
                found.problems[part, Problem.TOO_MANY_LEVELS] = 1
            else:
                _collect(found, part, call)
    if any(dimension != "3D" for dimension in settings.dimensions):
        small = count_small_slices(region.shape)
        if small:
            found.problems["textures by slice", Problem.SMALL_SLICES] = small
    return found


def _collect(found: Features, part: str, call: Call) -> None:
    from zrad.exceptions import DataStructureError

    try:
        values = call()
    except _Unfit as unfit:
        found.problems[part, unfit.problem] = 1
        return
    except DataStructureError:
        found.problems[part, Problem.TOO_SMALL] = 1
        return
    except Exception as error:  # numpy, scipy's hull and z-rad itself on regions no one thought of
        log.warning("features: %s could not be calculated (%s)", part, type(error).__name__)
        found.problems[part, Problem.FAILED] = 1
        return
    undefined = 0
    for tag, value in values.items():
        number = float(value)
        defined = math.isfinite(number) and not (tag in _RATIOS and number == _NO_RATIO)
        found.values[tag] = number if defined else None
        undefined += not defined
    if undefined:
        found.problems[part, Problem.UNDEFINED] = undefined


class _Unfit(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def _roi_data(region: Region, settings: RadiomicsSettings) -> tuple[RoiData, int]:
    """The region as z-rad takes it, discretised for textures, and how many grey levels that makes."""
    from zrad.image import Image
    from zrad.preprocessing import RoiData
    from zrad.preprocessing.discretization import ImageDiscretizer

    def image(array: Array) -> Image:
        return Image(
            array=array,
            origin=(0.0, 0.0, 0.0),
            spacing=np.array(region.spacing),
            direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            shape=array.shape[::-1],
        )

    counted = image(np.where(region.counted, region.image, np.nan))
    chosen = settings.discretisation
    if chosen.method == "FBN":
        levels = ImageDiscretizer(number_of_bins=chosen.bins).apply(counted)
    else:
        levels = ImageDiscretizer(bin_size=chosen.width, minimum=region.lower).apply(counted)
    data = RoiData(
        image=image(region.image),
        morphological_mask=image(region.shape.astype(np.int8)),
        intensity_mask=counted,
        intensity_range=region.range,
        texture_discretized_image=levels,
    )
    return data, int(np.nanmax(levels.array))


def _simple(
    region: Region, data: RoiData, modality: str, settings: RadiomicsSettings, levels: int
) -> Iterator[tuple[Family, str, Call]]:
    """The families that have no direction: of the whole region, however its textures are aggregated."""
    from zrad.radiomics.intensity import (
        IntensityHistogramFeatures,
        IntensityStatisticsFeatures,
        LocalIntensityFeatures,
    )

    spacing, counted = region.spacing[::-1], data.intensity_mask.array

    def histogram() -> dict[str, float]:
        if levels < 2:
            raise _Unfit(Problem.ONE_LEVEL)
        return IntensityHistogramFeatures().calculate_features(data.texture_discretized_image.array)  # type: ignore[no-any-return]

    yield (
        "morphology",
        "morphology",
        lambda: _shape(region, counted),
    )
    yield (
        "local-intensity",
        "local-intensity",
        lambda: LocalIntensityFeatures(spacing).calculate_features(region.image, counted),
    )
    yield "statistics", "statistics", lambda: IntensityStatisticsFeatures().calculate_features(counted)
    yield "histogram", "histogram", histogram
    yield "ivh", "ivh", lambda: _volume_histogram(region, counted, choose_ivh(settings.ivh, modality))


def _shape(region: Region, counted: Array) -> dict[str, float]:
    """Morphology; a feature that is not defined for a flat or round ROI is no reason to go without the others.

    The area of the approximating ellipsoid is a series in its eccentricities, which z-rad refuses where one is 0; there
    its limit is taken, with the major axis longer by a billionth.
    """
    from zrad.exceptions import DataStructureError
    from zrad.radiomics.morphology import MorphologicalFeatures

    calculator = MorphologicalFeatures(region.spacing[::-1])

    def lenient(name: str, *, limit: bool = False) -> None:
        calculate_one = getattr(calculator, name)

        def call(*values: Any) -> float:
            try:
                return float(calculate_one(*values))
            except DataStructureError:
                if not limit:
                    return math.nan
                first, major, *others = values
                return float(calculate_one(first, major * (1 + 1e-9), *others)) if major > 0 else math.nan

        setattr(calculator, name, call)

    for name in ("_calc_elongation", "_calc_flatness", "_calc_vol_density_aee"):
        lenient(name)
    lenient("_calc_area_density_aee", limit=True)
    return calculator.calculate_features(region.shape.astype(np.int8), counted)  # type: ignore[no-any-return]


def choose_ivh(settings: IvhDiscretisation, modality: str) -> IvhDiscretisation:
    """`settings` with auto replaced: steps of one unit for CT, a fixed width for PET, a number of bins for others."""
    if settings.method != "auto":
        return settings
    method = {"CT": "none", "PT": "FBS"}.get(modality, "FBN")
    return settings.model_copy(update={"method": method})


def _volume_histogram(region: Region, counted: Array, settings: IvhDiscretisation) -> dict[str, float]:
    """Intensity-volume histogram (IBSI 3.5): without bins in steps of one unit, with a width at the bins' centres."""
    from zrad.image import Image
    from zrad.preprocessing.discretization import IntensityVolumeHistogramDiscretizer
    from zrad.radiomics.intensity import IntensityVolumeHistogramFeatures

    image = Image(array=counted)
    upper = None if region.range is None or not math.isfinite(region.range[1]) else region.range[1]
    step = 1.0
    if settings.method == "FBN":
        image = IntensityVolumeHistogramDiscretizer(number_of_bins=settings.bins).apply(image)
        low, high = float(np.nanmin(image.array)), float(np.nanmax(image.array))
    elif settings.method == "FBS":
        step = settings.width
        image = IntensityVolumeHistogramDiscretizer(bin_size=step, minimum=region.lower).apply(image)
        low = region.lower + step / 2
        high = float(np.nanmax(image.array)) if upper is None else upper - step / 2
    else:
        low = region.lower
        high = float(np.nanmax(counted)) if upper is None else upper
    if high <= low:
        raise _Unfit(Problem.ONE_LEVEL)
    if (high - low) / step > _MAX_STEPS:
        raise _Unfit(Problem.TOO_MANY_LEVELS)
    values = image.array[~np.isnan(image.array)]  # z-rad goes over them once a step
    return IntensityVolumeHistogramFeatures(low, high, step).calculate_features(values)  # type: ignore[no-any-return]
