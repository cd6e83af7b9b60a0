"""The files that are damaged: canary files of several kinds, and real ones where the corpus is beside the checkout.

A real file gets canaries in what names the patient before it is damaged, so that a leak shows.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import FileDataset

from tests.canary import cases
from tests.canary.channels import all_channels, file_with
from tests.canary.tokens import Mint, Place
from tests.fuzz.layout import Spot, layout
from tests.support.places import SHARED_DATA

_MOST_BYTES = 300_000
_CHANNELS = (
    *("private block with creator", "UN sequences of undefined length", "overlays", "icon image", "PDF in a CT"),
    *("content tree in a CT", "original attributes", "name in Japanese, ISO 2022 IR 87", "JPEG-LS comment"),
    *("JPEG 2000 comment", "RLE: bytes between and behind the segments", "structure set object", "waveform object"),
    *("basic text report object", "presentation state object", "encapsulated PDF object", "directory", "ICC profile"),
)
_NAMING = (
    *("PatientName", "PatientID", "AccessionNumber", "InstitutionName", "ReferringPhysicianName", "StudyDescription"),
    *("PatientBirthDate", "StudyDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "OperatorsName"),
    *("PatientAddress", "SeriesDescription", "StationName", "StudyID", "PerformingPhysicianName", "ImageComments"),
)


@dataclass(frozen=True, repr=False)
class Seed:
    """A file to damage, its canaries, and where its elements are."""

    name: str
    content: bytes
    mint: Mint
    spots: list[Spot]


@cache
def made_up() -> tuple[Seed, ...]:
    """Canary files."""
    channels = all_channels()
    files = {
        "plain": cases.plain(),
        "top": cases.at_top(),
        "nested": cases.nested("nested, kept sequence", every=3),
        "nested, undefined": cases.nested("nested, undefined length", "nested, private sequence", every=7),
        **{name: _in(syntax) for name, syntax in cases.SYNTAXES.items()},
        **{name: file_with(channels[name]) for name in _CHANNELS},
    }
    return tuple(_seed(name, file.content(), mint) for name, (file, mint) in files.items())


@cache
def real() -> tuple[Seed, ...]:
    """A small file of each folder, manufacturer and encoding of the corpus; () where it isn't there."""
    seeds: dict[tuple[str, ...], Seed] = {}
    for path in sorted((SHARED_DATA / "dicom").rglob("*")):
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            continue
        content = path.read_bytes()
        kind = (path.parent.name, *_kind(content))
        if kind not in seeds:
            seeds[kind] = _identified("/".join(path.parts[-2:]), content)
    return tuple(seeds.values())


def _in(syntax: str) -> tuple[cases.File, Mint]:
    # In big endian nobody reads the little-endian items of UN.
    sequences = ("nested, reference", "nested, sequence as UN")
    file, mint = cases.nested(*(sequences[:1] if syntax == cases.BIG_ENDIAN else sequences), every=8)
    file.syntax = syntax
    return file, mint


def _seed(name: str, content: bytes, mint: Mint) -> Seed:
    return Seed(name, content, mint, layout(content))


def _kind(content: bytes) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(BytesIO(content), stop_before_pixels=True, force=True)
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
            return syntax, str(dataset.get("Manufacturer", "")), str(dataset.get("SOPClassUID", ""))
        except Exception:  # pydicom raises nearly anything on what it cannot read; such a file is a kind of its own
            return ("unreadable",)


def _identified(name: str, content: bytes) -> Seed:
    mint = Mint()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(BytesIO(content))
            _name(dataset, mint)
            target = BytesIO()
            dataset.save_as(target)
            return _seed(name, target.getvalue(), mint)
        except Exception:  # what pydicom cannot write again is damaged as it is, without canaries
            return _seed(name, content, Mint())


def _name(dataset: FileDataset, mint: Mint) -> None:
    for keyword in _NAMING:
        place = Place("real", keyword)
        vr = pydicom.datadict.dictionary_VR(keyword)
        setattr(dataset, keyword, mint.value(place, vr).decode())
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for element in dataset:
        if element.VR == "PN" and element.keyword not in _NAMING:
            element.value = mint.value(Place("real", keyword_for_tag(element.tag) or "private"), "PN").decode()
