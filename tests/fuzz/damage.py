"""Damage: what transfer, storage, converters and hostile people do to a file. Each takes a random source of its own.

Damage to bytes hits anywhere; damage to elements hits tags, VRs, lengths and whole elements where they stand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from tests.canary.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT
from tests.fuzz.layout import Spot

Bytes = bytearray
_VRS = (
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB", b"OD", b"OF", b"OL"),
    *(b"OV", b"OW", b"PN", b"SH", b"SL", b"SQ", b"SS", b"ST", b"SV", b"TM", b"UC", b"UI", b"UL", b"UN", b"UR", b"US"),
    *(b"UT", b"UV", b"  ", b"\0\0", b"ZZ", b"??"),
)
_LENGTHS = (
    0,
    1,
    2,
    3,
    7,
    8,
    64,
    255,
    256,
    0x7FFF,
    0xFFFE,
    0xFFFF,
    0x10000,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 2,
    2**32 - 1,
)
_SYNTAXES = (
    *(
        EXPLICIT,
        IMPLICIT,
        BIG_ENDIAN,
        DEFLATED,
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.57",
        "1.2.840.10008.1.2.4.70",
    ),
    *("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5"),
    *("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.6.1", "1.2.3.4", "", "not a uid"),
)
_CHARSETS = (
    *("ISO_IR 100", "ISO_IR 192", "GB18030", "GBK", "ISO 2022 IR 87", "\\ISO 2022 IR 149", "ISO_IR 13", "ISO_IR 999"),
    *(
        "ISO 2022 IR 6\\ISO 2022 IR 100",
        "\\\\\\",
        "UTF-16",
        "latin-1",
        "unicode_escape",
        "idna",
        "base64",
        "zlib_codec",
    ),
)


def flip_bits(content: Bytes, spots: list[Spot], random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 4, 16, 64))):
        content[_somewhere(content, random)] ^= 1 << random.randrange(8)


def set_bytes(content: Bytes, spots: list[Spot], random: Random) -> None:
    for _ in range(random.choice((1, 2, 8))):
        content[_somewhere(content, random)] = random.choice((0, 0xFF, 0x1B, 0x5C, 0x20, random.randrange(256)))


def insert(content: Bytes, spots: list[Spot], random: Random) -> None:
    at = _somewhere(content, random)
    content[at:at] = random.randbytes(random.choice((1, 2, 3, 8, 100, 1000)))


def delete(content: Bytes, spots: list[Spot], random: Random) -> None:
    at = _somewhere(content, random)
    del content[at : at + random.choice((1, 2, 3, 4, 8, 50, 500))]


def truncate(content: Bytes, spots: list[Spot], random: Random) -> None:
    at = random.choice(spots).at if spots and random.random() < 0.5 else _somewhere(content, random)
    del content[at + random.randrange(13) :]


def repeat(content: Bytes, spots: list[Spot], random: Random) -> None:
    at = _somewhere(content, random)
    content[at:at] = content[at : at + random.choice((8, 64, 512))] * random.choice((1, 2, 20))


def overwrite_length(content: Bytes, spots: list[Spot], random: Random) -> None:
    spot = random.choice(spots)
    length = random.choice(_LENGTHS)
    if random.random() < 0.5 and spot.end >= 0:
        length = max(0, spot.end - spot.value_at + random.choice((-8, -2, -1, 1, 2, 4, 8, 12, 20, 40)))
    form = "<L" if spot.length_size == 4 else "<H"
    struct.pack_into(form, content, spot.length_at, length & (2 ** (8 * spot.length_size) - 1))


def overwrite_vr(content: Bytes, spots: list[Spot], random: Random) -> None:
    spot = random.choice(spots)
    if spot.vr_at >= 0:
        content[spot.vr_at : spot.vr_at + 2] = random.choice(_VRS)


def overwrite_tag(content: Bytes, spots: list[Spot], random: Random) -> None:
    spot = random.choice(spots)
    tag = random.choice(
        (random.choice(spots).tag, random.getrandbits(32), spot.tag ^ 1 << random.randrange(32), 0xFFFEE000)
    )
    struct.pack_into("<HH", content, spot.at, tag >> 16, tag & 0xFFFF)


def swap_elements(content: Bytes, spots: list[Spot], random: Random) -> None:
    first, second = sorted((random.choice(spots), random.choice(spots)), key=lambda spot: spot.at)
    if first.at < first.end <= second.at < second.end:
        one, other = bytes(content[first.at : first.end]), bytes(content[second.at : second.end])
        content[second.at : second.end] = one
        content[first.at : first.end] = other


def duplicate_element(content: Bytes, spots: list[Spot], random: Random) -> None:
    spot = random.choice(spots)
    target = random.choice((spot, random.choice(spots)))
    content[target.at : target.at] = content[spot.at : max(spot.end, spot.at)][: 2**16]


def delete_element(content: Bytes, spots: list[Spot], random: Random) -> None:
    spot = random.choice(spots)
    del content[spot.at : max(spot.end, spot.at)]


def shuffle_value(content: Bytes, spots: list[Spot], random: Random) -> None:
    spot = random.choice(spots)
    length = min(spot.end - spot.value_at, 4096)
    if length > 0:
        content[spot.value_at : spot.value_at + length] = random.randbytes(length)


def unterminated(content: Bytes, spots: list[Spot], random: Random) -> None:
    for marker in random.sample((b"\xfe\xff\xdd\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\x00\xe0"), 2):
        at = content.find(marker, _somewhere(content, random) // 2)
        if at >= 0:
            content[at : at + random.choice((4, 8))] = b""


def lie_about_syntax(content: Bytes, spots: list[Spot], random: Random) -> None:
    _replace_text(content, spots, 0x00020010, random.choice(_SYNTAXES))


def lie_about_charset(content: Bytes, spots: list[Spot], random: Random) -> None:
    _replace_text(content, spots, 0x00080005, random.choice(_CHARSETS))


def drop_prefix(content: Bytes, spots: list[Spot], random: Random) -> None:
    del content[: random.choice((1, 4, 128, 132))]


DAMAGES: tuple[Callable[[Bytes, list[Spot], Random], None], ...] = (
    *(flip_bits, flip_bits, set_bytes, insert, delete, truncate, repeat),
    *(overwrite_length, overwrite_length, overwrite_vr, overwrite_tag, swap_elements, duplicate_element),
    *(delete_element, shuffle_value, unterminated, lie_about_syntax, lie_about_charset, drop_prefix),
)


def damaged(content: bytes, spots: list[Spot], random: Random) -> bytes:
    """A copy with one to three damages. After the first the spots may be off, which is welcome."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        inside = [spot for spot in spots if spot.end <= len(changed) - 16]
        damage = random.choice(DAMAGES if inside else DAMAGES[:7])
        if len(changed) > 200:
            damage(changed, inside, random)
    return bytes(changed)


def _somewhere(content: Bytes, random: Random) -> int:
    """Mostly in the header, where damage matters."""
    return random.randrange(len(content) if random.random() < 0.3 else min(len(content), 6000))


def _replace_text(content: Bytes, spots: list[Spot], tag: int, text: str) -> None:
    for spot in spots:
        if spot.tag == tag and spot.length_size:
            value = text.encode() + b"\0" * (len(text) % 2)
            content[spot.value_at : spot.end] = value
            struct.pack_into("<H" if spot.length_size == 2 else "<L", content, spot.length_at, len(value))
            return
