"""Features of a volume and its regions: one row each, with what was found on the way. Stops for none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.transform.radiomics.diagnostics import describe_image, describe_region
from tasks.transform.radiomics.engine import Features, Values, calculate
from tasks.transform.radiomics.prepare import CannotPrepare, Prepared, prepare_region, prepare_volume
from tasks.transform.radiomics.problems import Problem
from tasks.transform.roi.grid import Grid
from tasks.transform.roi.model import Roi


def extract_features(
    values: npt.NDArray[Any], grid: Grid, modality: str, rois: Iterable[Roi], settings: RadiomicsSettings
) -> Iterator[tuple[Roi, Features]]:
    """The features of each of `rois` on a volume (z, y, x) in output units, in their order.

    What cannot be calculated is a problem in the answer, never an error: of the ROI as a whole under the part "roi",
    else under the family of features.
    """
    prepared: Prepared | None = None
    refused: Problem | None = None
    image: Values = {}
    try:
        prepared = prepare_volume(values, grid, settings)
        if settings.diagnostics:
            image = describe_image(prepared)
    except CannotPrepare as reason:
        refused = reason.problem
    for roi in rois:
        found = Features()
        if prepared is None or refused is not None:
            found.problems["roi", refused or Problem.FAILED] = 1
        else:
            try:
                region = prepare_region(prepared, np.asarray(roi.mask), settings)
                found = calculate(region, modality, settings)
                if settings.diagnostics:
                    found.values.update(image, **describe_region(prepared, region))
            except CannotPrepare as reason:
                found.values.update(image)
                found.problems["roi", reason.problem] = 1
        yield roi, found
