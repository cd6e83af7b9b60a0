"""One instance's header to its slices: geometry, and what tells one volume of a series from another.

Classic images give one slice, enhanced multi-frame ones a slice for each frame (PS3.3 C.7.6.16), mosaics one for each
tile (mosaic.py). Slices hold no pixels and no text of the header that could name a patient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pydicom import Dataset

from tasks.core.errors import SkipUnit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.frames import FrameFinder, Layers, first_item, first_number, first_numbers, first_text
from tasks.transform.headers import integer, items, numbers, read, text, texts, uid
from tasks.transform.modality import name_unit
from tasks.transform.objects import IMAGE, find_kind
from tasks.transform.pixels import MONOCHROME, PixelHeader, check_limits, read_pixel_header
from tasks.transform.series import Plane
from tasks.transform.volumes.mosaic import cut_mosaic, is_mosaic
from tasks.transform.volumes.nuclear import is_nuclear, place_frames
from tasks.transform.volumes.sources import Place
from tasks.transform.volumes.suv import BODY_WEIGHT, find_suv_factor

_WHERE = frozenset({0x00200032, 0x00200037, 0x00201041, 0x00209056, 0x00209057, 0x00209228, 0x00209301})
"""Dimensions that say where a frame is: its position, orientation, stack and place in the stack, and its number."""


@dataclass(frozen=True, slots=True, repr=False)
class Values:
    """What stored values mean: `low` to `high` can be stored, and are rescaled. `exact` where no fraction can arise."""

    unit: str
    slope: float
    intercept: float
    low: float
    high: float
    exact: bool


@dataclass(frozen=True, slots=True, repr=False)
class Slice:
    """One plane of pixels: `plane.frame` counts from 1, `tile` is the place in a mosaic from 0, else None.

    `spacing` is (between rows, between columns) in mm. A mosaic whose tiles cannot be told apart is one slice that is
    `unread`. `suv`, where SUV is asked for, is what rescaled values are multiplied by, 0 where that is not known. The
    last fields are those that tell volumes apart; None is what the header doesn't say.
    """

    place: Place
    plane: Plane
    series: str
    modality: str
    rows: int
    columns: int
    spacing: tuple[float, float] | None
    frame_of_reference: str | None
    colour: bool
    localizer: bool
    values: Values
    thickness: float | None
    header_spacing: float | None
    header_tilt: float | None
    tile: int | None = None
    unread: bool = False
    syntax: str = ""
    suv: float | None = None
    projection: bool = False
    repetition: float | None = None
    image_type: str | None = None
    acquisition: float | None = None
    temporal: float | None = None
    b_value: float | None = None
    direction: tuple[float, ...] | None = None
    dimension: tuple[float, ...] | None = None
    temporal_count: int | None = None
    echo: float | None = None
    phase: float | None = None
    time: str | None = None


def read_slices(ds: Dataset, place: Place, settings: TransformSettings) -> list[Slice]:
    """The slices of one instance; raises `UnitError` where it is no image or its pixels cannot be used."""
    if find_kind(ds) != IMAGE:
        raise SkipUnit(Reason.NOT_AN_IMAGE)
    header = read_pixel_header(ds)
    check_limits(header, settings.max_pixels)
    return describe_slices(ds, header, place, settings)


def describe_slices(ds: Dataset, header: PixelHeader, place: Place, settings: TransformSettings) -> list[Slice]:
    """As `read_slices`, where the pixel header has been read and checked already."""
    finder, kept = FrameFinder(ds), _dimensions(ds)
    slices = [_slice(ds, header, finder.layers(frame), frame, place, kept) for frame in range(header.frames)]
    if is_nuclear(ds):
        slices = place_frames(ds, slices)
    if settings.volumes.suv and slices[0].modality == "PT":
        slices = _to_suv(slices, find_suv_factor(ds))
    return cut_mosaic(ds, slices[0]) if is_mosaic(slices[0]) else slices


def _to_suv(slices: list[Slice], factor: float | None) -> list[Slice]:
    """The slices with their factor; their unit stays what it is where there is none."""
    if not factor:
        return [replace(one, suv=0.0) for one in slices]
    return [replace(one, suv=factor, values=replace(one.values, unit=BODY_WEIGHT, exact=False)) for one in slices]


def _dimensions(ds: Dataset) -> list[int]:
    """Which of DimensionIndexValues say more than where a frame lies (PS3.3 C.7.6.17)."""
    pointers = [read(one, "DimensionIndexPointer") for one in items(ds, "DimensionIndexSequence")]
    return [index for index, pointer in enumerate(pointers) if pointer not in _WHERE]


def _slice(ds: Dataset, header: PixelHeader, layers: Layers, frame: int, place: Place, dimensions: list[int]) -> Slice:
    spacing = first_numbers(layers, "PixelSpacing", 2)
    kind = _image_type(layers)
    diffusion = first_item(layers, "DiffusionGradientDirectionSequence")
    indices = next((found for layer in layers if (found := numbers(layer, "DimensionIndexValues"))), ())
    return Slice(
        place=place,
        plane=Plane(
            sop=uid(ds, "SOPInstanceUID") or "",
            frame=frame + 1,
            instance_number=integer(ds, "InstanceNumber"),
            orientation=first_numbers(layers, "ImageOrientationPatient", 6),
            origin=first_numbers(layers, "ImagePositionPatient", 3),
        ),
        series=uid(ds, "SeriesInstanceUID") or "",
        modality=_code(text(ds, "Modality")) or "OT",
        rows=header.rows,
        columns=header.columns,
        spacing=(spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
        frame_of_reference=uid(ds, "FrameOfReferenceUID"),
        colour=header.photometric not in MONOCHROME,
        localizer="LOCALIZER" in (kind or "").split("\\"),
        values=_values(header, layers, _code(text(ds, "Modality")) or "OT"),
        thickness=first_number(layers, "SliceThickness"),
        header_spacing=first_number(layers, "SpacingBetweenSlices"),
        header_tilt=first_number(layers, "GantryDetectorTilt"),
        syntax=header.transfer_syntax,
        repetition=_repetition(layers),
        image_type=kind,
        acquisition=_first(first_number(layers, "AcquisitionNumber"), first_number(layers, "FrameAcquisitionNumber")),
        temporal=_first(
            first_number(layers, "TemporalPositionIdentifier"), first_number(layers, "TemporalPositionIndex")
        ),
        b_value=first_number(layers, "DiffusionBValue"),
        direction=first_numbers((diffusion,), "DiffusionGradientOrientation", 3)
        if diffusion is not None
        else first_numbers(layers, "DiffusionGradientOrientation", 3),
        dimension=tuple(indices[index] for index in dimensions if index < len(indices)) or None,
        temporal_count=integer(ds, "NumberOfTemporalPositions"),
        echo=_first(first_number(layers, "EffectiveEchoTime"), first_number(layers, "EchoTime")),
        phase=_first(
            first_number(layers, "NominalCardiacTriggerDelayTime"),
            first_number(layers, "TriggerTime"),
            first_number(layers, "NominalPercentageOfCardiacPhase"),
            first_number(layers, "FrameReferenceTime"),
        ),
        time=_code(
            first_text(layers, "FrameAcquisitionDateTime")
            or first_text(layers, "AcquisitionDateTime")
            or first_text(layers, "AcquisitionTime")
        ),
    )


def _values(header: PixelHeader, layers: Layers, modality: str) -> Values:
    slope, intercept = first_number(layers, "RescaleSlope") or 1.0, first_number(layers, "RescaleIntercept") or 0.0
    unit = name_unit(layers, modality)
    if header.is_float or first_item(layers, "ModalityLUTSequence") is not None:
        return Values(unit, slope, intercept, -math.inf, math.inf, exact=False)
    low, high = header.stored_range
    ends = (low * slope + intercept, high * slope + intercept)
    return Values(
        unit, slope, intercept, min(ends), max(ends), exact=slope == int(slope) and intercept == int(intercept)
    )


def _repetition(layers: Layers) -> float | None:
    """Milliseconds from volume to volume where the header says so: TemporalResolution, and of echo-planar MR TR."""
    told = first_number(layers, "TemporalResolution")
    kinds = next((found for layer in layers if (found := read(layer, "ScanningSequence"))), ())
    if told is None and "EP" in ([kinds] if isinstance(kinds, str) else list(kinds)):
        told = first_number(layers, "RepetitionTime")
    return told if told and told > 0 else None


def _image_type(layers: Layers) -> str | None:
    """FrameType or ImageType, its parts joined as DICOM does."""
    for keyword in ("FrameType", "ImageType"):
        for layer in layers:
            parts = texts(layer, keyword)
            if parts:
                return "\\".join(parts)
    return None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _code(value: str | None) -> str | None:
    return value[:26] if value else None
