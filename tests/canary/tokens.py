"""Canaries: values that occur once in a source and are found again wherever they stand in an output, and in what form.

A text has a made-up word and a made-up number; a date, a time, a UID or a number of its own tells each attribute from
the others. Nothing here knows where a canary is put.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import date, timedelta

UID_ROOT = "1.2.826.0.1.3680043.9999.41"
FIRST_DAY = date(1921, 3, 3)
# So that no shifted date of one attribute is by chance the date of another: no patient's shift is a multiple of it.
STRIDE = 11
_LETTERS = "abcdefghilmnoprstuvy"
SHORT_VRS = frozenset({"AS", "US", "SS", "AT"})


@dataclass(frozen=True, order=True)
class Place:
    """Where a canary was put: `group` is `top`, `nested …` or `channel`, `name` a keyword or a channel."""

    group: str
    name: str


@dataclass
class Mint:
    """Makes canaries and remembers what was put where. `same` holds short values: found by attribute, not by bytes."""

    words: dict[str, Place] = field(default_factory=dict)
    numbers: dict[str, Place] = field(default_factory=dict)
    days: dict[str, Place] = field(default_factory=dict)
    times: dict[str, Place] = field(default_factory=dict)
    uids: dict[str, Place] = field(default_factory=dict)
    raw: dict[bytes, Place] = field(default_factory=dict)
    same: dict[tuple[int, bytes], Place] = field(default_factory=dict)

    def word(self, place: Place) -> str:
        """A capitalised word of eight letters that no language has, e.g. `Qzaabckw`."""
        number, letters = len(self.words), ""
        for _ in range(4):
            number, letter = divmod(number, len(_LETTERS))
            letters += _LETTERS[letter]
        word = f"Qz{letters}kw"
        self.words[word.lower()] = place
        return word

    def number(self, place: Place) -> str:
        """Seven digits that begin with 81."""
        number = f"81{len(self.numbers):05d}"
        self.numbers[number] = place
        return number

    def day(self, place: Place) -> str:
        """A date as DA writes it."""
        day = (FIRST_DAY + timedelta(days=STRIDE * len(self.days))).strftime("%Y%m%d")
        self.days[day] = place
        return day

    def time(self, place: Place) -> str:
        """A time as TM writes it, known by its fraction."""
        time = f"1011{len(self.times) % 60:02d}.8{len(self.times):05d}"
        self.times[time] = place
        return time

    def uid(self, place: Place) -> str:
        """A UID that is nobody's."""
        uid = f"{UID_ROOT}.{len(self.uids)}.7"
        self.uids[uid] = place
        return uid

    def known(self, place: Place, text: str, *encodings: str) -> str:
        """`text` as it stands, in the encodings given and in UTF-8 and UTF-16: a name that is known from the header."""
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", *encodings):
            self.raw[text.lower().encode(encoding)] = place
            self.raw[text.encode(encoding)] = place
        return text

    def value(self, place: Place, vr: str, tag: int = 0) -> bytes:
        """The bytes of a valid value of `vr`, little endian, that nobody else has."""
        content = self._value(place, vr, tag)
        if vr in SHORT_VRS:
            self.same[tag, content] = place
        return content

    def _value(self, place: Place, vr: str, tag: int) -> bytes:
        match vr:
            case "DA":
                return self.day(place).encode()
            case "TM":
                return self.time(place).encode()
            case "DT":
                return f"{self.day(place)}{self.time(place)}+0100".encode()
            case "UI":
                return self.uid(place).encode()
            case "AS":
                return f"{11 + len(self.same) % 70:03d}Y".encode()
            case "DS":
                return f"{self.number(place)}.5".encode()
            case "IS":
                return self.number(place).encode()
            case "US" | "SS" | "AT":
                return struct.pack("<HH", 40 + len(self.same), 1 + len(self.same))[: 4 if vr == "AT" else 2]
            case "UL" | "SL" | "UV" | "SV":
                return self._number_bytes(place, "<Q" if vr.endswith("V") else "<I", int)
            case "FL" | "FD":
                return self._number_bytes(place, "<f" if vr == "FL" else "<d", float)
            case "PN":
                return f"{self.word(place)}^{self.word(place)}".encode()
            case "CS" | "AE":
                return f"{self.word(place)} {self.number(place)}".upper().encode()
            case "UR":
                return f"https://{self.word(place)}.example/{self.number(place)}".lower().encode()
            case "LT" | "ST" | "UT":
                return f"Seen by {self.word(place)}, no {self.number(place)}, on {self.day(place)}, chest CT".encode()
            case _:
                return f"{self.word(place)} {self.number(place)}".encode()

    def _number_bytes(self, place: Place, form: str, kind: type) -> bytes:
        content = struct.pack(form, kind(8_100_001 + 2 * len(self.raw)))
        self.raw[content] = place
        return content
