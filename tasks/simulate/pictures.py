"""CR, DX and US images as DICOM: pixel modules (PS3.3 C.8.1, C.8.5.5 to C.8.5.8, C.8.11), some with burned-in text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from tasks.simulate.anatomy import Anatomy
from tasks.simulate.headers import code
from tasks.simulate.lettering import overlay_lines, text_mask
from tasks.simulate.plan import Series, Study, uid_of
from tasks.simulate.projections import draw_radiograph
from tasks.simulate.ultrasound import DEPTH_CM, Bytes, draw_sector, sector_box, tint
from tasks.simulate.volumes import number, put_pixels

_FRAMES = 5


def make_pictures(
    header: Dataset, study: Study, series: Series, anatomy: Anatomy, rng: np.random.Generator, seed: int
) -> Iterator[Dataset]:
    """The instances of a CR, DX or US series, without file meta, in order of InstanceNumber."""
    for index in range(series.images):
        ds = Dataset()
        ds.update(header)
        ds.SOPInstanceUID = uid_of(seed, "instance", study.patient.index, study.number, series.number, index)
        ds.InstanceNumber = index + 1
        with_text = index in series.text
        if series.modality != "US":
            annotation: str | None = series.burned_in if with_text else "NO"
            _store_radiograph(ds, study, series, anatomy, rng, with_text)
        else:
            annotation = series.burned_in if with_text else "NO"
            _store_echo(ds, study, series, anatomy, rng, index, with_text)
        if annotation:
            ds.BurnedInAnnotation = annotation
        yield ds


def _store_radiograph(
    ds: Dataset, study: Study, series: Series, anatomy: Anatomy, rng: np.random.Generator, with_text: bool
) -> None:
    inverse = study.patient.index % 8 in (4, 5, 6)
    image = draw_radiograph(anatomy, rng, series.size)
    if with_text:
        image = np.maximum(image, text_mask(image.shape, overlay_lines(study), height=13))
    stored = np.rint(image * 4095).astype(np.uint16)
    put_pixels(ds, 4095 - stored if inverse else stored, "MONOCHROME1" if inverse else "MONOCHROME2")
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.PatientOrientation = ["L", "F"]
    ds.ViewPosition = "PA"
    ds.ImagerPixelSpacing = [number(400 / series.size)] * 2
    ds.KVP = "110"
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    if series.modality == "CR":
        ds.SOPClassUID = ComputedRadiographyImageStorage
        ds.CassetteOrientation = "PORTRAIT"
        return
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.ImageLaterality = "U"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.LossyImageCompression = "00"
    ds.DetectorType = "SCINTILLATOR"
    ds.AnatomicRegionSequence = Sequence([code("51185008", "SCT", "Chest")])
    ds.ViewCodeSequence = Sequence([code("272479007", "SCT", "postero-anterior")])
    ds.AcquisitionContextSequence = Sequence([])


def _store_echo(
    ds: Dataset, study: Study, series: Series, anatomy: Anatomy, rng: np.random.Generator, index: int, with_text: bool
) -> None:
    rows, columns = series.size, series.size * 4 // 3
    place = study.patient.index % 8
    film = place == 3 and index == series.images - 1
    beats = [frame / _FRAMES for frame in range(_FRAMES)] if film else [index / series.images]
    letters = (
        text_mask((rows, columns), overlay_lines(study)[:2]) if with_text else np.zeros((rows, columns), np.float32)
    )
    frames = [np.maximum(draw_sector(anatomy, rng, rows, columns, beat), np.rint(letters * 255)) for beat in beats]
    grey: Bytes = np.stack(frames).astype(np.uint8)
    if place == 3:
        _set_picture(ds, grey if film else grey[0], "MONOCHROME2")
    else:
        colour = tint(grey[0], beats[0])
        if place == 5:
            _set_picture(ds, convert_color_space(colour, "RGB", "YBR_FULL"), "YBR_FULL")
        else:
            _set_picture(ds, colour, "RGB")
    ds.SOPClassUID = UltrasoundMultiFrameImageStorage if film else UltrasoundImageStorage
    if film:
        ds.FrameTime = "40"
        ds.FrameIncrementPointer = 0x00181063
    ds.ImageType = ["ORIGINAL", "PRIMARY", "", "0011"]
    ds.PatientOrientation = ""
    ds.TransducerType = "SECTOR_PHASED"
    x0, y0, x1, y1 = sector_box(rows, columns)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = x0, y0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = x1, y1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = round(DEPTH_CM / (y1 - y0), 6)
    ds.SequenceOfUltrasoundRegions = Sequence([region])


def _set_picture(ds: Dataset, image: Bytes, photometric: str) -> None:
    ds.set_pixel_data(image, photometric, 8, generate_instance_uid=False)
