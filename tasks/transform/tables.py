"""The columns of images/instances.parquet and images/series.parquet: name, type, unit and meaning, said only here.

The dataset card is written from `COLUMNS`. Types don't depend on the data: a column without a value keeps its type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Dtype = Literal["string", "Int64", "float64", "bool"]


@dataclass(frozen=True)
class Column:
    """One column: its pandas dtype, the unit of its values (empty if none), and what it means."""

    name: str
    dtype: Dtype
    unit: str
    description: str


def _columns(table: str) -> tuple[Column, ...]:
    rows = (line.split("|") for line in table.strip().splitlines())
    kinds: dict[str, Dtype] = {"s": "string", "i": "Int64", "f": "float64", "b": "bool"}
    return tuple(
        Column(name.strip(), kinds[kind.strip()], unit.strip(), text.strip()) for name, kind, unit, text in rows
    )


INSTANCES = _columns("""
instance               |s|  | SOPInstanceUID after de-identification
frame                  |i|  | frame of the instance, counted from 1; 0 for an object that is no image
unit                   |s|  | pseudonym of the series
patient                |s|  | pseudonym of the patient
study                  |s|  | pseudonym of the study
series                 |s|  | SeriesInstanceUID after de-identification
study_uid              |s|  | StudyInstanceUID after de-identification
modality               |s|  | Modality of the instance
kind                   |s|  | image, segmentation, structure-set or object
sop_class              |s|  | SOPClassUID
image_path             |s|  | PNG, relative to the images folder; null for objects
object_path            |s|  | archive and member that hold the object; null for images
rows                   |i|px| Rows of the source
columns                |i|px| Columns of the source
pixel_spacing_row_mm   |f|mm| distance between rows of the source: PixelSpacing, or ImagerPixelSpacing at the detector
pixel_spacing_column_mm|f|mm| distance between columns of the source
png_spacing_row_mm     |f|mm| distance between rows of the PNG
png_spacing_column_mm  |f|mm| distance between columns of the PNG
slice_thickness_mm     |f|mm| SliceThickness
position_mm            |f|mm| position along the normal of the slice
slice_index            |i|  | place among the images of the series in slice order, from 1; a missing number was refused
orientation            |s|  | axial, sagittal, coronal or oblique (more than 30 degrees off each axis)
photometric            |s|  | PhotometricInterpretation of the source
bits_stored            |i|  | BitsStored of the source; null for floating-point pixels
window_center          |f|  | centre of the window that was applied, in intensity_unit
window_width           |f|  | width of the window that was applied, in intensity_unit
window_source          |s|  | settings, header, voi-lut or percentile; null for colour
intensity_min          |f|  | lowest value before windowing, in intensity_unit, without padding
intensity_max          |f|  | highest value before windowing, in intensity_unit, without padding
intensity_unit         |s|  | unit after the modality LUT, e.g. HU; US is unspecified
mean                   |f|  | mean of the [0, 1] image before it is resized, without padding
std                    |f|  | standard deviation of the [0, 1] image before it is resized, without padding
content_sha256         |s|  | SHA-256 of the decoded source pixels; the same for every lossless encoding of them
png_sha256             |s|  | SHA-256 of the PNG file
transfer_syntax        |s|  | transfer syntax of the source
references             |s|  | JSON list of the UIDs that an object refers to; null for images
""")

SERIES = _columns("""
unit              |s|  | pseudonym of the series
patient           |s|  | pseudonym of the patient
study             |s|  | pseudonym of the study
series            |s|  | SeriesInstanceUID after de-identification
study_uid         |s|  | StudyInstanceUID after de-identification
frame_of_reference|s|  | FrameOfReferenceUID after de-identification
modality          |s|  | Modality
body_part         |s|  | BodyPartExamined, where it has the form of a code
images            |i|  | image frames
objects           |i|  | objects that are no image
rows              |i|px| Rows of the first image
columns           |i|px| Columns of the first image
spacing_row_mm    |f|mm| distance between rows of the source
spacing_column_mm |f|mm| distance between columns of the source
slice_spacing_mm  |f|mm| median distance of neighbouring slices, measured from their positions
slice_thickness_mm|f|mm| SliceThickness of the first image
manufacturer      |s|  | Manufacturer
model             |s|  | ManufacturerModelName
field_strength_t  |f|T | MagneticFieldStrength
kvp               |f|kV| KVP
study_date        |s|  | StudyDate, shifted by a secret number of days that is constant for the patient
sex               |s|  | PatientSex: M, F or O
age_years         |f|a | PatientAge at the study; 90 stands for 90 and above
weight_kg         |f|kg| PatientWeight
height_m          |f|m | PatientSize
series_number     |i|  | SeriesNumber
""")

COLUMNS: Mapping[str, tuple[Column, ...]] = {"instances": INSTANCES, "series": SERIES}


def make_frame(rows: Iterable[Mapping[str, Any]], columns: tuple[Column, ...]) -> pd.DataFrame:
    """`rows` as a table with exactly `columns`, in their order and of their types."""
    listed = list(rows)
    return pd.DataFrame(
        {column.name: pd.array([row[column.name] for row in listed], dtype=column.dtype) for column in columns}
    )
