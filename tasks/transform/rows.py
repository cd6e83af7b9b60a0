"""The rows of the tables, from headers. No free text passes: a value has the form of a code or a number, or it is null.

Numbers are finite and rounded to 9 significant digits, so that the last bit of a processor's sums changes no byte.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from pydicom import Dataset

from tasks.core.columns import TRANSFORMED
from tasks.core.models import Unit
from tasks.transform.frames import Layers, first_number, first_numbers
from tasks.transform.headers import integer, number, text, uid
from tasks.transform.objects import find_references
from tasks.transform.pixels import find_transfer_syntax
from tasks.transform.resize import Spacing
from tasks.transform.series import Plane, measure_spacing

Row = dict[str, Any]

MAX_AGE = 90.0
_MODALITY = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_DEVICE = re.compile(r"[A-Za-z0-9 ._/+-]{1,64}")
_BODY_PART = re.compile(r"[A-Z0-9 ]{2,16}")
_AGE = re.compile(r"([0-9]{3})([DWMY])")
_NULLS: Row = dict.fromkeys(column.name for column in TRANSFORMED["instances"])
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


def rounded(value: float | None, digits: int = 9) -> float | None:
    """`value` to some significant digits; None for what is no finite number."""
    return float(f"{value:.{digits}g}") if value is not None and math.isfinite(value) else None


def find_modality(ds: Dataset, unit: Unit) -> str:
    """Modality of the instance, where it has the form of a code, else the unit's."""
    return _matching(ds, "Modality", _MODALITY) or unit.modality


def find_spacing(layers: Layers) -> Spacing | None:
    """Distance between rows and between columns in mm: PixelSpacing, else ImagerPixelSpacing (PS3.3 10.7.1.3)."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        found = first_numbers(layers, keyword, 2)
        if found is not None and min(found) > 0:
            return found[0], found[1]
    return None


def describe_instance(ds: Dataset, unit: Unit, sop: str, kind: str) -> Row:
    """What instances.parquet says of any instance; the other columns are null."""
    return _NULLS | {
        "instance": sop,
        "frame": 0,
        "unit": unit.unit,
        "patient": unit.patient,
        "study": unit.study,
        "series": uid(ds, "SeriesInstanceUID"),
        "study_uid": uid(ds, "StudyInstanceUID"),
        "modality": find_modality(ds, unit),
        "kind": kind,
        "sop_class": uid(ds, "SOPClassUID"),
        "transfer_syntax": find_transfer_syntax(ds),
    }


def describe_object(ds: Dataset, unit: Unit, sop: str, kind: str) -> Row:
    """The row of an object that stays in the archive."""
    return describe_instance(ds, unit, sop, kind) | {
        "object_path": f"{unit.archive}#{sop}.dcm",
        "references": json.dumps(find_references(ds)),
    }


def describe_plane(plane: Plane, layers: Layers) -> Row:
    """The geometry columns of one frame."""
    spacing = find_spacing(layers)
    return {
        "frame": plane.frame,
        "pixel_spacing_row_mm": rounded(spacing[0]) if spacing else None,
        "pixel_spacing_column_mm": rounded(spacing[1]) if spacing else None,
        "slice_thickness_mm": rounded(first_number(layers, "SliceThickness")),
        "position_mm": rounded(plane.position),
        "orientation": plane.name,
    }


def describe_header(ds: Dataset) -> Row:
    """What series.parquet takes from the header of one instance."""
    return {
        "series": uid(ds, "SeriesInstanceUID"),
        "study_uid": uid(ds, "StudyInstanceUID"),
        "frame_of_reference": uid(ds, "FrameOfReferenceUID"),
        "body_part": _matching(ds, "BodyPartExamined", _BODY_PART),
        "manufacturer": _matching(ds, "Manufacturer", _DEVICE),
        "model": _matching(ds, "ManufacturerModelName", _DEVICE),
        "field_strength_t": rounded(number(ds, "MagneticFieldStrength")),
        "kvp": rounded(number(ds, "KVP")),
        "study_date": _find_date(ds),
        "sex": _matching(ds, "PatientSex", re.compile(r"[MFO]")),
        "age_years": _find_age(ds),
        "weight_kg": rounded(number(ds, "PatientWeight")),
        "height_m": rounded(number(ds, "PatientSize")),
        "series_number": integer(ds, "SeriesNumber"),
    }


def describe_series(unit: Unit, headers: Sequence[Row], instances: Sequence[Row], planes: Sequence[Plane]) -> Row:
    """The row of the unit: of each attribute the first value among `headers`, which come sorted by instance."""
    images = [row for row in instances if row["kind"] == "image"]

    def first(rows: Sequence[Row], name: str) -> Any:
        return next((row[name] for row in rows if row.get(name) is not None), None)

    row = {column.name: first(headers, column.name) for column in TRANSFORMED["series"]}
    return row | {
        "unit": unit.unit,
        "patient": unit.patient,
        "study": unit.study,
        "modality": first(instances, "modality"),
        "images": len(images),
        "objects": len(instances) - len(images),
        "rows": first(images, "rows"),
        "columns": first(images, "columns"),
        "spacing_row_mm": first(images, "pixel_spacing_row_mm"),
        "spacing_column_mm": first(images, "pixel_spacing_column_mm"),
        "slice_spacing_mm": rounded(measure_spacing(planes)),
        "slice_thickness_mm": first(images, "slice_thickness_mm"),
    }


def _matching(ds: Dataset, keyword: str, pattern: re.Pattern[str]) -> str | None:
    found = text(ds, keyword)
    return found if found and pattern.fullmatch(found) else None


def _find_date(ds: Dataset) -> str | None:
    found = text(ds, "StudyDate") or ""
    try:
        return date.fromisoformat(found).isoformat() if re.fullmatch(r"[0-9]{8}", found) else None
    except ValueError:
        return None


def _find_age(ds: Dataset) -> float | None:
    match = _AGE.fullmatch(text(ds, "PatientAge") or "")
    return rounded(min(MAX_AGE, int(match[1]) * _YEARS[match[2]])) if match else None
