"""Leaks planted at random: an identifier of the source anywhere in an output is found, and clean outputs are clean.

Each case makes an output of its own (encoding, pixels, text), plants one form of one identifier in one place of it, and
asks the residual check. The forms are what people write; the places are all there are: text at every depth, private
elements, unknown VRs, pixel values, what stands behind them, a deflated body, a document, the file's name.
"""

from __future__ import annotations

import base64
import gzip
import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tasks.deidentify.residual import check
from tasks.deidentify.residual.check import ResidualCheck
from tests.support.identified import element, make_ct, nest, part10, raw

CASES = 2000
SHIFT = -2463
PLAIN = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
ANATOMY = 0x00082218
PEOPLE = [
    ("Wieczorek", "Halina", "ISO_IR 100"),
    ("Castellanos", "Ruy", "ISO_IR 100"),
    ("Müllenhoff", "Jürgen", "ISO_IR 100"),
    ("Łukasiewicz", "Żaneta", "ISO_IR 101"),
    ("O'Donoghue", "Aoife", "ISO_IR 192"),
    ("Papadimitriou", "Διονύσιος", "ISO_IR 192"),
    ("Кузнецов", "Пётр", "ISO_IR 144"),
    ("山田", "太郎", "ISO_IR 192"),
    ("김희중", "희중", "ISO_IR 192"),
]
WORDS = ["axial", "series", "in", "a", "soft", "tissue", "window", "thin", "sections", "of", "thorax", "repeat", "six"]


@dataclass(frozen=True)
class Case:
    """A source, and the forms of its identifiers by kind: (text, whether it is long enough to be told from pixels)."""

    source: bytes
    forms: dict[str, list[str]]


def make_case(chooser: random.Random) -> Case:
    last, first, charset = chooser.choice(PEOPLE)
    ds = make_ct(
        sop=f"1.3.6.1.4.1.9999.1.14.{chooser.randint(1, 99999)}", patient=f"MRN-{chooser.randint(10000, 99999)}"
    )
    ds.SpecificCharacterSet = charset
    ds.PatientName = f"{last}^{first}"
    ds.AccessionNumber = f"ACC{chooser.randint(10000, 99999)}"
    ds.OtherPatientIDs = f"00{chooser.randint(100000, 999999)}"
    ds.PatientAddress, ds.PatientTelephoneNumbers = "17 Poplar Crescent^^Elblag", "+48 58 555 12 34"
    ds.ReferringPhysicianName, ds.OperatorsName = "Okonkwo^Adaeze", "Brandt^Ilse"
    whole = [f"{last}^{first}", f"{first} {last}", f"{last}, {first}", f"{first}_{last}"]
    return Case(
        part10(ds),
        {
            "PatientName": [last, *whole],
            "ReferringPhysicianName": ["Okonkwo", "Dr. Adaeze Okonkwo"],
            "OperatorsName": ["Ilse Brandt"],
            "PatientID": [ds.PatientID, ds.PatientID.replace("-", ""), ds.PatientID.replace("-", " ")],
            "AccessionNumber": [ds.AccessionNumber],
            "OtherPatientIDs": [ds.OtherPatientIDs, ds.OtherPatientIDs.lstrip("0")],
            "InstitutionName": ["Saint Barnabas General", "Barnabas"],
            "PatientAddress": ["17 Poplar Crescent", "Elblag"],
            "PatientTelephoneNumbers": ["58 555 12 34", "(58) 555-1234", "+48585551234", "555 12 34"],
            "date": [
                "20210304",
                "2021-03-04",
                "04.03.2021",
                "3/4/2021",
                "4 Mar 2021",
                "March 4, 2021",
                "19411102123000",
            ],
            "uid": ["1.3.6.1.4.1.9999.1.11", "1.3.6.1.4.1.9999.1.12"],
        },
    )


def make_output(chooser: random.Random) -> Dataset:
    """A clean object: shifted dates, new UIDs, text, and pixels of one kind or another."""
    noise = np.random.default_rng(chooser.getrandbits(32))
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"2.25.{chooser.getrandbits(127)}"
    ds.StudyInstanceUID, ds.StudyDate = f"2.25.{chooser.getrandbits(127)}", "20140606"
    ds.Manufacturer, ds.Modality = "ACME", "CT"
    ds.PatientName = ds.PatientID = "p" + "".join(chooser.choices("abcdefghijklmnopqrstuvwxyz234567", k=12))
    ds.StudyDescription = "CT chest with contrast"
    ds.ImageComments = " ".join(chooser.choices(WORDS, k=12))
    ds.SliceThickness, ds.SliceLocation = "1.25", f"{chooser.uniform(-900, 900):.6f}"
    inner = Dataset()
    inner.CodeMeaning = "Chest"
    ds.ProcedureCodeSequence = [inner]
    ds.Rows = ds.Columns = 64
    ds.SamplesPerPixel, ds.BitsAllocated = 1, 16
    kinds = {
        "ct": lambda: noise.normal(1000, 200, 4096).clip(0, 4095).astype("<u2").tobytes(),
        "low": lambda: abs(noise.normal(40, 40, 4096)).clip(0, 4095).astype("<u2").tobytes(),
        "grey": lambda: noise.normal(chooser.randint(20, 120), 6, 8192).clip(0, 255).astype("u1").tobytes(),
        "uniform": lambda: noise.bytes(8192),
        "flat": lambda: bytes([chooser.randint(0, 255)]) * 8192,
    }
    ds.add(element(0x7FE00010, "OW", kinds[chooser.choice(list(kinds))]()))
    return ds


def written(chooser: random.Random, ds: Dataset, syntax: str | None = None) -> bytes:
    return part10(ds, syntax or chooser.choice(PLAIN)).replace(b"HOSPITALAE", b"WRITTENOUT")


def encoded(chooser: random.Random, text: str) -> tuple[bytes, str]:
    cased = chooser.choice(
        [text, text.upper(), text.lower(), "".join(map(chooser.choice, zip(text.upper(), text.lower(), strict=False)))]
    )
    cased = cased if len(cased) == len(text) and text.isascii() else chooser.choice([text, text.upper(), text.lower()])
    codecs = ["utf-8", "utf-8", "utf-16-le", "utf-16-be"]
    codecs += [
        "latin-1",
        "iso8859-2",
        "cp1252",
        "iso8859-5",
        "koi8-r",
        "cp1251",
        "shift_jis",
        "euc_jp",
        "euc_kr",
        "gb18030",
    ]
    chooser.shuffle(codecs)
    for codec in codecs:
        try:
            return cased.encode(codec), codec
        except UnicodeEncodeError:
            continue
    raise AssertionError("no codec")


def among(chooser: random.Random, value: bytes, codec: str) -> bytes:
    """`value` among words of its encoding, at the beginning, in the middle or at the end."""
    codec = codec if codec.startswith("utf-16") else "ascii"
    before, after = (" ".join(chooser.choices(WORDS, k=chooser.choice([0, 0, 1, 5]))) for _ in range(2))
    content = (f"{before} ".encode(codec) if before else b"") + value + (f" {after}".encode(codec) if after else b"")
    return content + b" " * (len(content) % 2)


PLACES = ("text", "nested", "private", "unknown", "pixels", "behind", "deflated", "base64", "gzip", "name")


def plant(chooser: random.Random, place: str, form: str, clean: Dataset) -> tuple[bytes, str]:
    """(output, its name) with `form` planted at `place`."""
    value, codec = encoded(chooser, form)
    content, name = among(chooser, value, codec), "2.25.1.dcm"
    if place == "text":
        clean[0x00204000] = raw(0x00204000, "LT", content)
    elif place == "nested":
        inner = Dataset()
        inner[0x00204000] = raw(0x00204000, "LT", content)
        clean.add(nest(nest(inner, ANATOMY), ANATOMY)[ANATOMY])
        clean[ANATOMY].is_undefined_length = chooser.random() < 0.5
    elif place in ("private", "unknown"):
        clean[0x00290010] = raw(0x00290010, "LO", b"ACME 1.1")
        clean[0x00291010] = raw(0x00291010, "LT" if place == "private" else "UN", content)
    elif place in ("pixels", "behind"):
        pixels = bytearray(clean[0x7FE00010].value)
        at = chooser.randrange(0, len(pixels) - len(value)) if place == "pixels" else len(pixels)
        pixels[at : at + len(value)] = value if place == "pixels" else content
        clean[0x7FE00010].value = bytes(pixels) + b"\0" * (len(pixels) % 2)
    elif place == "deflated":
        clean[0x00204000] = raw(0x00204000, "LT", content)
        return written(chooser, clean, DeflatedExplicitVRLittleEndian), name
    elif place in ("base64", "gzip"):
        packed = base64.b64encode(content) if place == "base64" else gzip.compress(content)
        tag = 0x00420011 if place == "gzip" else 0x00204000
        clean.add(element(tag, "OB" if place == "gzip" else "LT", packed if place == "gzip" else packed.decode()))
    else:
        name = f"{form.replace('/', '-')}.dcm"
    return written(chooser, clean), name


def fits(place: str, kind: str, form: str) -> bool:
    """Whether such a leak can be told at such a place: pixels hide what is short, and a short word is no base64."""
    if place == "pixels":
        return len(form) >= 11 and kind not in ("date", "uid", "PatientTelephoneNumbers")
    return place != "base64" or len(form) >= 16


def test_an_identifier_is_found_wherever_it_was_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = random.Random(20)
    planted: Counter[str] = Counter()
    missed = []
    looked = ResidualCheck(frozenset(), "MODIFIED")
    for number in range(CASES):
        if number % 20 == 0:
            case = make_case(chooser)
            monkeypatch.setattr(check, "CHUNK", chooser.choice([4096, 5000, 2**16, 2**22]))
        place, kind = chooser.choice(PLACES), chooser.choice(list(case.forms))
        form = chooser.choice(case.forms[kind])
        if not fits(place, kind, form):
            continue
        content, name = plant(chooser, place, form, make_output(chooser))
        found = looked.residue((case.source,), (content,), name, SHIFT)
        planted[place] += 1
        if not any(one.startswith(f"{kind} in ") for one in found):
            missed.append((place, kind, form, found))
    print(f"{sum(planted.values())} planted: {dict(sorted(planted.items()))}")
    assert not missed, missed
    assert min(planted.values()) > 20


def test_outputs_without_identifiers_are_clean() -> None:
    chooser = random.Random(21)
    looked = ResidualCheck(frozenset(), "MODIFIED")
    for number in range(CASES):
        if number % 20 == 0:
            case = make_case(chooser)
        syntax = DeflatedExplicitVRLittleEndian if number % 9 == 0 else None
        content = written(chooser, make_output(chooser), syntax)
        assert looked.residue((case.source,), (content,), "2.25.1.dcm", SHIFT) == (), number


def damaged(chooser: random.Random, content: bytes) -> bytes:
    """`content` with a few bytes changed, lost or put in, most of them in its header."""
    bytes_of = bytearray(content)
    for _ in range(chooser.randint(1, 5)):
        at = chooser.randrange(min(len(bytes_of), chooser.choice([400, 1500, len(bytes_of)])) or 1)
        change = chooser.choice(["byte", "lost", "more", "length", "vr", "end"])
        if change == "byte":
            bytes_of[at : at + 1] = chooser.randbytes(1)
        elif change == "lost":
            del bytes_of[at : at + chooser.randint(1, 40)]
        elif change == "more":
            bytes_of[at:at] = chooser.randbytes(chooser.randint(1, 40))
        elif change == "length":
            bytes_of[at : at + 4] = chooser.choice(
                [b"\xff\xff\xff\xff", b"\xfe\xff\x00\xe0", b"\xff\xff\xff\x7f", bytes(4)]
            )
        elif change == "vr":
            bytes_of[at : at + 2] = chooser.choice([b"SQ", b"UN", b"PN", b"OB", b"UT"])
        else:
            del bytes_of[max(at, 1) :]
    return bytes(bytes_of)


def test_damage_ends_in_an_answer_or_in_a_refusal() -> None:
    chooser = random.Random(22)
    looked = ResidualCheck(frozenset(), "MODIFIED")
    ends: Counter[str] = Counter()
    for number in range(CASES):
        if number % 20 == 0:
            case = make_case(chooser)
        clean = written(chooser, make_output(chooser), chooser.choice([*PLAIN, DeflatedExplicitVRLittleEndian]))
        source, output = (
            (damaged(chooser, case.source), clean) if number % 2 else (case.source, damaged(chooser, clean))
        )
        try:
            ends["found" if looked.residue((source,), (output,), "2.25.1.dcm", SHIFT) else "clean"] += 1
        except ValueError:
            ends["refused"] += 1
    print(dict(ends))
    assert ends["found"] < CASES / 50, "damage alone is no identifier"
    assert min(ends["clean"], ends["refused"]) > CASES / 10
