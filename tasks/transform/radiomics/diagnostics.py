"""The diagnostics of IBSI (reference manual, chapter 4): what image and region were like at each step, by their tags.

They tell at which step two pipelines part. Steps: init (as it came), interp (interpolated), reseg (resegmented).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.transform.radiomics.interpolate import Triple, bounding_box
from tasks.transform.radiomics.prepare import Prepared, Region
from tasks.transform.roi.grid import Mask

Values = dict[str, float | None]
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class _Step:
    name: str
    size: tuple[int, ...]
    image: npt.NDArray[Any]
    shape: Mask
    counted: Mask


def describe_image(prepared: Prepared) -> Values:
    """Size, voxels and intensities of the image before and after interpolation; once for all regions of a volume."""
    return {
        **_image("init", prepared.values, prepared.spacing),
        **_image("interp", prepared.image, prepared.lattice.spacing),
    }


def describe_region(prepared: Prepared, region: Region) -> Values:
    """Extent, voxels and intensities of the morphological and the intensity mask at each step."""
    whole = region.shape & np.isfinite(region.image)
    size = prepared.lattice.shape
    return {
        **_masks(_Step("init", prepared.values.shape, prepared.values, region.before, region.before)),
        **_masks(_Step("interp", size, region.image, region.shape, whole)),
        **_masks(_Step("reseg", size, region.image, region.shape, region.counted)),
    }


def _image(step: str, image: npt.NDArray[Any], spacing: Triple) -> Values:
    found: Values = {}
    for axis, name in enumerate(_AXES):
        found[f"img_dim_{name}_{step}_img"] = float(image.shape[2 - axis])
        found[f"vox_dim_{name}_{step}_img"] = spacing[axis]
    found.update(_intensities("", f"{step}_img", image))
    return found


def _masks(step: _Step) -> Values:
    found: Values = {}
    for kind, mask in (("int", step.counted), ("morph", step.shape)):
        box = bounding_box(mask) if mask.any() else (slice(0, 0),) * 3
        for axis, name in enumerate(_AXES):
            part = box[2 - axis]
            found[f"{kind}_mask_bb_dim_{name}_{step.name}_roi"] = float(part.stop - part.start)
            if kind == "int":
                found[f"int_mask_dim_{name}_{step.name}_roi"] = float(step.size[2 - axis])
        found[f"{kind}_mask_vox_count_{step.name}_roi"] = float(np.count_nonzero(mask))
    found.update(_intensities("int_mask_", f"{step.name}_roi", step.image[step.counted]))
    return found


def _intensities(prefix: str, suffix: str, values: npt.NDArray[Any]) -> Values:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    if not values.size:
        return {f"{prefix}{kind}_int_{suffix}": None for kind in ("mean", "min", "max")}
    return {
        f"{prefix}mean_int_{suffix}": float(values.mean(dtype=np.float64)),
        f"{prefix}min_int_{suffix}": float(values.min()),
        f"{prefix}max_int_{suffix}": float(values.max()),
    }
