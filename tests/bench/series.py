"""The files that are timed: a made-up CT series with a header like a scanner's, and real ones where the corpus is near.

Each file has 0.53 MB: 512 x 512 pixels of 16 bits, about 120 elements at the top, sequences and private elements.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.3.6.1.4.1.9999.77"
SIZE = 512


def make_series(folder: Path, count: int) -> list[Path]:
    """Write a CT series of `count` images of one patient; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(1, count + 1):
        path = folder / f"IM{number:05d}.dcm"
        make_image(number, count).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def make_image(number: int, count: int) -> Dataset:
    """Image `number` of a series of `count`."""
    ds = Dataset()
    _name(ds, number)
    _acquisition(ds, number, count)
    _private(ds, number)
    _pixels(ds, number)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = UID(f"{ROOT}.9")
    ds.file_meta.SourceApplicationEntityTitle = "CT01HOSPITAL"
    return ds


def _name(ds: Dataset, number: int) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceCreationDate, ds.InstanceCreationTime = "20210304", "101512"
    ds.SOPClassUID, ds.SOPInstanceUID = UID(CT), UID(f"{ROOT}.3.{number}")
    for what in ("Study", "Series", "Acquisition", "Content"):
        setattr(ds, f"{what}Date", "20210304")
        setattr(ds, f"{what}Time", f"1015{number % 60:02d}.250000")
    ds.AcquisitionDateTime = f"20210304101512.{number:06d}"
    ds.AccessionNumber, ds.StudyID = "RIS0081723", "81723"
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "CT", "GE MEDICAL SYSTEMS", "Revolution CT"
    ds.InstitutionName, ds.InstitutionAddress = "Northgate Infirmary", "12 Quay Street, Northgate"
    ds.InstitutionalDepartmentName, ds.StationName = "Radiology", "CTNG02"
    ds.ReferringPhysicianName, ds.PerformingPhysicianName = "Okonkwo^Adaeze", "Lindqvist^Tor"
    ds.NameOfPhysiciansReadingStudy, ds.OperatorsName = "Marchetti^Ilaria", "Pruitt^Dale"
    ds.StudyDescription, ds.SeriesDescription = "CT THORAX ABDOMEN W CONTRAST", "AX 1.25 LUNG"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Wieczorek^Halina^M", "MRN0044871", "19411102"
    ds.IssuerOfPatientID, ds.OtherPatientIDs = "NORTHGATE", "H-99182"
    ds.PatientSex, ds.PatientAge, ds.PatientSize, ds.PatientWeight = "F", "079Y", "1.62", "64"
    ds.PatientAddress, ds.PatientTelephoneNumbers = "7 Larch Close, Northgate", "+44 7700 900123"
    ds.EthnicGroup, ds.AdditionalPatientHistory = "A", "Follow-up of a nodule"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = UID(f"{ROOT}.1"), UID(f"{ROOT}.2")
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = UID(f"{ROOT}.4"), "SN"
    ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = "3", "1", str(number)
    ds.RequestedProcedureDescription, ds.RequestedProcedureID = "CT THORAX ABDOMEN", "RP81723"
    ds.PerformedProcedureStepStartDate, ds.PerformedProcedureStepStartTime = "20210304", "100901"
    ds.PerformedProcedureStepID, ds.PerformedProcedureStepDescription = "PPS81723", "CT THORAX ABDOMEN"
    ds.ProcedureCodeSequence = Sequence([_code("41806-1", "LN", "CT Abdomen")])
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    ds.ReferencedStudySequence = Sequence([_reference("1.2.840.10008.3.1.2.3.1", f"{ROOT}.1")])
    ds.ReferencedImageSequence = Sequence([_reference(CT, f"{ROOT}.8.{view}") for view in (1, 2)])
    ds.ReferencedPerformedProcedureStepSequence = Sequence([_reference("1.2.840.10008.3.1.2.3.3", f"{ROOT}.6")])
    step = Dataset()
    step.RequestedProcedureDescription, step.RequestedProcedureID = "CT THORAX ABDOMEN", "RP81723"
    step.ScheduledProcedureStepDescription, step.ScheduledProcedureStepID = "CT THORAX", "SPS81723"
    step.RequestedProcedureCodeSequence = Sequence([_code("41806-1", "LN", "CT Abdomen")])
    ds.RequestAttributesSequence = Sequence([step])


def _acquisition(ds: Dataset, number: int, count: int) -> None:
    place = -200.0 + 400.0 * number / count
    ds.BodyPartExamined, ds.ScanOptions, ds.ProtocolName = "CHEST", "HELICAL MODE", "5.1 Chest Routine"
    ds.SliceThickness, ds.KVP, ds.SpacingBetweenSlices = "1.25", "120", "1.25"
    ds.DataCollectionDiameter, ds.ReconstructionDiameter = "500", "360"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "CT0099121", "revo_ct_22bc.50"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "1097.6", "625.6"
    ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = "0", "151.3", "CW"
    ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure, ds.GeneratorPower = "350", str(180 + number % 40), "63", "24000"
    ds.FilterType, ds.FocalSpots, ds.ConvolutionKernel, ds.PatientPosition = "BODY FILTER", "1.2", "LUNG", "FFS"
    ds.RevolutionTime, ds.SingleCollimationWidth, ds.TotalCollimationWidth = 0.35, 0.625, 40.0
    ds.TableSpeed, ds.TableFeedPerRotation, ds.SpiralPitchFactor, ds.CTDIvol = 112.5, 39.375, 0.984375, 7.31
    ds.ContrastBolusAgent, ds.ContrastBolusRoute = "OMNIPAQUE 350", "IV"
    ds.ContrastBolusVolume, ds.ContrastFlowRate = "90", "3"
    ds.ImagePositionPatient = ["-180", "-180", f"{place:.3f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceLocation, ds.TemporalPositionIdentifier = f"{place:.3f}", "1"
    ds.ImageComments = "Lung window, breath hold"
    ds.PerformedStationAETitle, ds.StationAETitle = "CTNG02", "CTNG02"
    ds.DerivationDescription, ds.CurrentPatientLocation = "Reconstructed 1.25", "WARD 7"
    ds.RequestingPhysician, ds.RequestingService = "Okonkwo^Adaeze", "Respiratory"
    ds.IrradiationEventUID, ds.StudyPriorityID = UID(f"{ROOT}.7"), "MED"


def _private(ds: Dataset, number: int) -> None:
    iden = ds.private_block(0x0009, "GEMS_IDEN_01", create=True)
    iden.add_new(0x01, "LO", "CT_LIGHTSPEED")
    iden.add_new(0x02, "SH", "CTNG")
    iden.add_new(0x04, "SH", "Revolution CT")
    iden.add_new(0x27, "SL", 1614852912)
    acquisition = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for offset, value in enumerate(("-180.0", "1095.8", "0.35", "984", "16", "1", "0", f"{number}.5")):
        acquisition.add_new(0x20 + offset, "DS", value)
    acquisition.add_new(0x39, "SS", 4)
    patient = ds.private_block(0x0011, "GEMS_PATI_01", create=True)
    patient.add_new(0x10, "SS", 2)
    parameters = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    for offset in range(0x10, 0x18):
        parameters.add_new(offset, "US", offset * 3)
    parameters.add_new(0x28, "OB", bytes(range(64)))


def _pixels(ds: Dataset, number: int) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = SIZE
    ds.PixelSpacing = ["0.703125", "0.703125"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.SmallestImagePixelValue, ds.LargestImagePixelValue, ds.PixelPaddingValue = -1024, 1500, -2000
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.WindowCenter, ds.WindowWidth = ["-500", "40"], ["1500", "400"]
    ds.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    random = np.random.default_rng(number)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
    body = (x / 0.42) ** 2 + (y / 0.3) ** 2 < 1
    lungs = ((np.abs(x) - 0.17) / 0.11) ** 2 + (y / 0.18) ** 2 < 1
    image = np.where(lungs, -850, np.where(body, 40, -1000)) + random.normal(0, 18, (SIZE, SIZE))
    ds.PixelData = image.astype("<i2").tobytes()


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _reference(sop_class: str, sop: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(sop)
    return item
