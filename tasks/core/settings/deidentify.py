"""The profile of de-identification, and how hard pixels are looked at."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tasks.core.models import Frozen, Modality


class PixelSettings(Frozen):
    """How hard pixels are looked at for text. What the header calls risky is looked at whole, the rest by sample."""

    look: bool = Field(
        True,
        description="true looks at what is at risk and masks text, a second or more a picture; false quarantines it",
    )
    sample: float = Field(
        0.001,
        ge=0,
        le=1,
        description="share of CT, MR and PET without a hint in the header that is looked at all the same; "
        "a look takes as long as some hundred headers",
    )
    max_frames: int = Field(
        16, ge=1, description="distinct frames that are looked at; of more, the extremes of groups of them"
    )
    outside_regions: bool = Field(False, description="mask all that is outside of the ultrasound regions")
    trust_burned_in_annotation: tuple[Modality, ...] = Field(
        ("CR", "DX", "MG", "RG"),
        description="modalities whose BurnedInAnnotation NO is believed: they are not looked at",
    )
    accept: tuple[Modality, ...] = Field(
        (), description="modalities whose pixels are known to be clean, whatever the header says"
    )


class DeidentifySettings(Frozen):
    """The profile: PS3.15 E.1-1 with its options, and the site's overrides."""

    profile: Literal["basic", "research"] = Field(
        "research",
        description="basic: E.1-1 as it stands; research: dates shifted, descriptions, reports and graphics cleaned, "
        "patient characteristics, device and safe private attributes kept",
    )
    edition: Literal["2008", "2017c", "2021b", "2026c"] = Field(
        "2026c", description="of E.1-1: an older one has fewer rows, see `sluice profile show --edition`"
    )
    options: tuple[str, ...] = Field(
        (),
        description="further options of E.1-1: retain-full-dates, retain-modified-dates, "
        "retain-patient-characteristics, retain-device-identity, retain-institution-identity, retain-safe-private, "
        "clean-descriptors, clean-structured-content, clean-graphics",
    )
    overrides: dict[str, Literal["X", "Z", "D", "K", "U", "C"]] = Field(
        {},
        description="action by keyword, tag or private attribute, e.g. StudyDescription: X, "
        "(0019,xx0C) SIEMENS MR HEADER: K; stands above the table",
    )
    pixels: PixelSettings = PixelSettings()
    ehr_columns: tuple[str, ...] = Field(
        ("age", "sex", "bmi", "icd10", "encounter_date"),
        description="columns of the EHR table that are kept; free text never is",
    )
    label_columns: tuple[str, ...] = Field(("lesion",), description="columns of the label table that are kept")
    max_depth: int = Field(32, ge=1, le=200, description="sequences nested deeper are refused")

    @field_validator("edition", mode="before")
    @classmethod
    def _year(cls, edition: object) -> object:
        return str(edition) if isinstance(edition, int) else edition  # YAML takes 2008 for a number

    @field_validator("overrides", mode="before")
    @classmethod
    def _names(cls, overrides: object) -> object:
        if isinstance(overrides, dict):
            for name in overrides:
                if not isinstance(name, str):  # YAML takes 00100010 for an octal number
                    raise ValueError("a key is read as a number: put tags in quotes, e.g. '00100010'")
        return overrides
