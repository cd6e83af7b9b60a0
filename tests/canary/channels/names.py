"""Channels of the patient's own name and number: other character sets, other orders, joined, escaped, spaced.

What is looked for is known from the header, so a de-identifier can find it; the texts stand in descriptions, which a
profile may keep, and in values that E.1-1 does not list.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from tests.canary.base import tag_of
from tests.canary.channels import GIVEN, NUMBER, SURNAME, channel
from tests.canary.channels.values import know_patient
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File

_DESCRIPTIONS = ("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments")
_VRS = {"ImageComments": "LT", "WindowCenterWidthExplanation": "LO", "ConvolutionKernel": "SH", "FilterType": "SH"}
# (what, terms of SpecificCharacterSet, Python's codecs, family name, given name)
_SCRIPTS = (
    ("Japanese, ISO 2022 IR 87", "\\ISO 2022 IR 87", ("iso2022_jp",), "山田", "太郎"),
    ("Japanese, Shift JIS", "ISO 2022 IR 13\\ISO 2022 IR 87", ("shift_jis", "iso2022_jp"), "ﾔﾏﾀﾞ", "ﾀﾛｳ"),
    ("Korean, ISO 2022 IR 149", "\\ISO 2022 IR 149", ("iso2022_kr", "euc_kr"), "김희중", "길동"),
    ("Chinese, GB18030", "GB18030", ("gb18030",), "王建国", "小东"),
    ("Chinese, ISO 2022 IR 58", "\\ISO 2022 IR 58", ("iso2022_cn", "gb2312"), "张伟明", "小东"),
    ("Chinese, UTF-8", "ISO_IR 192", ("utf-8",), "欧阳建国", "小东"),
    ("Cyrillic", "ISO_IR 144", ("iso8859-5",), "Люкceмбypгcкий", "Прохор"),
    ("Greek", "ISO_IR 126", ("iso8859-7",), "Παπαδόπουλος", "Διονύσιος"),
    ("Arabic", "ISO_IR 127", ("iso8859-6",), "قبانيالبغدادي", "لنزار"),
    ("Hebrew", "ISO_IR 138", ("iso8859-8",), "שרוןכהן", "דבורה"),
    ("Thai", "ISO_IR 166", ("iso8859-11",), "นามสกุลไทย", "สมชายดี"),
    ("Latin 2", "ISO_IR 101", ("iso8859-2",), "Wąłęsowiczówna", "Żółcisława"),
    ("Latin 1", "ISO_IR 100", ("latin-1",), "Äneasbüchß", "Jérôme"),
    ("Turkish, Latin 5", "ISO_IR 148", ("iso8859-9",), "Çavuşoğluğil", "Işıl"),
)


def _script(what: str, terms: str, codecs: tuple[str, ...], family: str, given: str) -> None:
    """Register a channel whose patient is written in another script."""

    def put(file: File, mint: Mint, place: Place) -> None:
        def encoded(text: str) -> bytes:
            for codec in reversed(codecs):
                try:
                    return _in_set(text, codec)
                except UnicodeEncodeError:
                    continue
            raise ValueError(what)

        name = b"^".join(map(encoded, (family, given)))
        file.body[tag_of("SpecificCharacterSet")] = Element("CS", terms.encode())
        file.body[tag_of("PatientName")] = Element("PN", name)
        file.body[tag_of("OtherPatientNames")] = Element("PN", name + b"=" + name)
        for keyword in _DESCRIPTIONS:
            vr = _VRS.get(keyword, "LO")
            file.body[tag_of(keyword)] = Element(vr, b"CT chest " + encoded(family) + b" " + encoded(given))
        for text in (family, given):
            if len(text) > 2:
                mint.known(place, text)
            mint.raw[encoded(text)] = place

    channel(f"name in {what}", together=False)(put)


def _in_set(text: str, codec: str) -> bytes:
    match codec:
        case "iso2022_kr":
            return b"\x1b$)C" + text.encode("euc_kr")
        case "iso2022_cn":
            return b"\x1b$)A" + text.encode("gb2312")
        case _:
            return text.encode(codec)


for _row in _SCRIPTS:
    _script(*_row)


@channel("name in three component groups", together=False)
def component_groups(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("SpecificCharacterSet")] = Element("CS", b"\\ISO 2022 IR 87")
    groups = b"=".join(
        (b"Yamadakanto^Tarohachi", *(_in_set(name, "iso2022_jp") for name in ("山田^太郎", "やまだ^たろう")))
    )
    file.body[tag_of("PatientName")] = Element("PN", groups)
    file.body[tag_of("StudyDescription")] = Element("LO", "CT 山田 太郎".encode("iso2022_jp"))
    file.body[tag_of("ImageComments")] = Element("LT", "やまだ たろう, Tarohachi Yamadakanto".encode("iso2022_jp"))
    mint.known(place, "Yamadakanto")
    mint.known(place, "Tarohachi")
    for text in ("山田", "太郎", "やまだ", "たろう"):
        mint.raw[text.encode("iso2022_jp")[3:-3]] = place


@channel("name in a character set that is not declared", together=False)
def undeclared(file: File, mint: Mint, place: Place) -> None:
    file.body.pop(tag_of("SpecificCharacterSet"))
    file.body[tag_of("PatientName")] = Element("PN", "Müßiggänger^Jörgfried".encode("latin-1"))
    file.body[tag_of("StudyDescription")] = Element("LO", "CT Müßiggänger".encode())
    file.body[tag_of("SeriesDescription")] = Element("LO", "CT MÜSSIGGÄNGER".encode("latin-1"))
    for text in ("Müßiggänger", "Jörgfried"):
        mint.known(place, text, "latin-1")


def _forms() -> dict[str, str]:
    name = f"{SURNAME}^{GIVEN}"
    return {
        "in another order": f"{GIVEN} {SURNAME}",
        "with a comma": f"{SURNAME}, {GIVEN[0]}.",
        "joined": f"{SURNAME}{GIVEN}",
        "joined in small letters": f"{GIVEN}{SURNAME}".lower(),
        "in capitals with underscores": f"CT_{SURNAME}_{GIVEN}".upper(),
        "as percent form": quote(name, safe=""),
        "as percent form of every letter": "".join(f"%{ord(letter):02X}" for letter in SURNAME),
        "letter by letter": " ".join(SURNAME),
        "letter by letter in lower case": "_".join(SURNAME.lower()),
        "turned round": SURNAME[::-1],
        "in hexadecimal": SURNAME.encode().hex(),
        "in base 64": b64encode(SURNAME.encode()).decode().rstrip("="),
        "as entities": "".join(f"&#{ord(letter)};" for letter in SURNAME),
        "with soft hyphens": "\u00ad".join(SURNAME),
        "in wide letters": "".join(chr(ord(letter) + 0xFEE0) for letter in SURNAME),
        "with accents": SURNAME.replace("o", "ö").replace("i", "í"),
        "with digits for letters": SURNAME.replace("o", "0").replace("i", "1"),
        "as initials and year": f"{GIVEN[0]}.{SURNAME}-1931",
        "in a path": f"C:\\export/{SURNAME}.{GIVEN}/1.dcm".replace("\\", "/"),
        "in an address": f"{GIVEN}.{SURNAME}@mail.example".lower(),
    }


def _in_descriptions(form: str, text: str) -> None:
    def put(file: File, mint: Mint, place: Place) -> None:
        know_patient(file, mint, place)
        mint.known(place, text)
        for keyword in _DESCRIPTIONS:
            file.body[tag_of(keyword)] = Element(_VRS.get(keyword, "LO"), f"Chest {text}".encode())

    channel(f"name {form} in descriptions", together=False)(put)


def _id_in_descriptions(form: str, text: str) -> None:
    def put(file: File, mint: Mint, place: Place) -> None:
        know_patient(file, mint, place)
        mint.known(place, text)
        for keyword in _DESCRIPTIONS:
            file.body[tag_of(keyword)] = Element(_VRS.get(keyword, "LO"), f"Chest {text} axial".encode())

    channel(f"number {form} in descriptions", together=False)(put)


for _form, _text in _forms().items():
    _in_descriptions(_form, _text)
for _form, _text in {
    "as it stands": NUMBER,
    "without separators": NUMBER.replace("-", ""),
    "with other separators": NUMBER.replace("-", "."),
    "with blanks": NUMBER.replace("-", " "),
    "without its letters": NUMBER[3:],
    "in digits alone": NUMBER[3:].replace("-", ""),
}.items():
    _id_in_descriptions(_form, _text)


@channel("name in values that E.1-1 does not list", together=False, must_release=False)
def kept_values(file: File, mint: Mint, place: Place) -> None:
    know_patient(file, mint, place)
    for keyword, vr, text in (
        ("WindowCenterWidthExplanation", "LO", f"{SURNAME} lung"),
        ("ConvolutionKernel", "SH", SURNAME),
        ("FilterType", "SH", f"B {SURNAME}"),
        ("ImageType", "CS", f"ORIGINAL\\PRIMARY\\AXIAL\\{SURNAME.upper()}"),
        ("Manufacturer", "LO", f"ACME {GIVEN}"),
        ("ScanOptions", "CS", SURNAME.upper()),
    ):
        file.body[tag_of(keyword)] = Element(vr, text.encode())
        file.hides_in.add(keyword)


@channel("name in a code's meaning", together=False, must_release=False)
def code_meaning(file: File, mint: Mint, place: Place) -> None:
    know_patient(file, mint, place)
    code = {
        0x00080100: Element("SH", b"X1"),
        0x00080102: Element("SH", b"99LOCAL"),
        0x00080104: Element("LO", f"Chest of {SURNAME}".encode()),
    }
    file.body[tag_of("AnatomicRegionSequence")] = Element("SQ", (code,))


@channel("name in bulk values", together=False, must_release=False)
def bulk(file: File, mint: Mint, place: Place) -> None:
    know_patient(file, mint, place)
    text = f"{SURNAME} {GIVEN}".encode()
    lut = {0x00283002: Element("US", b"\x40\0\0\0\x10\0"), 0x00283006: Element("OW", text + bytes(128 - len(text)))}
    file.body[tag_of("VOILUTSequence")] = Element("SQ", (lut,))
    file.body[tag_of("RedPaletteColorLookupTableDescriptor")] = Element("US", b"\x40\0\0\0\x10\0")
    file.body[tag_of("RedPaletteColorLookupTableData")] = Element("OW", text + bytes(128 - len(text)))
    file.body[tag_of("ICCProfile")] = Element("OB", bytes(128) + text.decode().encode("utf-16-be"))


@channel("name behind the last frame", together=False, must_release=False)
def behind_the_frame(file: File, mint: Mint, place: Place) -> None:
    know_patient(file, mint, place)
    pixels = file.body[tag_of("PixelData")].value
    assert isinstance(pixels, bytes)
    file.body[tag_of("PixelData")] = Element("OW", pixels + f"{SURNAME} {GIVEN}".encode())
    file.hides_in.add("PixelData")
