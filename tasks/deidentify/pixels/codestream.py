"""What a compressed frame says of itself: its size, read before a decoder allocates by it, and its comments.

Comments and application data in a codestream can hold anything, names included, and no decoder needs them.
"""

from __future__ import annotations

from dataclasses import dataclass

_J2K_START = b"\xff\x4f\xff\x51"  # SOC, SIZ (ISO/IEC 15444-1 A.4.1, A.5.1)
_NO_LENGTH = {0x01, *range(0xD0, 0xD9)}  # TEM, RSTn, SOI
_NOT_FRAME = {0xC4, 0xC8, 0xCC}  # DHT, JPG, DAC lie among the SOF codes
_SCAN = 0xDA


@dataclass(frozen=True)
class FrameSize:
    """Rows, columns, samples and bits a sample of one codestream; `signed` only JPEG 2000 knows."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False


def read_jpeg2000_size(stream: bytes) -> FrameSize | None:
    """The size in the SIZ segment of a JPEG 2000 or HTJ2K codestream, in a JP2 wrapper or not; None without one."""
    start = stream.find(_J2K_START)
    if start < 0 or len(stream) < start + 43:
        return None
    siz = stream[start + 4 :]

    def field(offset: int) -> int:
        return int.from_bytes(siz[offset : offset + 4], "big")

    samples = int.from_bytes(siz[36:38], "big")
    return FrameSize(field(8) - field(16), field(4) - field(12), samples, (siz[38] & 0x7F) + 1, bool(siz[38] & 0x80))


def read_jpeg_size(stream: bytes) -> FrameSize | None:
    """The size in the SOF segment of a JPEG or JPEG-LS stream (ITU-T T.81 B.2.2, T.87 C.2.2); None if there is none."""
    at = stream.find(b"\xff\xd8")
    while 0 <= at <= len(stream) - 4:
        code = stream[at + 1]
        if stream[at] != 0xFF or code == _SCAN:
            return None
        if code == 0xFF or code in _NO_LENGTH:
            at += 1 if code == 0xFF else 2
            continue
        if (0xC0 <= code <= 0xCF and code not in _NOT_FRAME) or code == 0xF7:
            if at + 10 > len(stream):
                return None
            rows, columns = (int.from_bytes(stream[at + n : at + n + 2], "big") for n in (5, 7))
            return FrameSize(rows, columns, stream[at + 9], stream[at + 4])
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def is_reversible(stream: bytes) -> bool:
    """Whether a JPEG 2000 codestream uses the wavelet that loses nothing, or a JPEG-LS stream allows no error."""
    if (start := stream.find(_J2K_START)) >= 0:
        coding = stream.find(b"\xff\x52", start)  # COD (ISO/IEC 15444-1 A.6.1); its last byte here is the wavelet
        return 0 <= coding < len(stream) - 13 and stream[coding + 13] == 1
    scan = stream.find(b"\xff\xda")
    if (
        b"\xff\xf7" in stream[:scan] and 0 <= scan < len(stream) - 5
    ):  # SOS (ITU-T T.87 C.2.3): NEAR follows the components
        return stream[scan + 5 + 2 * stream[scan + 4]] == 0
    return False
