"""Our features against z-rad's own pipeline on the same arrays: the time of each, and the largest difference of values.

z-rad gets the cropping that makes it fast (the same values in a tenth of the time), and calculates each family once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.core.settings.radiomics import (
    Discretisation,
    Interpolation,
    IvhDiscretisation,
    RadiomicsSettings,
    Resegmentation,
)
from tasks.transform.radiomics.extract import extract_features
from tasks.transform.roi.grid import grid_of
from tasks.transform.roi.model import make_roi
from tests.ibsi.cases import CONFIGURATIONS

_METHODS = {"2D": ("AVER", "SLICE_MERG"), "2.5D": ("DIR_MERG", "MERG"), "3D": ("AVER", "MERG")}
_SIMPLE = ["morphology", "local_intensity", "intensity_statistics", "intensity_histogram", "ivh"]
_BY_DIMENSION = ["glszm", "gldzm", "ngtdm", "ngldm"]
_IVH = {"none": "direct", "FBS": "fixed_bin_size", "FBN": "fixed_bin_number"}
_MORE: Mapping[str, RadiomicsSettings] = {
    "D": RadiomicsSettings(
        interpolation=Interpolation(spacing=(2, 2, 2), rounding="integer"),
        resegmentation=Resegmentation(outliers=3),
        discretisation=Discretisation(method="FBN", bins=32),
        ivh=IvhDiscretisation(method="none"),
    ),
    "E": RadiomicsSettings(
        interpolation=Interpolation(spacing=(2, 2, 2), method="cubic", rounding="integer"),
        resegmentation=Resegmentation(range=(-1000, 400), outliers=3),
        discretisation=Discretisation(method="FBN", bins=32),
        ivh=IvhDiscretisation(method="FBN", bins=1000),
    ),
}
ALL: Mapping[str, RadiomicsSettings] = {**CONFIGURATIONS, **_MORE}


@dataclass(frozen=True)
class Race:
    """Seconds of the faster of two runs each, and the largest relative difference of a value, with its tag."""

    name: str
    ours: float
    theirs: float
    difference: float
    tag: str


def race(name: str, image: Any, mask: Any, spacing: tuple[float, float, float]) -> Race:
    """Run configuration `name` both ways, in turn, twice."""
    settings = ALL[name]
    roi = make_roi("nifti", 1, None, "grid", mask, {})
    ours, theirs = math.inf, math.inf
    for _ in range(2):
        start = time.perf_counter()
        ((_, found),) = extract_features(image, grid_of(image.shape, spacing), "CT", [roi], settings)
        ours, start = min(ours, time.perf_counter() - start), time.perf_counter()
        expected = run_zrad(image, mask, spacing, settings)
        theirs = min(theirs, time.perf_counter() - start)
    worst = (0.0, "")
    for tag, value in expected.items():
        mine = found.values[tag]
        apart = math.inf if mine is None else abs(mine - value) / max(abs(value), 1e-12)
        worst = max(worst, (apart, tag))
    return Race(name, ours, theirs, *worst)


def run_zrad(image: Any, mask: Any, spacing: tuple[float, float, float], settings: RadiomicsSettings) -> dict[str, Any]:
    """The features of z-rad by its own steps."""
    from zrad.image import Image
    from zrad.preprocessing import (
        ImageResampler,
        IntensityMaskBuilder,
        IVHIntensityDiscretizer,
        MaskResampler,
        Resegmenter,
        RoiCropper,
        RoiData,
        TextureDiscretizer,
    )
    from zrad.radiomics import Radiomics

    def wrap(array: Any) -> Image:
        place = {"origin": (0.0, 0.0, 0.0), "direction": (1.0, 0, 0, 0, 1, 0, 0, 0, 1), "shape": array.shape[::-1]}
        return Image(array=array.astype(np.float64), spacing=np.array(spacing), **place)

    data = RoiData(image=wrap(image), morphological_mask=wrap(mask))
    chosen = settings.interpolation
    if chosen.spacing is not None:
        sizes = [size or old for size, old in zip(chosen.spacing, spacing, strict=True)]
        method = {"cubic": "bspline"}.get(chosen.method, chosen.method)
        data = ImageResampler(sizes, method, "nearest_integer").apply(data)
        # z-rad compares exactly, and here many voxels are half inside, some by a rounding error less
        data = MaskResampler(sizes, "linear", chosen.roi_threshold - 1e-9).apply(data)
    data = IntensityMaskBuilder().apply(data)
    data = Resegmenter(settings.resegmentation.range, settings.resegmentation.outliers).apply(data)
    data = RoiCropper([math.ceil(6.2 / size) for size in tuple(data.image.spacing)[::-1]]).apply(data)
    fixed = settings.discretisation.method == "FBN"
    bins = {"number_of_bins": settings.discretisation.bins} if fixed else {"bin_size": settings.discretisation.width}
    data = TextureDiscretizer(**bins).apply(data)
    ivh = settings.ivh
    steps = {"FBN": {"number_of_bins": ivh.bins}, "FBS": {"bin_size": ivh.width}}.get(ivh.method, {})
    data = IVHIntensityDiscretizer(_IVH[ivh.method], **steps).apply(data)
    found = Radiomics("3D").extract_features(data, families=_SIMPLE)
    for dimension in settings.dimensions:
        first, second = _METHODS[dimension]
        families = ["glcm", "glrlm", *_BY_DIMENSION]
        found.update(Radiomics(dimension, first).extract_features(data, families=families))
        found.update(Radiomics(dimension, second).extract_features(data, families=["glcm", "glrlm"]))
    return {tag: float(value) for tag, value in found.items()}
