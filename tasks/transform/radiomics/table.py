"""The feature table: a row each ROI as Parquet, and beside it what every column means and how the values were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tasks.core.columns import Column, DType
from tasks.core.files import write_json, write_table
from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.transform.radiomics.dictionary import list_features
from tasks.transform.radiomics.engine import Features, Values, choose_ivh
from tasks.transform.radiomics.problems import Problem
from tasks.transform.radiomics.robustness import rate_features
from tasks.transform.roi.model import Finding, Roi

if TYPE_CHECKING:
    import pandas as pd

TABLE_VERSION = 2
"""Raised whenever the same input would give other values or columns."""

_ENGINES = ("z-rad", "simpleitk", "numpy", "scipy", "scikit-image")
_TOLD: dict[str, tuple[DType, str, str]] = {
    "series": ("string", "", "SeriesInstanceUID of the volume"),
    "series_number": ("Int64", "", "number of the series in the source, in the order of the UIDs, from 1"),
    "volume": ("string", "", "what tells this volume from others of its series, such as echo or b-value; else empty"),
    "modality": ("string", "", "DICOM Modality of the volume"),
    "intensity_unit": ("string", "", "what intensities are measured in: HU, BQML, US (unspecified) …"),
    "volume_findings": ("string", "", "what was found about the volume: finding (slices, policy); ..."),
    "roi_source": ("string", "", "rtstruct, seg, nifti, brush, or volume for the whole of it"),
    "roi_file": ("Int64", "", "which --roi it is from, from 1; 0 for the whole volume"),
    "roi_number": ("Int64", "", "ROINumber, SegmentNumber or label"),
    "roi_name": ("string", "", "ROIName or SegmentLabel as someone typed it: it may name a person"),
    "roi_matched": (
        "string",
        "",
        "how it was laid on the slices: position, reference, both, grid (the same grid), resampled or none",
    ),
    "roi_voxels": ("Int64", "voxels", "voxels of the volume inside, before interpolation"),
    "roi_findings": ("string", "", "what was found about the ROI: finding (how many); ..."),
    "problems": ("string", "", "why values are missing: part: problem (how many); ..."),
}


DESCRIBED = {name: Column(name, *told) for name, told in _TOLD.items()}
"""What the table of `sluice features` begins with; that of a release is in tasks/core/columns.py."""


def make_row(volume: Mapping[str, Any], file: int, roi: Roi, features: Features) -> dict[str, Any]:
    """One row; `volume` gives the first columns of the table, up to `volume_findings`."""
    told = (f"{finding.value} ({count})" for finding, count in roi.findings.items())
    missing = (f"{part}: {problem.value} ({count})" for (part, problem), count in features.problems.items())
    return {
        **volume,
        "roi_source": roi.source,
        "roi_file": file,
        "roi_number": roi.number,
        "roi_name": roi.name,
        "roi_matched": roi.matched,
        "roi_voxels": roi.voxels,
        "roi_findings": "; ".join(told),
        "problems": "; ".join(missing),
        **features.values,
    }


def make_table(
    rows: Sequence[Mapping[str, Any]], settings: RadiomicsSettings, described: Mapping[str, Column] = DESCRIBED
) -> pd.DataFrame:
    """The rows with `described` and every feature that `settings` give, whether or not a row has a value for it."""
    import pandas as pd

    columns: dict[str, Any] = {name: column.dtype for name, column in described.items()}
    columns.update({feature.tag: "Float64" for feature in list_features(settings)})
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=dtype) for name, dtype in columns.items()}
    )


def write_features(rows: Sequence[Mapping[str, Any]], settings: RadiomicsSettings, target: Path) -> Path:
    """Write the table to `target` (.parquet) and its data dictionary beside it (.json), whose path is returned."""
    dictionary = target.with_suffix(".json")
    write_table(make_table(rows, settings), target)
    write_json(dictionary, describe_table(rows, settings))
    return dictionary


def write_robustness(
    perturbed: Sequence[Sequence[Values]], repeats: int, settings: RadiomicsSettings, target: Path
) -> None:
    """Write the ICC of each feature (.parquet): one row each, null where there are too few regions to say."""
    import pandas as pd

    rated = dict(rate_features(perturbed))
    features = [feature for feature in list_features(settings) if feature.family != "diagnostics"]
    found = [rated.get(feature.tag) for feature in features]
    columns: dict[str, tuple[str, list[Any]]] = {
        "feature": ("string", [feature.tag for feature in features]),
        "family": ("string", [feature.family for feature in features]),
        "icc": ("Float64", [one and one.value for one in found]),
        "icc_low": ("Float64", [one and one.low for one in found]),
        "icc_high": ("Float64", [one and one.high for one in found]),
        "regions": ("Int64", [one.regions if one else 0 for one in found]),
        "repeats": ("Int64", [repeats] * len(features)),
    }
    write_table(pd.DataFrame({n: pd.Series(v, dtype=cast(Any, d)) for n, (d, v) in columns.items()}), target)


def describe_table(
    rows: Sequence[Mapping[str, Any]], settings: RadiomicsSettings, described: Mapping[str, Column] = DESCRIBED
) -> dict[str, Any]:
    """The data dictionary: columns, settings, versions, and what the codes of problems and findings mean."""
    units = {str(row["intensity_unit"]) for row in rows}
    intensity = units.pop() if len(units) == 1 else "intensity_unit"
    ivh = {choose_ivh(settings.ivh, str(row["modality"])).method for row in rows}
    level = "bins" if ivh == {"FBN"} else intensity if "FBN" not in ivh else f"{intensity}, bins where it is FBN"
    columns = [
        {"name": column.name, "type": column.dtype, "unit": column.unit, "definition": column.description}
        for column in described.values()
    ]
    for feature in list_features(settings):
        unit = level if feature.unit == "ivh" else feature.unit.replace("intensity", intensity)
        columns.append(
            {
                "name": feature.tag,
                "type": "Float64",
                "unit": unit,
                "family": feature.family,
                "title": feature.name,
                "definition": feature.definition,
            }
        )
    return {
        "version": TABLE_VERSION,
        "engines": {name: version(name) for name in _ENGINES},
        "settings": settings.model_dump(mode="json", exclude={"in_flow"}),
        "columns": columns,
        "problems": {problem.value: problem.sentence for problem in Problem},
        "findings": {finding.value: finding.sentence for finding in Finding},
    }
