"""A mask in NIfTI (.nii, .nii.gz) to regions: each whole number but 0 is one; on another grid it is resampled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tasks.core.errors import ConfigurationError
from tasks.transform.roi.grid import Grid, resample_nearest, same_grid
from tasks.transform.roi.model import Finding, Roi, make_roi

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MAX_REGIONS = 4096
_MAX_LABEL = 65535

log = logging.getLogger(__name__)


def read_nifti(path: Path, grid: Grid, max_voxels: int) -> Iterator[Roi]:
    """The regions of a NIfTI mask on `grid`, by label.

    Where all values lie in [0, 1] and some are fractions, half or more is inside, and that is said. Raises
    `ConfigurationError` where the file cannot be read, has no place in the patient or more than `max_voxels`.
    """
    import nibabel as nib

    try:
        image: Any = nib.load(path)
        shape = tuple(int(size) for size in image.shape)
        placed = int(image.header["sform_code"]) > 0 or int(image.header["qform_code"]) > 0
        affine = np.array(image.affine, np.float64)
    except Exception as error:  # nibabel raises what its parts raise; the text may quote the path
        log.debug("reading a NIfTI mask stopped with %s", type(error).__name__)
        raise ConfigurationError("the NIfTI mask cannot be read: save it again as .nii.gz") from None
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise ConfigurationError("the NIfTI mask is not three-dimensional: give one mask with a label for each region")
    if int(np.prod(shape, dtype=np.int64)) > max_voxels:
        raise ConfigurationError("the NIfTI mask is larger than radiomics.max_voxels allows")
    source = Grid((shape[2], shape[1], shape[0]), _RAS_TO_LPS @ affine)
    if not placed and source.shape != grid.shape:
        raise ConfigurationError("the NIfTI mask does not say where it lies: set its qform or sform")
    try:
        values = np.asarray(image.dataobj).reshape(shape).transpose(2, 1, 0)
    except Exception as error:  # a damaged gzip stream, fewer bytes than the header promises
        log.debug("reading a NIfTI mask stopped with %s", type(error).__name__)
        raise ConfigurationError("the NIfTI mask is damaged: copy it again") from None
    found: dict[Finding, int] = {}
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
        if (values != np.rint(values)).any():
            found[Finding.THRESHOLDED] = 1
            values = values >= 0.5
    if values.dtype.kind != "b" and float(np.abs(values).max()) > _MAX_LABEL:
        raise ConfigurationError("the NIfTI file has values beyond 65,535: it is an image, not a mask")
    labels = [int(label) for label in np.unique(values) if label != 0]
    if len(labels) > _MAX_REGIONS:
        raise ConfigurationError("the NIfTI file has thousands of labels: it is an image, not a mask")
    if not placed:  # of the same shape, so voxel by voxel
        found[Finding.NO_GEOMETRY] = 1
        source = grid
    same = same_grid(source, grid)
    if not same:
        found[Finding.RESAMPLED] = 1
    laid = values if same else resample_nearest(values, source, grid)
    matched = "grid" if same else "resampled"
    for label in labels:
        yield make_roi("nifti", label, None, matched, np.asarray(laid == label), dict(found))
