"""The column dictionary of the tables: what each column means, its type and its unit, told once.

Transform makes its tables from it, the dataset card, Croissant and gates read it. Which rows there are is the stages'
matter. A site's own label and EHR columns have no entry; `describe` falls back to their name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

DType = Literal["string", "Int64", "float64", "bool"]


class Column(NamedTuple):
    """One column: its pandas dtype, its unit (empty where it has none), and what it holds."""

    name: str
    dtype: DType
    unit: str
    description: str


def _all(*columns: tuple[str, DType, str, str]) -> dict[str, Column]:
    return {name: Column(name, dtype, unit, text) for name, dtype, unit, text in columns}


_PATIENT = Column("patient", "string", "", "pseudonym of the patient")
_STUDY = Column("study", "string", "", "pseudonym of the study")
_UNIT = Column("unit", "string", "", "pseudonym of the series; part of each file's name")
_STUDY_UID = Column("study_uid", "string", "", "new StudyInstanceUID")
_SERIES_UID = Column("series", "string", "", "new SeriesInstanceUID")
_MODALITY = Column("modality", "string", "", "DICOM Modality: CT, MR, CR, DX, US, RTSTRUCT, SEG …")
_ROWS = Column("rows", "Int64", "pixels", "Rows of the source image")
_COLUMNS = Column("columns", "Int64", "pixels", "Columns of the source image")
_THICKNESS = Column("slice_thickness_mm", "float64", "mm", "SliceThickness")
_STUDY_DATE = Column(
    "study_date", "string", "", "StudyDate, moved by a number of days that is secret and fixed for each patient"
)

_MADE_INSTANCES = _all(
    ("instance", "string", "", "new SOPInstanceUID"),
    ("frame", "Int64", "", "number of the frame, from 1; 0 for an object without image"),
    _UNIT,
    _PATIENT,
    _STUDY,
    _SERIES_UID,
    _STUDY_UID,
    _MODALITY,
    ("kind", "string", "", "image, segmentation, structure-set or object"),
    ("sop_class", "string", "", "SOPClassUID"),
    ("image_path", "string", "", "the PNG, relative to the dataset; null for objects"),
    ("object_path", "string", "", "the DICOM object, relative to the dataset; null for images"),
    _ROWS,
    _COLUMNS,
    ("pixel_spacing_row_mm", "float64", "mm", "distance between adjacent rows in the source"),
    ("pixel_spacing_column_mm", "float64", "mm", "distance between adjacent columns in the source"),
    ("png_spacing_row_mm", "float64", "mm", "distance between adjacent rows of the PNG"),
    ("png_spacing_column_mm", "float64", "mm", "distance between adjacent columns of the PNG"),
    _THICKNESS,
    ("position_mm", "float64", "mm", "ImagePositionPatient along the slice normal"),
    ("slice_index", "Int64", "", "place in the series, ordered by position"),
    ("orientation", "string", "", "axial, sagittal, coronal or oblique; null where unknown"),
    ("photometric", "string", "", "PhotometricInterpretation of the source"),
    ("bits_stored", "Int64", "bits", "BitsStored of the source"),
    ("window_center", "float64", "intensity_unit", "centre of the window that [0, 1] was made with"),
    ("window_width", "float64", "intensity_unit", "width of the window that [0, 1] was made with"),
    ("window_source", "string", "", "where the window is from: settings, header, voi-lut or percentile"),
    ("intensity_min", "float64", "intensity_unit", "smallest value before windowing"),
    ("intensity_max", "float64", "intensity_unit", "largest value before windowing"),
    ("intensity_unit", "string", "", "what the intensities are measured in: HU, US (unspecified) …"),
    ("mean", "float64", "[0, 1]", "mean of the windowed image"),
    ("std", "float64", "[0, 1]", "standard deviation of the windowed image"),
    ("steps", "string", "", "what was done to values before windowing, names of steps in order; null for nothing"),
    (
        "content_sha256",
        "string",
        "",
        "SHA-256 of the decoded source pixels; of the values after the steps where those made a volume",
    ),
    ("perceptual_hash", "string", "", "what the image looks like: differs in few bits under another window or size"),
    ("png_sha256", "string", "", "SHA-256 of the PNG"),
    ("transfer_syntax", "string", "", "TransferSyntaxUID of the source"),
    ("references", "string", "", "JSON list of the new UIDs that an object refers to"),
)
_MADE_SERIES = _all(
    _UNIT,
    _PATIENT,
    _STUDY,
    _SERIES_UID,
    _STUDY_UID,
    ("frame_of_reference", "string", "", "new FrameOfReferenceUID: series that share it share coordinates"),
    _MODALITY,
    ("body_part", "string", "", "BodyPartExamined"),
    ("images", "Int64", "", "how many images the series has here"),
    ("objects", "Int64", "", "how many objects (structure sets, segmentations …) the series has here"),
    _ROWS,
    _COLUMNS,
    ("spacing_row_mm", "float64", "mm", "distance between the centres of adjacent rows in the source"),
    ("spacing_column_mm", "float64", "mm", "distance between the centres of adjacent columns in the source"),
    ("slice_spacing_mm", "float64", "mm", "median distance between adjacent slices"),
    _THICKNESS,
    ("volumes", "Int64", "", "how many volumes with a sound geometry the series makes"),
    ("geometry_findings", "string", "", "what was found about its geometry, a JSON list of names (docs/transform.md)"),
    ("manufacturer", "string", "", "Manufacturer"),
    ("model", "string", "", "ManufacturerModelName"),
    ("field_strength_t", "float64", "T", "MagneticFieldStrength"),
    ("kvp", "float64", "kV", "KVP"),
    _STUDY_DATE,
    ("sex", "string", "", "PatientSex of the header"),
    ("age_years", "float64", "years", "age at the study, 90 standing for 90 and older"),
    ("weight_kg", "float64", "kg", "PatientWeight"),
    ("height_m", "float64", "m", "PatientSize"),
    ("series_number", "Int64", "", "SeriesNumber"),
)

TRANSFORMED: Mapping[str, tuple[Column, ...]] = {
    "instances": tuple(_MADE_INSTANCES.values()),
    "series": tuple(_MADE_SERIES.values()),
}
"""The columns of the tables that transform writes, in their order. There `image_path` and `object_path` still lead to
data/images and data/deidentified."""

PATIENTS = _all(
    _PATIENT,
    ("sex", "string", "", "M, F or O; null where unknown or contradictory"),
    ("age_years", "float64", "years", "age at the first study, 90 standing for 90 and older"),
    ("age_band", "string", "", "age in bands of ten years"),
    ("bmi", "float64", "kg/m2", "body mass index, from the records, else from PatientWeight and PatientSize"),
    ("icd10", "string", "", "ICD-10 codes of the patient as a JSON list"),
    ("studies", "Int64", "", "how many studies the patient has here"),
    ("series", "Int64", "", "how many series the patient has here"),
    ("images", "Int64", "", "how many images the patient has here"),
)
STUDIES = _all(
    _STUDY,
    _PATIENT,
    _STUDY_UID,
    _STUDY_DATE,
    ("modalities", "string", "", "modalities of the study, separated by commas"),
    ("series", "Int64", "", "how many series the study has here"),
    ("images", "Int64", "", "how many images the study has here"),
)
SERIES = _MADE_SERIES | _all(
    ("low_quality_images", "Int64", "", "how many images are flagged as low quality"),
    ("outlier_images", "Int64", "", "how many images are flagged as outliers"),
    ("shared_pixel_images", "Int64", "", "how many images have exactly the pixels of another patient's"),
    ("duplicates_dropped", "Int64", "", "how many instances were left out because their pixels are here already"),
)
INSTANCES = _MADE_INSTANCES | _all(
    ("low_quality", "bool", "", "flagged: constant, without contrast, clipped or unmeasured"),
    ("outlier", "bool", "", "flagged: brightness or contrast unusual for its modality and body part"),
    ("quality_note", "string", "", "why an image is flagged"),
    ("shared_pixels", "bool", "", "another patient's image has exactly these pixels"),
)
LABELS = _all(
    _PATIENT,
    _STUDY,
    ("label", "string", "", "name of the label"),
    ("value", "Int64", "", "its value; null where sources contradict each other"),
    ("source", "string", "", "where the value is from"),
)
SPLITS = _all(
    ("patient", "string", "", "pseudonym of the patient; a patient is in one split only, for good"),
    ("split", "string", "", "train, validation or test"),
    ("stratum", "string", "", "what the splits were balanced by: label and main modality"),
)

FEATURES = _all(
    _UNIT,
    _PATIENT,
    _STUDY,
    _SERIES_UID,
    ("volume", "string", "", "JSON of what tells this volume from others of its series, such as the echo; else empty"),
    _MODALITY,
    ("intensity_unit", "string", "", "what intensities are measured in: HU, BQML, US (unspecified) …"),
    ("volume_findings", "string", "", "what was found about the volume: finding (slices, policy); ..."),
    ("roi_source", "string", "", "rtstruct, seg, volume for the whole of it, or none where nothing could be read"),
    ("roi_instance", "string", "", "new SOPInstanceUID of the object that the region is from; null for whole volumes"),
    ("roi_number", "Int64", "", "ROINumber or SegmentNumber; 0 for the whole volume"),
    ("roi_name", "string", "", "ROIName or SegmentLabel of the de-identified object, where it has the form of a code"),
    ("roi_matched", "string", "", "how it was laid on the slices: position, reference, both, grid, resampled or none"),
    ("roi_voxels", "Int64", "voxels", "voxels of the volume inside, before interpolation"),
    ("roi_findings", "string", "", "what was found about the region: finding (how many); ..."),
    ("problems", "string", "", "why values are missing: part: problem (how many); ..."),
)
"""What the table of radiomic features begins with; a column for each feature follows, which features.json defines."""

TABLES: dict[str, dict[str, Column]] = {
    "patients": PATIENTS,
    "studies": STUDIES,
    "series": SERIES,
    "instances": INSTANCES,
    "labels": LABELS,
    "splits": SPLITS,
}
"""The released tables by name, each with its columns."""

OPTIONAL: dict[str, dict[str, Column]] = {"features": FEATURES}
"""Tables that a release has only where params.yaml asks for them."""

KEYS: dict[str, tuple[str, ...]] = {
    "patients": ("patient",),
    "studies": ("study",),
    "series": ("unit",),
    "instances": ("unit", "instance", "frame"),
    "labels": ("patient", "study", "label"),
    "splits": ("patient",),
    "features": ("unit", "volume", "roi_instance", "roi_number"),
}
"""The columns that tell the rows of a table apart."""


def describe(table: str, column: str) -> Column:
    """The entry of a column; for one that a site added, its name."""
    known = (TABLES | OPTIONAL).get(table, {}).get(column)
    if known is None and table in OPTIONAL:
        return Column(column, "float64", "", "radiomic feature under its IBSI tag; features.json defines it")
    return known or Column(column, "string", "", f"{column.replace('_', ' ')}, as the site gave it")
