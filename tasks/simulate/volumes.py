"""CT and MR series as DICOM: geometry, pixel modules (PS3.3 C.7.6.2, C.7.6.3, C.8.2, C.8.3) and stored values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage

from tasks.simulate.anatomy import Anatomy, Ellipse, Floats
from tasks.simulate.phantoms import draw_slice, scan_ct, scan_mr
from tasks.simulate.plan import Series, Study, uid_of

_WINDOWS = (("40", "400"), (["40", "-600"], ["400", "1500"]), ("60", "440"))


@dataclass(frozen=True)
class Geometry:
    """Where the slices lie. `heights` are in the body's axes (mm); `offset` leads from them to DICOM's patient axes."""

    size: int
    field: float
    heights: tuple[float, ...]
    offset: tuple[float, float, float]

    @property
    def step(self) -> float:
        """Pixel spacing in mm."""
        return self.field / self.size

    @property
    def gap(self) -> float:
        """Distance between slices in mm."""
        return abs(self.heights[1] - self.heights[0])

    def position(self, index: int) -> list[str]:
        """ImagePositionPatient of slice `index`."""
        corner = -self.field / 2 + self.step / 2
        return [
            number(corner + self.offset[0]),
            number(corner + self.offset[1]),
            number(self.heights[index] + self.offset[2]),
        ]

    def to_patient(self, shape: Ellipse, index: int, points: int = 40) -> list[str]:
        """ContourData of `shape` in slice `index`: x, y, z of each point."""
        flat = []
        for x, y in shape.outline(points):
            flat += [
                number(x + self.offset[0]),
                number(y + self.offset[1]),
                number(self.heights[index] + self.offset[2]),
            ]
        return flat


def number(value: float) -> str:
    """`value` as a decimal string of at most 16 characters (PS3.5 6.2, DS)."""
    return f"{float(value):.3f}"


def lay_slices(series: Series, anatomy: Anatomy, rng: np.random.Generator) -> Geometry:
    """A stack through the whole heart, from the feet or from the head, somewhere on the table."""
    bottom, top = anatomy.heart.z - 52 + rng.uniform(-3, 3), anatomy.heart.z + 50 + rng.uniform(-3, 3)
    gap = round((top - bottom) / (series.images - 1), 1)
    heights = [bottom + gap * index for index in range(series.images)]
    if rng.integers(2):
        heights.reverse()
    field = float(round(anatomy.body.a * 2 * rng.uniform(1.1, 1.17)))
    offset = (float(rng.integers(-8, 9)), float(rng.integers(-60, -20)), float(rng.integers(-900, -300)))
    return Geometry(series.size, field, tuple(float(height) for height in heights), offset)


def make_slices(
    header: Dataset,
    study: Study,
    series: Series,
    anatomy: Anatomy,
    geometry: Geometry,
    rng: np.random.Generator,
    seed: int,
) -> Iterator[Dataset]:
    """The instances of a CT or MR series, without file meta, in order of InstanceNumber."""
    scan = _Ct(rng) if series.weighting == "CT" else _Mr(rng, series.weighting)
    for index, height in enumerate(geometry.heights):
        ds = Dataset()
        ds.update(header)
        ds.SOPClassUID = scan.sop_class
        ds.SOPInstanceUID = uid_of(seed, "instance", study.patient.index, study.number, series.number, index)
        ds.InstanceNumber = index + 1
        ds.AcquisitionNumber = 1
        ds.FrameOfReferenceUID = study.frame_of_reference
        ds.PositionReferenceIndicator = ""
        ds.PatientPosition = "HFS"
        ds.ImagePositionPatient = geometry.position(index)
        ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        ds.PixelSpacing = [number(geometry.step)] * 2
        ds.SliceThickness = ds.SpacingBetweenSlices = number(geometry.gap)
        ds.SliceLocation = number(height)
        if index == len(geometry.heights) // 2:
            ds.ImageComments = f"key image, {study.patient.name.spoken} {study.day:%Y-%m-%d}"
        clean = draw_slice(anatomy, height, series.weighting, series.size, geometry.field)
        scan.store(ds, clean)
        yield ds


class _Ct:
    sop_class = CTImageStorage

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._noise = float(rng.uniform(9, 20))
        self._window = _WINDOWS[int(rng.integers(3))]

    def store(self, ds: Dataset, clean: Floats) -> None:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.KVP = "120"
        ds.XRayTubeCurrent = "240"
        ds.ExposureTime = "500"
        ds.ConvolutionKernel = "B30f"
        ds.GantryDetectorTilt = "0"
        ds.ContrastBolusAgent = "iodine"
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
        ds.WindowCenter, ds.WindowWidth = self._window
        image = scan_ct(clean, self._rng, self._noise)
        put_pixels(ds, np.clip(np.rint(image + 1024), 0, 4095).astype(np.uint16))


class _Mr:
    sop_class = MRImageStorage

    def __init__(self, rng: np.random.Generator, weighting: str) -> None:
        self._rng, self._t1 = rng, weighting == "T1"
        self._noise = float(rng.uniform(0.02, 0.05))
        self._coil = (float(rng.uniform(-0.12, 0.12)), float(rng.uniform(-0.25, -0.05)))
        self._gain = float(rng.uniform(700, 1900))
        self._field = float(rng.choice([1.5, 3.0]))

    def store(self, ds: Dataset, clean: Floats) -> None:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "SE", "SK", "CG", "2D"
        ds.RepetitionTime, ds.EchoTime = ("700", "12") if self._t1 else ("2600", "85")
        ds.EchoTrainLength = 9
        ds.FlipAngle = "90"
        ds.MagneticFieldStrength = f"{self._field:g}"
        ds.ImagingFrequency = number(42.577 * self._field)
        ds.WindowCenter, ds.WindowWidth = f"{0.5 * self._gain:.0f}", f"{self._gain:.0f}"
        image = scan_mr(clean, self._rng, self._noise, self._coil)
        put_pixels(ds, np.clip(np.rint(image * self._gain), 0, 4095).astype(np.uint16))


def put_pixels(ds: Dataset, stored: np.typing.NDArray[np.uint16], photometric: str = "MONOCHROME2") -> None:
    """Set the image pixel module (PS3.3 C.7.6.3) of a grey image of 12 bits."""
    ds.set_pixel_data(stored, photometric, 12, generate_instance_uid=False)
