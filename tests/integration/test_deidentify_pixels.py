"""Burned-in text in every encoding, through the whole de-identifier: it is hidden, and nothing else is changed."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings, PixelSettings
from tests.support.identified import Result, deidentify

Array = npt.NDArray[Any]
ROWS, COLUMNS = 160, 256
TEXT, CORNER = "WIECZOREK, H 1941", (24, 60)  # the left end of its base line
REACH = 14  # pixels around the letters that may be masked with them
LOOK = DeidentifySettings(pixels=PixelSettings(look=True))


@dataclass(frozen=True)
class Form:
    """How a picture is stored; `then` is the photometric interpretation after masking, where that changes."""

    syntax: str
    photometric: str = "MONOCHROME2"
    bits: tuple[int, int] = (8, 8)
    then: str = ""
    planar: int = 0

    def __str__(self) -> str:
        return f"{UID(self.syntax).name.split(' (')[0]} {self.photometric} {self.bits[1]}"


FORMS = (
    Form(ExplicitVRLittleEndian),
    Form(ExplicitVRLittleEndian, "MONOCHROME1", (16, 12)),
    Form(ExplicitVRLittleEndian, "RGB"),
    Form(ExplicitVRLittleEndian, "RGB", planar=1),
    Form(ExplicitVRLittleEndian, "YBR_FULL_422"),
    Form(ExplicitVRLittleEndian, "PALETTE COLOR"),
    Form(ImplicitVRLittleEndian, bits=(16, 12)),
    Form(ExplicitVRBigEndian, bits=(16, 12)),
    Form(RLELossless, bits=(16, 12)),
    Form(RLELossless, "RGB"),
    Form(JPEGBaseline8Bit),
    Form(JPEGBaseline8Bit, "YBR_FULL_422", then="YBR_FULL"),
    Form(JPEG2000Lossless, bits=(16, 12)),
    Form(JPEG2000Lossless, "RGB", then="YBR_RCT"),
    Form(JPEGLSLossless, "MONOCHROME1", (16, 12)),
    Form(JPEGLSLossless, "RGB"),
)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_text_is_hidden_and_the_rest_stays(form: Form) -> None:
    before = dataset(form, [picture(text=True)])
    after = cleaned(before)
    old, new = values(before), values(after)
    letters = ink()
    assert one_value(new, letters)
    away = cv2.dilate(letters.astype(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)) == 0
    tolerance = 2 if form.syntax == JPEGBaseline8Bit else 0  # two decoders of one lossy stream
    assert np.abs(new.astype(int) - old.astype(int))[away].max() <= tolerance
    assert after.BurnedInAnnotation == "NO"
    assert after.PhotometricInterpretation == (form.then or form.photometric)
    assert after.get("LossyImageCompression") == ("01" if form.syntax == JPEGBaseline8Bit else None)
    if form.syntax != JPEGBaseline8Bit:
        assert after.file_meta.TransferSyntaxUID == form.syntax


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_pictures_without_text_keep_their_pixels(form: Form) -> None:
    before = dataset(form, [picture(text=False)])
    after = cleaned(before)
    assert after.file_meta.TransferSyntaxUID == form.syntax
    assert after.PhotometricInterpretation == form.photometric
    if form.syntax == JPEG2000Lossless:  # its comments go
        assert np.array_equal(values(after), values(before))
    else:
        assert after.PixelData == before.PixelData
    assert after.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("form", [FORMS[0], FORMS[9], FORMS[14]], ids=str)
def test_text_of_one_frame_is_hidden(form: Form) -> None:
    frames = [picture(text=number == 1, seed=number) for number in range(3)]
    before = dataset(form, frames)
    after = cleaned(before)
    old, new = values(before), values(after)
    assert new.shape == old.shape
    letters = ink()
    assert one_value(new[1], letters)
    away = cv2.dilate(letters.astype(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)) == 0
    assert np.array_equal(new[:, away], old[:, away])


@pytest.mark.parametrize("speckled", [False, True], ids=["noise", "speckle"])
@pytest.mark.parametrize(("count", "told"), [(12, 6), (40, 29)])
def test_text_of_one_frame_of_many_is_hidden(*, speckled: bool, count: int, told: int) -> None:
    frames = [moving(number, speckled=speckled) for number in range(count)]
    letters = ink()
    frames[told][letters] = 230
    before = dataset(FORMS[0], frames)
    after = cleaned(before)
    old, new = values(before), values(after)
    assert one_value(new[told], letters)
    away = cv2.dilate(letters.astype(np.uint8), np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)) == 0
    assert np.array_equal(new[:, away], old[:, away])


def test_what_is_nothing_but_noise_is_refused_before_it_takes_long() -> None:
    rng = np.random.default_rng(0)
    ds = dataset(FORMS[0], [rng.integers(0, 256, (1800, 1800), np.uint8)])
    assert outcome(ds).reason is Reason.BURNED_IN_RISK


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("corner", [(0, 0), (90, 100)])
def test_text_written_upwards_or_downwards_is_hidden(turns: int, corner: tuple[int, int]) -> None:
    grey = picture(text=False, rows=COLUMNS, columns=COLUMNS)
    letters = ink()
    rows, columns = np.nonzero(letters)
    turned = np.rot90(letters[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], turns)
    whole = np.zeros(grey.shape, bool)
    top, left = min(corner[0], COLUMNS - turned.shape[0]), corner[1]
    whole[top : top + turned.shape[0], left : left + turned.shape[1]] = turned
    grey[whole] = 230
    new = values(cleaned(dataset(FORMS[0], [grey])))
    assert one_value(new, whole)


def picture(*, text: bool, seed: int = 0, rows: int = ROWS, columns: int = COLUMNS) -> Array:
    """A smooth picture with noise and a disc, 30 to 140, with or without letters of 230."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    grey = 40 + 50 * x / columns + 40 * (np.hypot(y - rows * 0.7, x - columns * 0.6) < rows / 5)
    grey = np.clip(grey + rng.normal(0, 3, grey.shape), 30, 140).astype(np.uint8)
    if text:
        grey[ink()] = 230
    return grey


def moving(number: int, *, speckled: bool) -> Array:
    """One frame of several, of which no two are alike: 0 to 140."""
    rng = np.random.default_rng(number)
    if not speckled:
        return np.clip(rng.normal(70, 14, (ROWS, COLUMNS)), 0, 140).astype(np.uint8)
    grey = cv2.GaussianBlur(rng.rayleigh(50, (ROWS, COLUMNS)), (0, 0), 1)
    grey[:, : COLUMNS // 2] *= 0.6
    return np.asarray(np.clip(grey, 0, 140), np.uint8)


def ink() -> npt.NDArray[np.bool_]:
    """Where the letters are: 11 pixels high."""
    drawn = np.zeros((ROWS, COLUMNS), np.uint8)
    cv2.putText(drawn, TEXT, CORNER, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    return drawn > 0


def one_value(frame: Array, where: npt.NDArray[np.bool_]) -> bool:
    """Whether all pixels of the letters' box, drawn closely, are the same."""
    rows, columns = np.nonzero(where)
    box = frame[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return len(np.unique(box.reshape(-1, box.shape[2] if box.ndim == 3 else 1), axis=0)) == 1


def dataset(form: Form, frames: list[Array]) -> Dataset:
    """A secondary capture with `frames` (grey, 8 bits) in the form's encoding."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID, ds.SOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.7"), UID("1.2.826.0.1.3680043.9.1")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = UID("1.2.826.0.1.3680043.9.2"), UID("1.2.826.0.1.3680043.9.3")
    ds.PatientID, ds.Modality, ds.ConversionType = "MRN-1", "OT", "WSD"
    ds.BitsAllocated, ds.BitsStored = form.bits
    ds.HighBit, ds.PixelRepresentation = form.bits[1] - 1, 0
    ds.Rows, ds.Columns = frames[0].shape
    colour = form.photometric in ("RGB", "YBR_FULL_422")
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 3 if colour else 1, form.photometric
    if colour:
        ds.PlanarConfiguration = form.planar
    if len(frames) > 1:
        ds.SOPClassUID = UID(f"1.2.840.10008.5.1.4.1.1.7.{4 if colour else 2}")
        ds.NumberOfFrames = len(frames)
    if form.photometric == "PALETTE COLOR":
        for channel in ("Red", "Green", "Blue"):
            setattr(ds, f"{channel}PaletteColorLookupTableDescriptor", [256, 0, 8])
            setattr(ds, f"{channel}PaletteColorLookupTableData", bytes(range(256)))
    _fill(ds, form, frames)
    return ds


def _fill(ds: Dataset, form: Form, frames: list[Array]) -> None:
    ds.file_meta.TransferSyntaxUID = UID(form.syntax)
    if form.syntax == JPEGBaseline8Bit:
        ds.PixelData = encapsulate([_jpeg(frame, colour=ds.SamplesPerPixel == 3) for frame in frames])
        ds["PixelData"].VR = "OB"
        ds.LossyImageCompression, ds.LossyImageCompressionMethod = "01", "ISO_10918_1"
        return
    if form.syntax == JPEG2000Lossless:
        ds.PixelData = encapsulate([_jpeg_2000(frame, form) for frame in frames])
        ds["PixelData"].VR = "OB"
        return
    words = b"".join(_native(frame, form) for frame in frames)
    ds.PixelData = words + b"\0" * (len(words) % 2)
    ds["PixelData"].VR = "OW" if form.bits[0] > 8 or form.syntax == ImplicitVRLittleEndian else "OB"
    if UID(form.syntax).is_encapsulated:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(form.syntax, generate_instance_uid=False)
        ds.PhotometricInterpretation = form.photometric


def _native(grey: Array, form: Form) -> bytes:
    if form.photometric == "YBR_FULL_422":
        return np.insert(grey.reshape(-1, 2), [2, 2], 128, axis=1).astype(np.uint8).tobytes()
    if form.photometric == "RGB":
        colours = np.stack([grey, grey, grey], 0 if form.planar else -1)
        return colours.tobytes()
    words = grey.astype(np.uint16) << (form.bits[1] - 8)
    if form.photometric == "MONOCHROME1":
        words = (1 << form.bits[1]) - 1 - words
    kind = "u1" if form.bits[0] == 8 else ">u2" if form.syntax == ExplicitVRBigEndian else "<u2"
    return words.astype(kind).tobytes()


def _jpeg(grey: Array, *, colour: bool) -> bytes:
    stream = BytesIO()
    shown = Image.fromarray(np.stack([grey, grey, grey], -1) if colour else grey)
    shown.save(stream, "JPEG", quality=95, subsampling=1 if colour else -1)
    return stream.getvalue()


def _jpeg_2000(grey: Array, form: Form) -> bytes:
    from openjpeg.utils import encode_buffer

    colour = form.photometric == "RGB"
    return bytes(
        encode_buffer(
            _native(grey, form),
            columns=grey.shape[1],
            rows=grey.shape[0],
            samples_per_pixel=3 if colour else 1,
            bits_stored=form.bits[1],
            is_signed=False,
            photometric_interpretation=1 if colour else 0,
            use_mct=False,
        )
    )


def cleaned(ds: Dataset) -> Dataset:
    """The data set de-identified as a file; fails the test where it is refused."""
    done = outcome(ds)
    assert done.reason is None, done.reason
    return pydicom.dcmread(BytesIO(done.content))


def outcome(ds: Dataset) -> Result:
    """What becomes of the data set as a file."""
    source = BytesIO()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.save_as(source, enforce_file_format=True)
    return deidentify(source.getvalue(), LOOK)


def values(ds: Dataset) -> Array:
    """The stored values, as pydicom decodes them, in their own colour space."""
    return pixel_array(ds, raw=True)
