"""Private attributes in the dialects of three makers, with the patient's name inside, flat, binary and nested.

Layouts follow what pydicom's private dictionary knows and, for the CSA header, nibabel's description of "SV10" (CSA2).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tasks.simulate.plan import Series, Study


def add_private(header: Dataset, study: Study, series: Series) -> None:
    """Add the maker's blocks, the site's own block, and for some patients an element without a creator."""
    {"siemens": _siemens, "ge": _ge, "philips": _philips}[study.device.dialect](header, study, series)
    _site(header, study)
    if study.patient.index % 4 == 1:
        header.add_new(0x00331001, "LO", study.patient.name.spoken)


def csa_header(tags: Mapping[str, tuple[str, tuple[str, ...]]]) -> bytes:
    """A Siemens CSA2 header: `tags` maps a tag's name to its VR and values, all of them text."""
    raw = b"SV10\4\3\2\1" + struct.pack("<II", len(tags), 77)
    for name, (vr, values) in tags.items():
        raw += struct.pack("<64si4siii", name.encode(), len(values), vr.encode(), 1, len(values), 77)
        for value in values:
            text = value.encode("ascii", "replace") + b"\0"
            raw += struct.pack("<4i", len(text), len(text), 77, len(text)) + text.ljust(-(-len(text) // 4) * 4, b"\0")
    return raw + b"\0" * (len(raw) % 2)


def _siemens(header: Dataset, study: Study, series: Series) -> None:
    patient = study.patient
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    block.add_new(0x09, "LO", f"{study.day:%Y%m%d}")
    block.add_new(0x10, "OB", csa_header({"PatientName": ("PN", (patient.name.comma,)), "EchoTime": ("DS", ("12.0",))}))
    lines = (f"tProtocolName = {series.protocol}", f"tPatient = {patient.patient_id}")
    protocol = "\n".join(("### ASCCONV BEGIN ###", *lines, "### ASCCONV END ###"))
    tags = {"MrPhoenixProtocol": ("UN", (protocol,)), "UsedPatientWeight": ("IS", (f"{patient.weight_kg:.0f}",))}
    block.add_new(0x20, "OB", csa_header(tags))
    block.add_new(0x60, "LO", study.operator.spoken)


def _ge(header: Dataset, study: Study, series: Series) -> None:
    identity = header.private_block(0x0009, "GEMS_IDEN_01", create=True)
    identity.add_new(0x01, "LO", "GE_GENESIS_FF")
    identity.add_new(0x02, "SH", study.device.station)
    identity.add_new(0x45, "LO", study.patient.name.comma)
    sizes = header.private_block(0x0025, "GEMS_SERS_01", create=True)
    sizes.add_new(0x07, "SL", series.images)
    sizes.add_new(0x1A, "SH", study.study_id)
    movie = Dataset()
    inner = movie.private_block(0x7FE1, "GEMS_Ultrasound_MovieGroup_001", create=True)
    inner.add_new(0x02, "LO", study.patient.name.spoken)
    inner.add_new(0x20, "UT", f"exam {study.accession} of {study.day:%Y-%m-%d}, {study.performing.spoken}")
    outer = header.private_block(0x6001, "GEMS_Ultrasound_ImageGroup_001", create=True)
    outer.add_new(0x10, "SQ", Sequence([movie]))


def _philips(header: Dataset, study: Study, series: Series) -> None:
    imaging = header.private_block(0x2001, "Philips Imaging DD 001", create=True)
    imaging.add_new(0x18, "SL", series.images)
    imaging.add_new(0x63, "CS", "ELSEWHERE")
    plan = Dataset()
    plan.PatientName = study.patient.name.pn
    plan.RequestingPhysician = study.referring.pn
    deeper = Dataset()
    deeper.AccessionNumber = study.accession
    deeper.PatientBirthDate = f"{study.patient.born:%Y%m%d}"
    inner = plan.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    inner.add_new(0x0F, "SQ", Sequence([deeper]))
    inner.add_new(0x37, "PN", study.operator.pn)
    outer = header.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    outer.add_new(0x0F, "SQ", Sequence([plan]))


def _site(header: Dataset, study: Study) -> None:
    patient = study.patient
    note = Dataset()
    note.PatientID = patient.patient_id
    note.PatientTelephoneNumbers = patient.phone
    block = header.private_block(0x0035, "SITE ARCHIVE 01", create=True)
    block.add_new(0x01, "LO", f"{patient.name.family} {patient.street}")
    block.add_new(0x02, "DA", f"{patient.born:%Y%m%d}")
    block.add_new(0x03, "UI", study.uid)
    block.add_new(0x04, "SQ", Sequence([note]))
    block.add_new(0x05, "UN", f"{patient.name.comma};{patient.patient_id}".encode().ljust(64, b"\0"))
