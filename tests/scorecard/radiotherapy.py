"""Made-up plans, doses, contours and segmentations of a CT series: objects that are worthless when references break."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.scorecard.documents import _code, _document, _reference
from tests.scorecard.images import Form, set_pixels
from tests.scorecard.people import Visit
from tests.scorecard.place import at
from tests.scorecard.rows import Rows, put

STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
ROIS = ("GTV", "PTV", "Heart", "Lung left", "Spinal cord", "Parotid right")


def make_structures(visit: Visit, images: Sequence[Dataset], rng: random.Random, rows: Rows) -> Dataset:
    """Contours on each image; one region carries the patient's name."""
    dataset = _document(images[0], "RTSTRUCT", STRUCTURES, rng)
    rows.gone(put(dataset, visit.person.family[:10], "StructureSetLabel"), visit.person.family[:10])
    dataset.StructureSetDate, dataset.StructureSetTime = f"{visit.day:%Y%m%d}", "130000"
    frame, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ContourImageSequence = [_reference(image) for image in images]
    study.ReferencedSOPClassUID = UID("1.2.840.10008.3.1.2.3.1")
    study.ReferencedSOPInstanceUID, study.RTReferencedSeriesSequence = images[0].StudyInstanceUID, [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = images[0].FrameOfReferenceUID, [study]
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    names = rng.sample(ROIS, 3)
    regions, contours, observations = [], [], []
    for number, name in enumerate([*names, f"PTV {visit.person.family}"], 1):
        region, contour, line, seen = Dataset(), Dataset(), Dataset(), Dataset()
        region.ROINumber, region.ReferencedFrameOfReferenceUID = number, images[0].FrameOfReferenceUID
        region.ROIName, region.ROIGenerationAlgorithm = name, "MANUAL"
        line.ContourImageSequence = [_reference(images[number % len(images)])]
        line.ContourGeometricType, line.NumberOfContourPoints = "CLOSED_PLANAR", 3
        line.ContourData = ["10.5", "20", "0", "30", "20", "0", "20", "40.25", "0"]
        contour.ReferencedROINumber, contour.ROIDisplayColor, contour.ContourSequence = number, [255, 0, 0], [line]
        seen.ObservationNumber, seen.ReferencedROINumber = number, number
        seen.RTROIInterpretedType, seen.ROIInterpreter = "ORGAN", visit.reader
        regions.append(region)
        contours.append(contour)
        observations.append(seen)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = regions, contours
    dataset.RTROIObservationsSequence = observations
    rows.gone(at("StructureSetROISequence", 3, "ROIName"), visit.person.family)
    rows.gone(at("RTROIObservationsSequence", 0, "ROIInterpreter"), visit.reader)
    first = at("ROIContourSequence", 0, "ContourSequence", 0, "ContourImageSequence", 0, "ReferencedSOPInstanceUID")
    rows.add("tag_retained", first, why="reference")
    rows.add("tag_retained", at("StructureSetROISequence", 0, "ReferencedFrameOfReferenceUID"), why="reference")
    shape = at("ROIContourSequence", 0, "ContourSequence", 0, "ContourData")
    rows.add("text_retained", shape, "10.5\\20\\0\\30\\20\\0\\20\\40.25\\0", why="beyond E.1-1")
    if rows.profile == "research":
        for number, name in enumerate(names):
            rows.add("text_retained", at("StructureSetROISequence", number, "ROIName"), name, why="clean")
    return dataset


def make_plan(visit: Visit, structures: Dataset, rng: random.Random, rows: Rows) -> Dataset:
    """A plan that refers to the contours."""
    dataset = _document(structures, "RTPLAN", PLAN, rng)
    dataset.RTPlanLabel, dataset.RTPlanDate, dataset.RTPlanTime = "LUNG 60Gy", f"{visit.day:%Y%m%d}", "140000"
    dataset.RTPlanGeometry, dataset.ApprovalStatus = "PATIENT", "APPROVED"
    dataset.ReviewDate = f"{visit.day:%Y%m%d}"
    dataset.ReferencedStructureSetSequence = [_reference(structures)]
    beam = Dataset()
    beam.BeamNumber, beam.BeamType, beam.RadiationType, beam.TreatmentMachineName = 1, "STATIC", "PHOTON", "LINAC2"
    beam.BeamName = "Field 1"
    dataset.BeamSequence = [beam]
    rows.gone(put(dataset, visit.doctor, "ReviewerName"), visit.doctor)
    rows.gone(put(dataset, f"Plan for {visit.person.family}", "RTPlanName"), visit.person.family)
    rows.gone(put(dataset, visit.aide.split("^")[0], "BeamSequence", 0, "BeamDescription"), visit.aide.split("^")[0])
    reference = at("ReferencedStructureSetSequence", 0, "ReferencedSOPInstanceUID")
    rows.add("tag_retained", reference, why="reference")
    if rows.profile == "research":
        rows.add("text_retained", at("RTPlanLabel"), "LUNG", why="clean")
        rows.add("text_retained", at("BeamSequence", 0, "TreatmentMachineName"), "LINAC2", why="E.1-1")
    return dataset


def make_dose(visit: Visit, plan: Dataset, image: Dataset, rng: random.Random, rows: Rows) -> Dataset:
    """A dose grid that refers to the plan."""
    dataset = _document(plan, "RTDOSE", DOSE, rng)
    dataset.FrameOfReferenceUID = image.FrameOfReferenceUID
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType, dataset.DoseGridScaling = (
        "GY",
        "PHYSICAL",
        "PLAN",
        "2.5e-4",
    )
    dataset.ReferencedRTPlanSequence = [_reference(plan)]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = ["0", "0", "0"], ["1", "0", "0", "0", "1", "0"]
    dataset.PixelSpacing, dataset.GridFrameOffsetVector = ["3", "3"], ["0", "3"]
    dataset.FrameIncrementPointer = 0x3004000C
    values = np.random.default_rng(rng.randint(0, 2**31)).integers(0, 60000, (2, 24, 24)).astype(np.uint16)
    set_pixels(dataset, values, Form(bits=(16, 16)))
    rows.gone(put(dataset, f"computed for {visit.person.name.split('=')[0]}", "DoseComment"), visit.person.family)
    rows.add("tag_retained", at("ReferencedRTPlanSequence", 0, "ReferencedSOPInstanceUID"), why="reference")
    rows.add("text_retained", at("DoseGridScaling"), "2.5e-4", why="beyond E.1-1")
    return dataset


def make_segmentation(visit: Visit, images: Sequence[Dataset], rng: random.Random, rows: Rows) -> Dataset:
    """A binary segmentation of the series with one segment, a frame an image."""
    dataset = _document(images[0], "SEG", SEGMENTATION, rng)
    dataset.ImageType, dataset.FrameOfReferenceUID = ["DERIVED", "PRIMARY"], images[0].FrameOfReferenceUID
    dataset.ContentLabel, dataset.SegmentationType = "LESION", "BINARY"
    dataset.LossyImageCompression = "00"
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Liver lesion", "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = [_code("49755003", "SCT", "Morphologically abnormal structure")]
    segment.SegmentedPropertyTypeCodeSequence = [_code("52988006", "SCT", "Lesion")]
    dataset.SegmentSequence = [segment]
    series, groups = Dataset(), []
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedInstanceSequence = [_reference(image) for image in images]
    dataset.ReferencedSeriesSequence = [series]
    for image in images:
        group, derivation, source, number = Dataset(), Dataset(), _reference(image), Dataset()
        derivation.SourceImageSequence = [source]
        number.ReferencedSegmentNumber = 1
        group.DerivationImageSequence, group.SegmentIdentificationSequence = [derivation], [number]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    rows.gone(put(dataset, visit.reader, "ContentCreatorName"), visit.reader)
    _binary_pixels(dataset, len(images), rng)
    rows.add("text_retained", at("SegmentSequence", 0, "SegmentLabel"), "Liver lesion", why="beyond E.1-1")
    rows.add("tag_retained", at("ReferencedSeriesSequence", 0, "SeriesInstanceUID"), why="reference")
    if rows.profile == "research":
        path = ("PerFrameFunctionalGroupsSequence", 0, "DerivationImageSequence", 0, "SourceImageSequence", 0)
        rows.add("tag_retained", at(*path, "ReferencedSOPInstanceUID"), why="reference")
    return dataset


def _binary_pixels(dataset: Dataset, frames: int, rng: random.Random) -> None:
    masks = np.zeros((frames, 32, 32), np.uint8)
    for mask in masks:
        row, column = rng.randint(2, 16), rng.randint(2, 16)
        mask[row : row + 12, column : column + 9] = 1
    set_pixels(dataset, masks, Form())
    dataset.PixelData = np.packbits(masks.ravel(), bitorder="little").tobytes()
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    dataset.NumberOfFrames = frames
