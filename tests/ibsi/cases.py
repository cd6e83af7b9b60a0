"""What is compared: the digital phantom, and the CT phantom under the configurations of the IBSI-1 reference manual."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tasks.core.settings import TransformSettings
from tasks.core.settings.radiomics import (
    Discretisation,
    Interpolation,
    IvhDiscretisation,
    RadiomicsSettings,
    Resegmentation,
)
from tasks.transform.radiomics.engine import Values
from tasks.transform.radiomics.extract import extract_features
from tasks.transform.roi.grid import Grid, Mask, grid_of
from tasks.transform.roi.load import Target, load_rois, open_source
from tasks.transform.roi.model import Roi, make_roi
from tasks.transform.volumes import load_volumes
from tests.support.places import SHARED_DATA

CT_PHANTOM = SHARED_DATA / "dicom" / "ct_rtstruct_ibsi1"
REFERENCE = SHARED_DATA.parent / "reference" / "ibsi1_reference_values.csv"

PHANTOM = RadiomicsSettings(
    discretisation=Discretisation(method="FBS", width=1),
    ivh=IvhDiscretisation(method="none"),
    dimensions=("2D", "2.5D", "3D"),
)
_SOFT_TISSUE = Resegmentation(range=(-500, 400))
_BY_SLICE = ("2D", "2.5D")
CONFIGURATIONS: Mapping[str, RadiomicsSettings] = {
    "A": RadiomicsSettings(
        resegmentation=_SOFT_TISSUE,
        discretisation=Discretisation(method="FBS", width=25),
        ivh=IvhDiscretisation(method="none"),
        dimensions=_BY_SLICE,
    ),
    "B": RadiomicsSettings(
        interpolation=Interpolation(spacing=(2, 2, None), rounding="integer"),
        resegmentation=_SOFT_TISSUE,
        discretisation=Discretisation(method="FBN", bins=32),
        ivh=IvhDiscretisation(method="none"),
        dimensions=_BY_SLICE,
    ),
    "C": RadiomicsSettings(
        interpolation=Interpolation(spacing=(2, 2, 2), rounding="integer"),
        resegmentation=Resegmentation(range=(-1000, 400)),
        discretisation=Discretisation(method="FBS", width=25),
        ivh=IvhDiscretisation(method="FBS", width=2.5),
        dimensions=("3D",),
    ),
}


@dataclass(frozen=True)
class Answer:
    """The values of one data set by tag, how long they took in seconds, and what was missing."""

    name: str
    values: Values
    seconds: float
    problems: tuple[str, ...]


def run_phantom(image: npt.NDArray[np.int64], mask: Mask) -> Answer:
    """The digital phantom: arrays (4, 4, 5) of voxels of 2 mm."""
    grid = grid_of((image.shape[0], image.shape[1], image.shape[2]), (2.0, 2.0, 2.0))
    return _answer("digital phantom", image, grid, make_roi("nifti", 1, None, "grid", mask, {}), PHANTOM)


def load_ct_phantom(folder: Path = CT_PHANTOM) -> tuple[npt.NDArray[np.int64], Grid, Roi]:
    """The CT phantom from DICOM and its one ROI from RTSTRUCT, through our loader and our mask."""
    (volume,) = load_volumes(folder / "image", TransformSettings())
    z, y, x = volume.array.shape
    grid = Grid((z, y, x), volume.affine)
    slices = {sop: index for index, sop in enumerate(volume.sops)}
    target = Target(grid, slices, volume.series, volume.frame_of_reference)
    (path,) = (folder / "mask").iterdir()
    (roi,) = load_rois(open_source(path), target)
    return volume.array, grid, roi


def run_configurations(folder: Path = CT_PHANTOM) -> Iterator[Answer]:
    """The CT phantom under each configuration."""
    image, grid, roi = load_ct_phantom(folder)
    for name, settings in CONFIGURATIONS.items():
        yield _answer(f"configuration {name}", image, grid, roi, settings)


def _answer(name: str, image: npt.NDArray[np.int64], grid: Grid, roi: Roi, settings: RadiomicsSettings) -> Answer:
    start = time.perf_counter()
    ((_, found),) = extract_features(image, grid, "CT", [roi], settings)
    problems = tuple(f"{part}: {problem.value}" for part, problem in found.problems)
    return Answer(name, found.values, time.perf_counter() - start, problems)
