"""Small synthetic tables as transform and deidentify leave them, with the files they speak of: for curate and validate.

Everything is derived from names such as "patient 3", so a test can say which patient it means.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from tasks.core.columns import TRANSFORMED
from tasks.core.files import write_table, write_zip
from tasks.core.workspace import Workspace
from tasks.transform.tables import make_frame

Row = dict[str, Any]
MODALITIES = ("CT", "MR", "CR", "US")


def pseudonym(prefix: str, name: object) -> str:
    """A pseudonym of the right form: the prefix and 12 characters of base32."""
    return prefix + base64.b32encode(hashlib.sha256(str(name).encode()).digest()).decode().lower()[:12]


def new_uid(name: object) -> str:
    """A UID of the form that the key gives."""
    return f"2.25.{int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:16], 'big')}"


def digest(name: object) -> str:
    """A SHA-256 in hexadecimal."""
    return hashlib.sha256(str(name).encode()).hexdigest()


def patient_of(number: object) -> str:
    """The pseudonym of patient `number`."""
    return pseudonym("p", f"patient {number}")


def study_of(number: object, study: int = 0) -> str:
    """The pseudonym of study `study` of patient `number`."""
    return pseudonym("s", f"study {number}/{study}")


def unit_of(number: object, study: int = 0, series: int = 0) -> str:
    """The pseudonym of a series."""
    return pseudonym("u", f"unit {number}/{study}/{series}")


def make_image(number: object, index: int = 1, study: int = 0, series: int = 0, **changes: Any) -> Row:
    """One row of images/instances: slice `index` of a series of patient `number`, with pixels of its own."""
    unit, name = unit_of(number, study, series), f"{number}/{study}/{series}/{index}"
    modality = changes.get("modality", "CT")
    path = f"{modality}/{patient_of(number)}_{study_of(number, study)}_{unit}_{index:04d}.png"
    wobble = int(digest(name)[:4], 16) / 65536
    row: Row = dict.fromkeys(column.name for column in TRANSFORMED["instances"])
    row |= {
        "instance": new_uid(f"instance {name}"), "frame": 1, "unit": unit, "patient": patient_of(number),
        "study": study_of(number, study), "series": new_uid(f"series {unit}"),
        "study_uid": new_uid(f"study {number}/{study}"), "modality": modality, "kind": "image",
        "sop_class": "1.2.840.10008.5.1.4.1.1.2", "image_path": path, "rows": 512, "columns": 512,
        "pixel_spacing_row_mm": 0.7, "pixel_spacing_column_mm": 0.7, "png_spacing_row_mm": 0.7,
        "png_spacing_column_mm": 0.7, "slice_thickness_mm": 5.0, "position_mm": 5.0 * index, "slice_index": index,
        "orientation": "axial", "photometric": "MONOCHROME2", "bits_stored": 12, "window_center": 40.0,
        "window_width": 400.0, "window_source": "header", "intensity_min": -1000.0, "intensity_max": 900.0 + wobble,
        "intensity_unit": "HU" if modality == "CT" else "US", "mean": 0.35 + 0.1 * wobble, "std": 0.2 + 0.02 * wobble,
        "content_sha256": digest(f"pixels {name}"), "perceptual_hash": digest(f"look {name}"),
        "png_sha256": digest(f"png {name}"),
        "transfer_syntax": "1.2.840.10008.1.2.1",
    }  # fmt: skip
    return row | changes


def make_object(number: object, references: Iterable[str], series: int = 9, **changes: Any) -> Row:
    """One row of images/instances: a structure set of patient `number` that refers to `references`."""
    unit, sop = unit_of(number, 0, series), new_uid(f"object {number}/{series}")
    row: Row = dict.fromkeys(column.name for column in TRANSFORMED["instances"])
    row |= {
        "instance": sop, "frame": 0, "unit": unit, "patient": patient_of(number), "study": study_of(number),
        "series": new_uid(f"series {unit}"), "study_uid": new_uid(f"study {number}/0"), "modality": "RTSTRUCT",
        "kind": "structure-set", "sop_class": "1.2.840.10008.5.1.4.1.1.481.3",
        "object_path": f"{patient_of(number)}/{study_of(number)}_{unit}.zip#{sop}.dcm",
        "references": json.dumps(sorted(references)), "transfer_syntax": "1.2.840.10008.1.2.1",
    }  # fmt: skip
    return row | changes


def make_series(instances: Iterable[Row], **changes: Any) -> list[Row]:
    """The rows of images/series that belong to `instances`; `changes` are laid over each."""
    units: dict[str, list[Row]] = {}
    for row in instances:
        units.setdefault(row["unit"], []).append(row)
    made = []
    for unit, rows in units.items():
        images = sum(row["kind"] == "image" for row in rows)
        series: Row = dict.fromkeys(column.name for column in TRANSFORMED["series"])
        series |= {name: rows[0][name] for name in ("patient", "study", "series", "study_uid", "modality")}
        series |= {
            "unit": unit, "frame_of_reference": new_uid(f"frame {unit}"), "body_part": "CHEST", "images": images,
            "objects": len(rows) - images, "rows": rows[0]["rows"], "columns": rows[0]["columns"],
            "spacing_row_mm": 0.7, "spacing_column_mm": 0.7, "slice_spacing_mm": 5.0, "slice_thickness_mm": 5.0,
            "volumes": 1, "geometry_findings": "[]",
            "manufacturer": "ACME Imaging Systems", "model": "One/2", "kvp": 120.0, "study_date": "2015-03-14",
            "sex": "F", "age_years": 47.0, "weight_kg": 70.0, "height_m": 1.75, "series_number": 2,
        }  # fmt: skip
        made.append(series | changes)
    return made


def make_cohort(
    patients: int = 6, slices: int = 2, studies: int = 1, modalities: tuple[str, ...] = ("CT",)
) -> list[Row]:
    """Images of `patients` patients, numbered from 0; the modality goes round by patient."""
    return [
        make_image(number, index, study, modality=modalities[number % len(modalities)])
        for number in range(patients)
        for study in range(studies)
        for index in range(1, slices + 1)
    ]


def make_labels(values: Mapping[int, object], label: str = "lesion") -> pd.DataFrame:
    """A label table: patient number -> value of the first study."""
    rows = [(patient_of(number), study_of(number), value) for number, value in values.items()]
    return pd.DataFrame(rows, columns=["patient", "study", label])


def write_transformed(
    workspace: Workspace,
    instances: list[Row],
    series: list[Row] | None = None,
    labels: pd.DataFrame | None = None,
    ehr: pd.DataFrame | None = None,
) -> None:
    """Write what curate reads, and the image and object files that `instances` speak of."""
    tables = {"instances": instances, "series": make_series(instances) if series is None else series}
    for name, rows in tables.items():
        write_table(make_frame(rows, TRANSFORMED[name]), workspace.images / f"{name}.parquet")
    for name, records in (("labels", labels), ("ehr", ehr)):
        if records is not None:
            write_table(records, workspace.deidentified / "records" / f"{name}.parquet")
    for row in instances:
        if row["image_path"]:
            path = workspace.images / row["image_path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"png")
        elif row["object_path"]:
            archive, _, member = row["object_path"].partition("#")
            write_zip(workspace.deidentified / archive, [(member, b"object")])


def read_curated(workspace: Workspace, name: str) -> pd.DataFrame:
    """A table of data/curated."""
    return pd.read_parquet(workspace.curated / f"{name}.parquet", dtype_backend="numpy_nullable")
