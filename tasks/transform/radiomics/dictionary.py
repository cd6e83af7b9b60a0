"""What each column of a feature table means: IBSI tag, name, unit, definition. The texts are data, in dictionary.json.

Definitions follow the reference manual of the Image Biomarker Standardisation Initiative (Zwanenburg et al. 2016,
arXiv:1612.07003). Which columns there are follows from the settings alone, so that tables of one study can be joined.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tasks.core.settings.radiomics import RadiomicsSettings

_FAMILIES = {
    "morph": "morphology",
    "loc": "local-intensity",
    "stat": "statistics",
    "ih": "histogram",
    "ivh": "ivh",
    "cm": "glcm",
    "rlm": "glrlm",
    "szm": "glszm",
    "dzm": "gldzm",
    "ngt": "ngtdm",
    "ngl": "ngldm",
}
_BY_DIRECTION = frozenset({"cm", "rlm"})
_BY_DIMENSION = frozenset({"szm", "dzm", "ngt", "ngl"})
_DIMENSIONS = {
    "2D": ("2D", "slice by slice, averaged"),
    "2.5D": ("2_5D", "slices merged"),
    "3D": ("3D", "in three dimensions"),
}
_AGGREGATIONS = {
    "averaged": ("avg", "a matrix each direction, features averaged"),
    "merged": ("comb", "directions merged"),
}


class Feature(NamedTuple):
    """One column: its IBSI tag, the family it belongs to (or diagnostics), name, unit and definition."""

    tag: str
    family: str
    name: str
    unit: str
    definition: str


def list_features(settings: RadiomicsSettings) -> list[Feature]:
    """The columns that `settings` give, in their order, whatever the images are."""
    return [
        feature
        for feature in _expand(settings)
        if (settings.diagnostics if feature.family == "diagnostics" else _wanted(feature, settings))
    ]


def _wanted(feature: Feature, settings: RadiomicsSettings) -> bool:
    return not settings.families or feature.family in settings.families


def _expand(settings: RadiomicsSettings) -> Iterator[Feature]:
    for tag, text in _texts().items():
        prefix = tag.partition("_")[0]
        diagnostic = tag.endswith(("_roi", "_img"))  # morph_mask_…_roi are of IBSI's chapter 4, as int_mask_…_roi are
        family = "diagnostics" if diagnostic else _FAMILIES.get(prefix, "diagnostics")
        name, unit, definition = text["name"], text["unit"], text["definition"]
        if prefix not in _BY_DIRECTION | _BY_DIMENSION:
            yield Feature(tag, family, name, unit, definition)
            continue
        for dimension in settings.dimensions:
            short, told = _DIMENSIONS[dimension]
            if prefix in _BY_DIMENSION:
                yield Feature(f"{tag}_{short}", family, name, unit, f"{definition} {dimension}: {told}.")
                continue
            for aggregation in settings.aggregation:
                suffix, how = _AGGREGATIONS[aggregation]
                yield Feature(
                    f"{tag}_{short}_{suffix}", family, name, unit, f"{definition} {dimension}: {told}; {how}."
                )


@cache
def _texts() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads(
        Path(__file__).with_name("dictionary.json").read_text(encoding="utf-8")
    )
    return loaded
