"""Objects that refer to a CT series: contours of the heart (RTSTRUCT, PS3.3 A.19) and its mask (SEG, PS3.3 A.51)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pack_bits
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, SegmentationStorage

from tasks.simulate.anatomy import Anatomy
from tasks.simulate.headers import code, series_header
from tasks.simulate.phantoms import Canvas
from tasks.simulate.plan import Series, Study, uid_of
from tasks.simulate.volumes import Geometry, number

_HEART = ("80891009", "SCT", "Heart")
_TISSUE = ("85756007", "SCT", "Tissue")


def object_series(study: Study, images: Series, modality: str, seed: int) -> Series:
    """The series of an object of `modality` that refers to `images`."""
    folder = images.folder.rsplit("/", 1)[0]
    return replace(
        images,
        uid=uid_of(seed, modality, study.patient.index, study.number),
        number=100 + images.number,
        modality=modality,
        description=f"Heart {study.patient.name.family}",
        encoding=ExplicitVRLittleEndian,
        images=1,
        folder=f"{folder}/{modality}_1",
        suffix=".dcm",
    )


def make_structure_set(
    study: Study, series: Series, anatomy: Anatomy, geometry: Geometry, sources: list[Dataset], seed: int
) -> Dataset:
    """An RTSTRUCT with the outline of the heart in each of `sources` that shows it (mm, CLOSED_PLANAR)."""
    ds = _start(study, series, RTStructureSetStorage, seed)
    ds.StructureSetLabel = "HEART"
    ds.StructureSetName = f"Plan of {study.patient.name.spoken}"
    ds.StructureSetDate, ds.StructureSetTime = f"{study.day:%Y%m%d}", study.clock
    ds.ApprovalStatus = "APPROVED"
    ds.ReviewerName, ds.ReviewDate, ds.ReviewTime = study.reader.pn, f"{study.day:%Y%m%d}", study.clock
    used = Dataset()
    used.SeriesInstanceUID = sources[0].SeriesInstanceUID
    used.ContourImageSequence = Sequence([_refer(source) for source in sources])
    of_study = Dataset()
    of_study.ReferencedSOPClassUID, of_study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", study.uid
    of_study.RTReferencedSeriesSequence = Sequence([used])
    frame = Dataset()
    frame.FrameOfReferenceUID = study.frame_of_reference
    frame.RTReferencedStudySequence = Sequence([of_study])
    ds.ReferencedFrameOfReferenceSequence = Sequence([frame])
    roi = Dataset()
    roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = 1, "Heart", "MANUAL"
    roi.ROIDescription = f"drawn by {study.operator.spoken}"
    roi.ReferencedFrameOfReferenceUID = study.frame_of_reference
    ds.StructureSetROISequence = Sequence([roi])
    drawn = Dataset()
    drawn.ROIDisplayColor = [220, 40, 40]
    drawn.ReferencedROINumber = 1
    drawn.ContourSequence = Sequence([])
    for index, source in enumerate(sources):
        shape = anatomy.heart.cut(geometry.heights[index])
        if shape is None:
            continue
        contour = Dataset()
        contour.ContourImageSequence = Sequence([_refer(source)])
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.ContourData = geometry.to_patient(shape, index)
        contour.NumberOfContourPoints = len(contour.ContourData) // 3
        contour.ContourNumber = len(drawn.ContourSequence) + 1
        drawn.ContourSequence.append(contour)
    ds.ROIContourSequence = Sequence([drawn])
    seen = Dataset()
    seen.ObservationNumber = seen.ReferencedROINumber = 1
    seen.RTROIInterpretedType, seen.ROIInterpreter = "ORGAN", study.reader.pn
    ds.RTROIObservationsSequence = Sequence([seen])
    return ds


def make_segmentation(
    study: Study, series: Series, anatomy: Anatomy, geometry: Geometry, sources: list[Dataset], seed: int
) -> Dataset:
    """A binary SEG of the heart with one frame for each of `sources` that shows it."""
    ds = _start(study, series, SegmentationStorage, seed)
    frames = [(index, mask) for index in range(len(sources)) if (mask := heart_mask(anatomy, geometry, index)).any()]
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.SegmentationType, ds.LossyImageCompression = "BINARY", "00"
    ds.ContentLabel, ds.ContentDescription = "HEART", f"heart of {study.patient.name.spoken}"
    ds.ContentCreatorName = study.operator.pn
    ds.FrameOfReferenceUID = study.frame_of_reference
    ds.PositionReferenceIndicator = ""
    ds.PatientPosition = "HFS"
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.Rows = ds.Columns = geometry.size
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    ds.NumberOfFrames = len(frames)
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Heart", "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = Sequence([code(*_TISSUE)])
    segment.SegmentedPropertyTypeCodeSequence = Sequence([code(*_HEART)])
    ds.SegmentSequence = Sequence([segment])
    referenced = Dataset()
    referenced.SeriesInstanceUID = sources[0].SeriesInstanceUID
    referenced.ReferencedInstanceSequence = Sequence([_refer(source) for source in sources])
    ds.ReferencedSeriesSequence = Sequence([referenced])
    _add_dimensions(ds, study, series, seed)
    measures, plane = Dataset(), Dataset()
    measures.PixelSpacing = [number(geometry.step)] * 2
    measures.SliceThickness = measures.SpacingBetweenSlices = number(geometry.gap)
    plane.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([plane])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [
            _frame_groups(order, sources[index], geometry.position(index))
            for order, (index, _) in enumerate(frames, start=1)
        ]
    )
    ds.PixelData = pack_bits(np.stack([mask for _, mask in frames]).ravel())
    ds["PixelData"].VR = "OB"
    return ds


def heart_mask(anatomy: Anatomy, geometry: Geometry, index: int) -> np.typing.NDArray[np.uint8]:
    """(size, size): 1 where the centre of a pixel of slice `index` lies in the heart."""
    canvas = Canvas(geometry.size, geometry.field, 0.0)
    canvas.paint(anatomy.heart.cut(geometry.heights[index]), 1.0)
    return (canvas.image >= 0.5).astype(np.uint8)


def _start(study: Study, series: Series, sop_class: str, seed: int) -> Dataset:
    ds = Dataset()
    ds.update(series_header(study, series))
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid_of(seed, series.modality, "instance", study.patient.index, study.number)
    ds.InstanceNumber = 1
    return ds


def _refer(source: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return item


def _add_dimensions(ds: Dataset, study: Study, series: Series, seed: int) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = uid_of(
        seed, series.modality, "dimension", study.patient.index, study.number
    )
    ds.DimensionOrganizationSequence = Sequence([organization])
    pointers = ((0x0062000B, 0x0062000A, "ReferencedSegmentNumber"), (0x00200032, 0x00209113, "ImagePositionPatient"))
    ds.DimensionIndexSequence = Sequence([])
    for pointer, group, label in pointers:
        index = Dataset()
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer, index.FunctionalGroupPointer = pointer, group
        index.DimensionDescriptionLabel = label
        ds.DimensionIndexSequence.append(index)


def _frame_groups(order: int, source: Dataset, position: list[str]) -> Dataset:
    content, place, derivation, segment = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [1, order]
    segment.ReferencedSegmentNumber = 1
    place.ImagePositionPatient = position
    image = _refer(source)
    image.PurposeOfReferenceCodeSequence = Sequence(
        [code("121322", "DCM", "Source image for image processing operation")]
    )
    derivation.SourceImageSequence = Sequence([image])
    derivation.DerivationCodeSequence = Sequence([code("113076", "DCM", "Segmentation")])
    groups = Dataset()
    groups.FrameContentSequence = Sequence([content])
    groups.PlanePositionSequence = Sequence([place])
    groups.SegmentIdentificationSequence = Sequence([segment])
    groups.DerivationImageSequence = Sequence([derivation])
    return groups
