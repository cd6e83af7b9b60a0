"""The settings of radiomic features as IBSI-1 writes them: a section of params.yaml, or a file of their own.

Only what is set, and what combinations make sense; what each step does is in tasks/transform/radiomics.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tasks.core.models import Frozen

Dimension = Literal["2D", "2.5D", "3D"]
Aggregation = Literal["averaged", "merged"]
Family = Literal[
    "morphology",
    "local-intensity",
    "statistics",
    "histogram",
    "ivh",
    "glcm",
    "glrlm",
    "glszm",
    "gldzm",
    "ngtdm",
    "ngldm",
]


class Interpolation(Frozen):
    """To which voxels image and ROI are resampled first (IBSI 2.4); grid centres are aligned."""

    spacing: tuple[float | None, float | None, float | None] | None = Field(
        None, description="voxel size x, y, z in mm; null for an axis that stays, e.g. [2, 2, null]; null for none"
    )
    method: Literal["nearest", "linear", "cubic"] = Field("linear", description="of the image; cubic is a B-spline")
    rounding: Literal["none", "integer"] = Field("none", description="integer for CT: HU are whole numbers")
    roi_method: Literal["nearest", "linear"] = Field("linear", description="of the ROI")
    roi_threshold: float = Field(0.5, gt=0, le=1, description="share of a voxel from which on it is inside the ROI")

    @model_validator(mode="after")
    def _check(self) -> Interpolation:
        if self.spacing is not None and any(size is not None and not 0.01 <= size <= 100 for size in self.spacing):
            raise ValueError("spacing must be between 0.01 and 100 mm")
        return self


class Resegmentation(Frozen):
    """Which voxels count for intensities (IBSI 2.5); the shape keeps them all. The range first, then outliers."""

    range: tuple[float, float | None] | None = Field(
        None, description="lowest and highest intensity that count, e.g. [-500, 400]; null for no upper end"
    )
    outliers: float | None = Field(None, gt=0, description="standard deviations from the mean that count, e.g. 3")

    @model_validator(mode="after")
    def _check(self) -> Resegmentation:
        if self.range is not None and self.range[1] is not None and self.range[1] <= self.range[0]:
            raise ValueError("the upper end of range must be above the lower one")
        return self


class Discretisation(Frozen):
    """Into which grey levels intensities are put for histogram and textures (IBSI 2.7)."""

    method: Literal["FBN", "FBS"] = Field("FBN", description="FBN: a fixed number of bins; FBS: bins of a fixed width")
    bins: int = Field(32, ge=2, le=4096, description="number of bins, where method is FBN")
    width: float = Field(25.0, gt=0, description="width of a bin in units of the image, where method is FBS")


class IvhDiscretisation(Discretisation):
    """The same for the intensity-volume histogram, which usually takes finer ones."""

    method: Literal["auto", "none", "FBN", "FBS"] = Field(  # type: ignore[assignment]
        "auto", description="none: steps of one unit; auto: none for CT, FBS for PET, FBN for others"
    )
    bins: int = Field(1000, ge=2, le=65536, description="number of bins, where method is FBN")
    width: float = Field(0.1, gt=0, description="width of a bin in units of the image, where method is FBS")


class RadiomicsSettings(Frozen):
    """How radiomic features are made. What is not said here is as in the IBSI reference manual."""

    in_flow: Literal["none", "whole", "roi"] = Field(
        "none",
        description="features that a run calculates and releases: of each volume, of the regions of structure sets and "
        "segmentations, or none; `sluice features` does not ask",
    )
    interpolation: Interpolation = Interpolation()
    resegmentation: Resegmentation = Resegmentation()
    discretisation: Discretisation = Discretisation()
    ivh: IvhDiscretisation = IvhDiscretisation()
    dimensions: tuple[Dimension, ...] = Field(
        ("3D",), min_length=1, description="of textures: 2D by slice, 2.5D over slices, 3D; any of them"
    )
    aggregation: tuple[Aggregation, ...] = Field(
        ("averaged", "merged"), min_length=1, description="of directions, for co-occurrence and run lengths"
    )
    families: tuple[Family, ...] = Field((), description="families of features; empty takes all")
    diagnostics: bool = Field(True, description="also the IBSI diagnostics of image and ROI at each step")
    any_frame_of_reference: bool = Field(
        False, description="true takes an ROI whose frame of reference is not the volume's"
    )
    max_voxels: int = Field(2**28, ge=1, description="a volume that would be larger after interpolation is refused")
    max_region_voxels: int = Field(
        2**25, ge=1, description="a region whose box is larger after interpolation is refused; 2 GB at the default"
    )
