"""From de-identified series to images: volumes, steps, windows, sizes, and sheets to look at."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from tasks.core.findings import check_policies
from tasks.core.models import Frozen, Modality
from tasks.core.steps import ChosenStep, check_chain, unitless_after


class VolumeSettings(Frozen):
    """From series to volumes: what is done about which finding (`tasks/core/findings.py`)."""

    findings: dict[str, str] = Field(
        {},
        description="policy by finding, e.g. {missing-slice: fill}; what is not named is refused, or is harmless",
    )
    tolerance: float = Field(
        0.02, gt=0, le=0.2, description="how much distances of slices may differ, as a share of their distance"
    )

    suv: bool = Field(False, description="PET values as SUV by body weight (g/ml), where the header gives it")
    max_voxels: int = Field(
        2**27, ge=1, description="a volume with more voxels is refused by steps that need it whole in memory"
    )

    @field_validator("findings")
    @classmethod
    def _known(cls, findings: dict[str, str]) -> dict[str, str]:
        return check_policies(findings)


class TransformSettings(Frozen):
    """From DICOM to images of one size, and the tables that describe them."""

    size: int = Field(256, ge=16, le=4096, description="width and height in pixels")
    bits: Literal[8, 16] = Field(8, description="bits of a grey PNG; colour always has 8")
    fit: Literal["pad", "stretch"] = Field("pad", description="pad keeps proportions, stretch fills")
    windows: dict[Modality, tuple[float, float]] = Field(
        {},
        description="window centre and width by modality, in HU for CT; else the header's, else percentiles",
    )
    percentiles: tuple[float, float] = Field(
        (0.5, 99.5), description="of a series: black and white where there is no window"
    )
    max_pixels: int = Field(
        2**28, ge=1, description="Rows x Columns x frames x samples above this is refused before decoding"
    )
    steps: tuple[ChosenStep, ...] = Field(
        (), description="what is done to values before windowing, in order, e.g. [n4, {isotropic: {spacing: 1}}]"
    )
    volumes: VolumeSettings = VolumeSettings()

    @model_validator(mode="after")
    def _chain(self) -> TransformSettings:
        check_chain(self.steps)
        for modality in self.windows:
            if step := unitless_after(self.steps, modality):
                raise ValueError(
                    f"windows.{modality} is in the unit of the source, and {step} leaves none: remove one of them"
                )
        return self


class LookSettings(Frozen):
    """Contact sheets of a run, to look at: data/look, which is no part of the dataset. Changes no byte of it."""

    sheets: bool = Field(True, description="draw a contact sheet for each patient before the release")
    patients: int = Field(50, ge=1, description="patients that get one at most, in the order of their pseudonyms")
    slices: int = Field(6, ge=1, le=60, description="slices of each series on it, evenly spaced")
