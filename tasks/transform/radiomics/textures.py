"""Textures by z-rad: which there are for the settings, and how each is calculated; the other half of engine.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.core.settings.radiomics import Family, RadiomicsSettings
from tasks.transform.roi.grid import Mask

if TYPE_CHECKING:
    from zrad.preprocessing import RoiData

Call = Callable[[], dict[str, float]]

_METHODS = {
    ("2D", "averaged"): "AVER",
    ("2D", "merged"): "SLICE_MERG",
    ("2.5D", "averaged"): "DIR_MERG",
    ("2.5D", "merged"): "MERG",
    ("3D", "averaged"): "AVER",
    ("3D", "merged"): "MERG",
}
_BY_DIRECTION: tuple[Family, ...] = ("glcm", "glrlm")
_BY_DIMENSION: tuple[Family, ...] = ("glszm", "gldzm", "ngtdm", "ngldm")
TEXTURES = frozenset((*_BY_DIRECTION, *_BY_DIMENSION))


def list_textures(data: RoiData, settings: RadiomicsSettings) -> Iterator[tuple[Family, str, Call]]:
    """Textures by dimension; matrices by direction are made once for all ways to aggregate them."""
    from zrad.preprocessing import RoiMaskValidator
    from zrad.radiomics import Radiomics
    from zrad.radiomics.glcm import GLCM
    from zrad.radiomics.glrlm import GLRLM

    calculators = {"glcm": GLCM, "glrlm": GLRLM}
    kept: dict[tuple[str, bool], Any] = {}

    def directed(dimension: str, aggregation: str, family: str) -> Call:
        solid = dimension == "3D"
        place = "_calc_3d_matrices" if solid else "_calc_2d_matrices"
        suffix = f"{dimension.replace('.', '_')}_{'avg' if aggregation == 'averaged' else 'comb'}"

        def call() -> dict[str, float]:
            calculator = calculators[family](dimension, _METHODS[dimension, aggregation])
            make = getattr(calculator, place)

            def once(levels: Any, count: int) -> Any:
                if (family, solid) not in kept:
                    kept[family, solid] = make(levels, count)
                return kept[family, solid]

            setattr(calculator, place, once)
            mask = RoiMaskValidator(dimension).apply(data.morphological_mask).array
            levels = np.where(mask > 0, data.texture_discretized_image.array, np.nan)
            return {f"{tag}_{suffix}": value for tag, value in calculator.calculate_features(levels.T).items()}

        return call

    def undirected(dimension: str, family: str) -> Call:
        return lambda: Radiomics(aggr_dim=dimension).extract_features(data, families=[family])

    for dimension in settings.dimensions:
        for aggregation in settings.aggregation:
            for family in _BY_DIRECTION:
                yield family, f"{family} {dimension} {aggregation}", directed(dimension, aggregation, family)
        for family in _BY_DIMENSION:
            yield family, f"{family} {dimension}", undirected(dimension, family)


def count_small_slices(mask: Mask) -> int:
    """How many slices z-rad leaves out of textures by slice: fewer than 9 voxels, or narrower than 3."""
    small = 0
    for plane in mask[mask.any(axis=(1, 2))]:
        rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
        narrow = min(rows[-1] - rows[0], columns[-1] - columns[0]) < 2
        small += int(narrow or np.count_nonzero(plane) < 9)
    return small
