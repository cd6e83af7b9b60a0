"""Small series with one flaw each, and the finding that each must get. Stored values tell where a pixel is.

`stack()` is the good series that the others spoil: 12 axial CT slices of 16 x 20 pixels, 2.5 mm apart, 0.8 x 0.7 mm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from tests.support.transform import CT, as_bytes, item, make_image

ROWS, COLUMNS, SLICES = 16, 20, 12
STEP, SPACING = 2.5, [0.8, 0.7]
AXIAL = [1, 0, 0, 0, 1, 0]
CORONAL = [1, 0, 0, 0, 0, -1]
ORIGIN = (-7.0, 5.0, 100.0)

Series = list[Dataset]


def pixels(z: float, rows: int = ROWS, columns: int = COLUMNS) -> Any:
    """100 z + 2 row + column, as stored values."""
    row, column = np.mgrid[:rows, :columns]
    return (100 * z + 2 * row + column).astype(np.int16)


def slice_at(index: float, number: int | None = None, **attributes: Any) -> Dataset:
    """The slice that is `index` steps above the first one; attributes given as None are left out."""
    rows, columns = attributes.pop("shape", (ROWS, COLUMNS))
    number = round(index) + 1 if number is None else number
    values: dict[str, Any] = {
        "SOPInstanceUID": f"2.25.{1000 + number}",
        "SeriesInstanceUID": "2.25.200",
        "FrameOfReferenceUID": "2.25.300",
        "InstanceNumber": number,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ImagePositionPatient": [ORIGIN[0], ORIGIN[1], ORIGIN[2] + STEP * index],
        "ImageOrientationPatient": AXIAL,
        "PixelSpacing": SPACING,
        "SliceThickness": 5,  # not the spacing: slices overlap
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "SOPClassUID": CT,
    } | attributes
    values = {keyword: value for keyword, value in values.items() if value is not None}
    return make_image(pixels(index, rows, columns), **values)


def stack(count: int = SLICES) -> Series:
    """The good series."""
    return [slice_at(index) for index in range(count)]


def missing_slice() -> Series:
    return [one for one in stack() if one.InstanceNumber != 6]


def two_missing_slices() -> Series:
    return [one for one in stack() if one.InstanceNumber not in (5, 9, 10)]


def duplicate_position() -> Series:
    return [*stack(), slice_at(4, 40)]


def gantry_tilt(degrees: float = 15.0) -> Series:
    """The gantry tilted about x: planes lean, the table moves along z."""
    tilt = math.radians(degrees)
    leaning = [1, 0, 0, 0, math.cos(tilt), math.sin(tilt)]
    return [slice_at(index, ImageOrientationPatient=_rounded(leaning)) for index in range(SLICES)]


def sheared() -> Series:
    """Upright planes whose origins move along y."""
    return [
        slice_at(index, ImagePositionPatient=[ORIGIN[0], ORIGIN[1] + 0.4 * index, ORIGIN[2] + STEP * index])
        for index in range(SLICES)
    ]


def wandering_origin() -> Series:
    return [
        slice_at(index, ImagePositionPatient=[ORIGIN[0] + (index % 3), ORIGIN[1], ORIGIN[2] + STEP * index])
        for index in range(SLICES)
    ]


def mixed_orientation() -> Series:
    return stack() + [
        slice_at(index, 30 + index, ImageOrientationPatient=CORONAL, ImagePositionPatient=[-7, 5 + 3 * index, 90])
        for index in range(3)
    ]


def mixed_size() -> Series:
    return stack(6) + [slice_at(index, shape=(24, COLUMNS)) for index in range(6, SLICES)]


def mixed_spacing() -> Series:
    return stack(6) + [slice_at(index, PixelSpacing=[0.9, 0.9]) for index in range(6, SLICES)]


def two_phases() -> Series:
    return stack() + [slice_at(index, 50 + index) for index in range(SLICES)]


def missing_geometry() -> Series:
    return [slice_at(index, ImagePositionPatient=None) for index in range(SLICES)]


def one_without_geometry() -> Series:
    return [slice_at(index, ImagePositionPatient=None if index == 4 else [-7, 5, index]) for index in range(SLICES)]


def missing_orientation() -> Series:
    return [slice_at(index, ImageOrientationPatient=None) for index in range(SLICES)]


def missing_pixel_spacing() -> Series:
    return [slice_at(index, PixelSpacing=None) for index in range(SLICES)]


def localizer() -> Series:
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "ImageOrientationPatient": CORONAL}
    return [*stack(), slice_at(0, 99, shape=(30, 32), **scout)]


def irregular_spacing() -> Series:
    return [slice_at(index + (0.3 if index % 3 == 1 else 0), index + 1) for index in range(SLICES)]


def single_slice() -> Series:
    return stack(1)


def rescale_differs() -> Series:
    return [slice_at(index, RescaleSlope=1 + 0.25 * index) for index in range(SLICES)]


def reversed_order() -> Series:
    return [slice_at(index, SLICES - index) for index in range(SLICES)]


def shuffled_order() -> Series:
    return [slice_at(index, 1 + (5 * index) % SLICES) for index in range(SLICES)]


def long_orientation() -> Series:
    return [slice_at(index, ImageOrientationPatient=[1.1, 0, 0, 0, 1.1, 0]) for index in range(SLICES)]


def skewed_orientation() -> Series:
    return [slice_at(index, ImageOrientationPatient=[1, 0, 0, 0.1, 0.995, 0]) for index in range(SLICES)]


def no_orientation() -> Series:
    return [slice_at(index, ImageOrientationPatient=[0, 0, 0, 0, 0, 0]) for index in range(SLICES)]


def mixed_frame_of_reference() -> Series:
    return stack(6) + [slice_at(index, FrameOfReferenceUID="2.25.301") for index in range(6, SLICES)]


def mixed_units() -> Series:
    return stack(6) + [slice_at(index, RescaleType="OD") for index in range(6, SLICES)]


def uid_collision() -> Series:
    other = slice_at(3)
    other.ImagePositionPatient = [0, 0, 500]
    return [*stack(), other]


def repeated_instance() -> Series:
    return [*stack(), slice_at(3)]


def unusable_instance() -> Series:
    broken = slice_at(5)
    broken.BitsStored = 30
    return [*(one for one in stack() if one.InstanceNumber != 6), broken]


def truncated_pixels() -> Series:
    """Found only when pixels are decoded."""
    broken = slice_at(5)
    broken.PixelData = broken.PixelData[:100]
    return [*(one for one in stack() if one.InstanceNumber != 6), broken]


def colour() -> Series:
    found = []
    for index in range(SLICES):
        rgb = np.zeros((ROWS, COLUMNS, 3), np.uint8)
        one = make_image(rgb, SamplesPerPixel=3, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
        plain = slice_at(index)
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient"):
            setattr(one, keyword, getattr(plain, keyword))
        one.PixelSpacing, one.InstanceNumber = SPACING, index + 1
        found.append(one)
    return found


def incomplete_phase() -> Series:
    return [slice_at(index, 1 + index, TemporalPositionIdentifier=1) for index in range(SLICES)] + [
        slice_at(index, 51 + index, TemporalPositionIdentifier=2) for index in range(SLICES - 1)
    ]


def header_spacing() -> Series:
    return [slice_at(index, SpacingBetweenSlices=5) for index in range(SLICES)]


def header_tilt() -> Series:
    return [slice_at(index, GantryDetectorTilt=12) for index in range(SLICES)]


def mosaic_without_layout() -> Series:
    return [slice_at(0, ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])]


def mosaic(count: int = 5) -> Series:
    """UIH's: `count` tiles of 4 x 6 pixels in rows of three, tile k filled with k, downwards from 100 mm."""
    tiles = np.zeros((8, 18), np.int16)
    for tile in range(min(count, 6)):
        top, left = tile // 3 * 4, tile % 3 * 6
        tiles[top : top + 4, left : left + 6] = tile
    one = slice_at(0, ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"], ImagePositionPatient=None, RescaleIntercept=0)
    one.Rows, one.Columns, one.PixelData = 8, 18, tiles.tobytes()
    block = one.private_block(0x0065, "Image Private Header", create=True)
    positions = [item(ImagePositionPatient=[-7, 5, 100 - STEP * tile]) for tile in range(count)]
    block.add_new(0x51, "SQ", positions)
    block.add_new(0x09, "FD", 800.0)
    return [one]


# Right as they are: told apart by the header, each volume is whole.


def two_acquisitions() -> Series:
    """They overlap in one slice."""
    return [slice_at(index, 1 + index, AcquisitionNumber=1) for index in range(6)] + [
        slice_at(index, 51 + index, AcquisitionNumber=2) for index in range(5, SLICES)
    ]


def by(keyword: str, values: tuple[Any, ...] = (1, 2)) -> Callable[[], Series]:
    """A series of two volumes at the same positions, which `keyword` tells apart."""

    def make() -> Series:
        return [
            slice_at(index, 1 + 50 * which + index, **{keyword: value})
            for which, value in enumerate(values)
            for index in range(SLICES)
        ]

    return make


def trigger_times() -> Series:
    """A cine whose every slice has trigger times of its own."""
    return [
        slice_at(index, 1 + 50 * phase + index, TriggerTime=40 * phase + 0.5 * index)
        for phase in range(3)
        for index in range(SLICES)
    ]


def temporal_count() -> Series:
    """Only NumberOfTemporalPositions says that there are three; they come one after the other."""
    return [
        slice_at(index, 1 + SLICES * phase + index, NumberOfTemporalPositions=3)
        for phase in range(3)
        for index in range(SLICES)
    ]


def interleaved() -> Series:
    """Two acquisitions, the second 1 mm further along."""
    return [slice_at(index, 1 + index, AcquisitionNumber=1) for index in range(SLICES)] + [
        slice_at(index + 0.4, 51 + index, AcquisitionNumber=2) for index in range(SLICES)
    ]


def offset_phases() -> Series:
    """Nothing tells them apart, and they lie 0.11 mm from each other."""
    return [slice_at(index + 0.044 * phase, 1 + 50 * phase + index) for index in range(SLICES) for phase in (0, 1)]


def gap_between_acquisitions() -> Series:
    """The slice between two acquisitions is missing."""
    return [slice_at(index, 1 + index, AcquisitionNumber=1 + (index > 5)) for index in range(SLICES) if index != 5]


def enhanced(phases: int = 2) -> Series:
    """One enhanced multi-frame object: `phases` volumes, told apart by DimensionIndexValues alone."""
    frames, groups = [], []
    for index in range(SLICES):
        for phase in range(phases):
            frames.append(pixels(index) + 1000 * phase)
            groups.append(
                item(
                    PlanePositionSequence=[item(ImagePositionPatient=[-7, 5, 100 + STEP * (SLICES - 1 - index)])],
                    PixelValueTransformationSequence=[item(RescaleSlope=2, RescaleIntercept=index, RescaleType="US")],
                    FrameContentSequence=[item(DimensionIndexValues=[1, index + 1, phase + 1])],
                )
            )
    pointers = (0x00209056, 0x00209057, 0x00209128)
    return [
        make_image(
            np.stack(frames),
            SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
            SOPInstanceUID="2.25.1001",
            InstanceNumber=1,
            DimensionIndexSequence=[item(DimensionIndexPointer=pointer) for pointer in pointers],
            SharedFunctionalGroupsSequence=[
                item(
                    PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)],
                    PixelMeasuresSequence=[item(PixelSpacing=SPACING, SliceThickness=5)],
                )
            ],
            PerFrameFunctionalGroupsSequence=groups,
        )
    ]


def pet(**changes: Any) -> Series:
    """FDG: 370 MBq into 70 kg, scanned an hour later; 18F has a half-life of 6586.2 s. None leaves an attribute out."""
    drug = {
        "RadionuclideTotalDose": 370e6,
        "RadionuclideHalfLife": 6586.2,
        "RadiopharmaceuticalStartTime": "101500",
    } | {name: changes.pop(name) for name in list(changes) if name.startswith("Radi")}
    values: dict[str, Any] = {
        "Modality": "PT",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128",
        "Units": "BQML",
        "CorrectedImage": ["NORM", "ATTN", "DECAY"],
        "DecayCorrection": "START",
        "PatientWeight": 70,
        "SeriesDate": "20200102",
        "SeriesTime": "111500",
        "AcquisitionDate": "20200102",
        "AcquisitionTime": "111500",
        "RescaleIntercept": 0,
        "RescaleSlope": 2.5,
        "RadiopharmaceuticalInformationSequence": [item(**{k: v for k, v in drug.items() if v is not None})],
    } | changes
    return [slice_at(index, **values) for index in range(SLICES)]


def nuclear_projections() -> Series:
    """A SPECT acquisition: views from around the patient, which only a reconstruction makes slices of."""
    views = {
        "Modality": "NM",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.20",
        "SOPInstanceUID": "2.25.1002",
        "ImageType": ["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"],
        "RotationVector": [1] * SLICES,
        "DetectorVector": [1] * SLICES,
        "AngularViewVector": list(range(1, SLICES + 1)),
    }
    return [make_image(np.stack([pixels(index) for index in range(SLICES)]), PixelSpacing=SPACING, **views)]


FLAWED: dict[str, tuple[Callable[[], Series], str]] = {
    "missing slice": (missing_slice, "missing-slice"),
    "projections": (nuclear_projections, "projection"),
    "missing slice between acquisitions": (gap_between_acquisitions, "missing-slice"),
    "phases a tenth of a millimetre apart": (offset_phases, "irregular-spacing"),
    "three missing slices": (two_missing_slices, "missing-slice"),
    "duplicate position": (duplicate_position, "duplicate-position"),
    "gantry tilt": (gantry_tilt, "gantry-tilt"),
    "gantry tilt of half a degree": (lambda: gantry_tilt(0.5), "gantry-tilt"),
    "sheared stack": (sheared, "gantry-tilt"),
    "wandering origin": (wandering_origin, "wandering-origin"),
    "mixed orientation": (mixed_orientation, "mixed-orientation"),
    "mixed size": (mixed_size, "mixed-size"),
    "mixed spacing": (mixed_spacing, "mixed-spacing"),
    "two phases": (two_phases, "two-phases"),
    "missing position": (missing_geometry, "missing-geometry"),
    "one position missing": (one_without_geometry, "missing-geometry"),
    "missing orientation": (missing_orientation, "missing-geometry"),
    "missing pixel spacing": (missing_pixel_spacing, "missing-geometry"),
    "localizer": (localizer, "localizer"),
    "irregular spacing": (irregular_spacing, "irregular-spacing"),
    "single slice": (single_slice, "single-slice"),
    "orientation not of unit length": (long_orientation, "bad-orientation"),
    "orientation not at a right angle": (skewed_orientation, "bad-orientation"),
    "orientation of zeros": (no_orientation, "bad-orientation"),
    "mixed frame of reference": (mixed_frame_of_reference, "mixed-frame-of-reference"),
    "mixed units": (mixed_units, "mixed-units"),
    "uid collision": (uid_collision, "uid-collision"),
    "unusable instance": (unusable_instance, "unusable-instance"),
    "colour": (colour, "colour"),
    "incomplete phase": (incomplete_phase, "incomplete-phase"),
    "mosaic without layout": (mosaic_without_layout, "mosaic"),
}
"""Name → (series, the finding that refuses at least one volume of it)."""

TOLD: dict[str, tuple[Callable[[], Series], str]] = {
    "flipped order": (reversed_order, "reversed-order"),
    "shuffled order": (shuffled_order, "shuffled-order"),
    "rescale by slice": (rescale_differs, "rescale-differs"),
    "header spacing": (header_spacing, "header-spacing"),
    "header tilt": (header_tilt, "header-tilt"),
    "repeated instance": (repeated_instance, "repeated-instance"),
}
"""Name → (series, its finding), where the volume is right all the same."""

SEVERAL: dict[str, tuple[Callable[[], Series], int]] = {
    "acquisition": (two_acquisitions, 2),
    "temporal position": (by("TemporalPositionIdentifier"), 2),
    "b-value": (by("DiffusionBValue", (0.0, 1000.0)), 2),
    "direction": (by("DiffusionGradientOrientation", ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])), 2),
    "echo": (by("EchoTime", (2.3, 4.6)), 2),
    "trigger time": (trigger_times, 3),
    "image type": (by("ImageType", (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"])), 2),
    "acquisition time": (by("AcquisitionTime", ("101500", "101700")), 2),
    "count of temporal positions": (temporal_count, 3),
    "dimension index": (enhanced, 2),
    "interleaved acquisitions": (interleaved, 2),
}
"""What tells the volumes apart → (series, how many volumes, none of them refused)."""


def write_series(place: Path, series: Series) -> Path:
    """The instances as files, in an order that is neither theirs nor that of their positions."""
    place.mkdir(parents=True, exist_ok=True)
    for index, one in enumerate(series):
        (place / f"{(index * 7919) % 10007:05d}.dcm").write_bytes(as_bytes(one))
    return place


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 8) for value in values]
