"""A file with its elements found: regular encodings straight from its bytes, everything else by way of pydicom.

`open_file` ends as an `Opened`, or as a `UnitError` with the reason; no library's exception comes out.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom import uid as known

from tasks.core.errors import QuarantineUnit, SkipUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers import charset, needed, normal
from tasks.deidentify.headers.element import PIXELS, Element, Row
from tasks.deidentify.headers.encoding import BIG_ENDIAN, EXPLICIT, IMPLICIT, UNDEFINED, Encoding, PlainError
from tasks.deidentify.headers.file_meta import file_meta, inflated
from tasks.deidentify.headers.learned import Learned
from tasks.deidentify.headers.scan import pieces, scan
from tasks.deidentify.headers.source import BytesSource, Source

MAX_IRREGULAR = 1 << 29
MAX_ITEMS = 1 << 20  # of a sequence at the top and all in it
DIRECTORY = "1.2.840.10008.1.3.10"
DEFLATED = str(known.DeflatedExplicitVRLittleEndian)
_NATIVE = frozenset(map(str, (known.ImplicitVRLittleEndian, known.ExplicitVRLittleEndian, known.ExplicitVRBigEndian)))
_CHARSET, _SOP_CLASS, _SOP, _PATIENT_ID, _STUDY = 0x00080005, 0x00080016, 0x00080018, 0x00100020, 0x0020000D
_DIRECTORY_RECORDS = 0x00041220


@dataclass(repr=False)
class Opened:
    """A file's elements by tag, and its identity as the header has it. `syntax` is the transfer syntax to write."""

    source: Source
    syntax: str
    encoding: Encoding
    pieces: Sequence[Element | Row]
    elements: list[Element] = field(init=False)
    by_tag: dict[int, Element] = field(init=False)
    sequences: list[Element] = field(init=False)
    terms: tuple[str, ...] = field(init=False)
    has_unknown_terms: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.elements, self.by_tag, self.sequences = [], {}, []
        for piece in self.pieces:
            if type(piece) is Row:
                self.elements += piece.elements
                self.by_tag |= piece.by_tag
                self.sequences += piece.sequences
            else:
                assert isinstance(piece, Element)
                self.elements.append(piece)
                self.by_tag[piece.tag] = piece
                if piece.vr == "SQ":
                    self.sequences.append(piece)
        self.terms = charset.terms_of(self.value(_CHARSET)) if _CHARSET in self.by_tag else ()
        if not charset.are_known(self.terms):
            self.terms, self.has_unknown_terms = charset.UNKNOWN, True

    def value(self, tag: int) -> bytes:
        """The bytes of a value at the top; b"" where it is absent or large."""
        element = self.by_tag.get(tag)
        return b"" if element is None else element.value

    def plain(self, tag: int) -> str:
        """A plain value of the header as text, as it stands in the file; "" where it is absent."""
        return self.value(tag).decode("latin-1").strip(" \0")

    def number(self, tag: int, default: int) -> int:
        """An unsigned short (VR US); `default` where it is absent or isn't one."""
        value = self.value(tag)
        return int(struct.unpack(f"{self.encoding.order}H", value)[0]) if len(value) == 2 else default

    @property
    def sop_class(self) -> str:
        """SOPClassUID."""
        return self.plain(_SOP_CLASS)

    @property
    def sop(self) -> str:
        """SOPInstanceUID of the source."""
        return self.plain(_SOP)

    @property
    def study(self) -> str:
        """StudyInstanceUID of the source."""
        return self.plain(_STUDY)

    @property
    def patient_id(self) -> str:
        """PatientID decoded by its character set and not otherwise changed, as the cohort has it."""
        value = self.value(_PATIENT_ID)
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii").strip(" \0")
        return normal.decoded(value, self.terms).strip(" \0")


def open_file(source: Source, *, regular: bool = True, learned: dict[Encoding, Learned] | None = None) -> Opened:
    """Find the elements of a file; raises `SkipUnit` or `QuarantineUnit` with the reason.

    `learned` is what is known of the files before, and grows.
    With `regular` False it goes through pydicom whatever it is, which must come to the same (tests hold it to that).
    """
    opened = None
    if regular:
        try:
            opened = _regular(source, {} if learned is None else learned)
        except PlainError:
            opened = None
    if opened is None:
        opened = _irregular(source)
    if opened.sop_class == DIRECTORY or (not opened.sop_class and _DIRECTORY_RECORDS in opened.by_tag):
        raise SkipUnit(Reason.MEDIA_DIRECTORY)
    if not opened.sop_class or not opened.sop:
        raise QuarantineUnit(Reason.NO_IDENTITY)
    if not needed.are_sound(opened.by_tag):
        raise QuarantineUnit(Reason.UNREADABLE)
    return opened


def _regular(source: Source, learned: dict[Encoding, Learned]) -> Opened:
    """Raises `PlainError` where anything is out of the ordinary, the file meta included."""
    head = source.read(0, 2048)
    if head[128:132] != b"DICM":
        raise PlainError("no prefix")
    at, syntax, media_class = file_meta(source, head)
    if media_class == DIRECTORY:
        raise SkipUnit(Reason.MEDIA_DIRECTORY)
    if not syntax:
        raise PlainError("no transfer syntax")
    if syntax == DEFLATED:
        source, at = BytesSource(inflated(source, at)), 0
    encoding = encoding_of(syntax)
    found = pieces(source, at, encoding, learned.setdefault(encoding, Learned()))
    if not found:
        raise PlainError("no elements")
    opened = Opened(source, syntax, encoding, found)
    _check_items(opened)
    by_tag = opened.by_tag
    if syntax in _NATIVE and any(tag in by_tag and by_tag[tag].length == UNDEFINED for tag in PIXELS):
        raise PlainError("fragments in a syntax that has none")
    return opened


def _check_items(opened: Opened) -> None:
    """Refuse a sequence of more items than MAX_ITEMS: millions of empty ones fit into a small file."""
    item = b"\xff\xfe\xe0\x00" if opened.encoding.order == ">" else b"\xfe\xff\x00\xe0"
    for piece in opened.pieces:  # what is in a row is short
        chunk = piece.chunk if isinstance(piece, Element) else None
        if chunk is not None and len(chunk) > 8 * MAX_ITEMS and chunk.count(item) > MAX_ITEMS:
            raise QuarantineUnit(Reason.OVERSIZED)


def _irregular(source: Source) -> Opened:
    if source.size > MAX_IRREGULAR:
        raise QuarantineUnit(Reason.OVERSIZED)
    content, syntax = normal.plain(source.read(0, source.size))
    encoding = encoding_of(syntax)
    plain = BytesSource(content)
    try:
        return Opened(plain, syntax, encoding, scan(plain, 0, encoding))
    except PlainError:
        raise QuarantineUnit(Reason.UNREADABLE) from None


def encoding_of(syntax: str) -> Encoding:
    """How elements are encoded in a transfer syntax (PS3.5 A)."""
    if syntax == known.ImplicitVRLittleEndian:
        return IMPLICIT
    return BIG_ENDIAN if syntax == known.ExplicitVRBigEndian else EXPLICIT
