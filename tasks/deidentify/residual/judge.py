"""Whether what was found is an identifier of the source: by what stands beside it, and by the place where it stands.

A search by bytes finds too much: `Young` in `younger`, an id within a longer number, four letters among pixels, a
shifted date that happens to be another date of the source. Asked only for what was found, so it may take its time.
"""

from __future__ import annotations

import re
from functools import cached_property

from tasks.deidentify.residual import chance, dates
from tasks.deidentify.residual.charsets import readings
from tasks.deidentify.residual.context import Context, context_of, is_called_by_name, stands_alone
from tasks.deidentify.residual.identifying import Collected, unique
from tasks.deidentify.residual.layout import Layout, Place, Sort
from tasks.deidentify.residual.needles import Hit
from tasks.deidentify.residual.view import Reader
from tasks.deidentify.residual.vocabulary import facts
from tasks.deidentify.residual.wanted import Rule, Wanted

DUMMY_DAY = "19000101"  # what is written where a date must stand and none may be told
_UID_END = re.compile(r"[\d.]*")
_LONG_UID = 20
_LEAST = 6  # bytes of a text that chance may not explain, whatever stands around it
_SMALL = 256  # bytes in which four given ones do not stand by chance
_NO_DATE_BEFORE = ("", "\0", "\n", "\\", "\t")
_TOLD = (Rule.UID, Rule.YEAR, Rule.SHORT_DAY)  # of these only a beginning or an end is searched for
_TEXTS = (Sort.TEXT, Sort.NAME, Sort.NUMBER)
_PLAIN = 2**16
_NUMBERED = 7  # digits of a number that count where only numbers stand


class Judge:
    """Judges what was found in one output on account of one source."""

    def __init__(self, source: Reader, collected: Collected, layout: Layout, shift: int | None, searches: int) -> None:
        """`shift` is by how many days dates were moved; None where none may be left."""
        self._source, self._collected, self.layout, self._shift = source, collected, layout, shift
        self._searches = searches

    def verdict(self, hit: Hit, reader: Reader | None = None, *, among_pixels: bool = False) -> str | None:
        """`PatientName in StudyDescription`, or None where it is no identifier.

        `reader` is what the hit was found in, where that is not the output itself but text made from it.
        """
        wanted = hit.needle.wanted
        place = self.layout.place(hit.end - 1) if among_pixels else None
        context = context_of(reader or self.layout.reader, hit, place and (place.start, place.end))
        # Among numbers nothing stands beside a find that would make it a part of a longer word: chance decides.
        numbers = place is not None and place.sort is Sort.ARRAY and wanted.rule not in _TOLD
        if not (numbers or self._is_alone(hit, context)) or (wanted.rule is Rule.DAY and self._may_stand(wanted.text)):
            return None
        named = wanted.rule is not Rule.COMMON or is_called_by_name(wanted, context)
        if reader is not None:
            return wanted.keyword if named else None
        if not named and not context.in_name:  # an everyday word, unless it stands where a name should
            return None
        if place is None:
            place = self.layout.place(context.start)
            value = self._in_its_value(hit, place)
            if value is not None and not self._is_alone(hit, value):
                return None
        return f"{wanted.keyword} in {place.name}" if self._counts_at(hit, context, place) else None

    def _is_alone(self, hit: Hit, context: Context) -> bool:
        """Whether the find is a word, number, year or UID of its own, by what stands beside it."""
        wanted = hit.needle.wanted
        if wanted.rule in _TOLD:
            return self._is_told(wanted, context)
        return stands_alone(wanted, context, hit.needle.width)

    def _in_its_value(self, hit: Hit, place: Place) -> Context | None:
        """The surroundings within the element's value, if that is plain text: `MARKER` and a tag may look like `MARK`.

        In a value with zero bytes other elements or other encodings may be hidden, so it tells nothing.
        """
        if place.sort not in _TEXTS or hit.start < place.start or place.end - place.start > _PLAIN:
            return None
        value = self.layout.reader.read(place.start, place.end - place.start)
        return None if b"\0" in value.rstrip(b"\0") else context_of(self.layout.reader, hit, (place.start, place.end))

    def _is_told(self, wanted: Wanted, context: Context) -> bool:
        """Whether a year or the beginning of a UID is that of one of the source's."""
        if wanted.rule is Rule.UID:
            return self._is_uid(context)
        if wanted.rule is Rule.YEAR and context.right[:4].isdigit() and context.left[-1:] in _NO_DATE_BEFORE:
            day = context.found + context.right[:4]  # as dates of elements stand, which most of these are
            return day in self._days and not self._may_stand(day)
        near = context.left[-24:] + context.found + context.right[:24]
        if wanted.rule is Rule.SHORT_DAY:
            short = set(dates.short_days(near))
            return any(f"{day[4:]}{day[2:4]}" in short and not self._may_stand(day) for day in self._days)
        found = set(dates.days(near))
        if not near.isascii():  # months and what stands between numbers may have letters beyond ASCII
            found.update(dates.days(near.encode("latin-1").decode("utf-8", "ignore")))
        return any(
            day in self._days and not self._may_stand(day) and not self._is_read_wrongly(day, found) for day in found
        )

    def _is_read_wrongly(self, day: str, found: set[str]) -> bool:
        """Whether day and month change places (`04/03/2021`), and the other reading is a date that was moved."""
        other = day[:4] + day[6:] + day[4:6]
        return other != day and other in found and self._is_moved(other)

    def _is_uid(self, context: Context) -> bool:
        if context.left[-1:].isdigit() or context.left[-1:] == ".":
            return False
        tail = _UID_END.match(context.right)
        uid = (context.found + (tail[0] if tail else "")).rstrip(".").encode("ascii", "replace")
        own = self._collected.uids - self._kept_uids
        while uid not in own:
            uid, _, last = uid.rpartition(b".")
            if not last or len(uid) < _LONG_UID:
                return False
        return True

    def _may_stand(self, day: str) -> bool:
        """Whether a day of the source may stand in the output: as another one's shifted day, or kept on purpose."""
        return day == DUMMY_DAY or day in self._kept_days or self._is_moved(day)

    def _is_moved(self, day: str) -> bool:
        """Whether a day is one of the source's, moved by the patient's shift."""
        if self._shift is None:
            return False
        origin = dates.moved(day, -self._shift)
        return origin in self._days or origin in self._written_days

    @cached_property
    def _days(self) -> frozenset[str]:
        return frozenset(token.raw.decode("ascii") for token in self._collected.tokens if token.kind == "day")

    @cached_property
    def _written_days(self) -> frozenset[str]:
        """All dates of the source's header, in whatever form, text included."""
        header = self._source.read(0, 2**18)
        return frozenset(dates.days(header.decode("latin-1")))

    @cached_property
    def _kept(self) -> str:
        """The text of what is kept on purpose."""
        tokens = unique(self._collected.tokens, "retained")
        return "\n".join(text for token in tokens for text in readings(token.raw, token.charset or b""))

    @cached_property
    def _kept_days(self) -> frozenset[str]:
        return frozenset(dates.days(self._kept))

    @cached_property
    def _kept_uids(self) -> frozenset[bytes]:
        return frozenset(uid.encode("utf-8") for uid in re.split(r"[\\\s]+", self._kept))

    def _counts_at(self, hit: Hit, context: Context, place: Place) -> bool:
        """Whether it is an identifier at this place."""
        wanted = hit.needle.wanted
        if wanted.rule is Rule.COMMON and place.sort is not Sort.NAME and not is_called_by_name(wanted, context):
            return False
        if place.sort is Sort.NUMBER and wanted.rule in (Rule.DIGITS, Rule.PHONE):
            return wanted.rule is Rule.DIGITS and len(wanted.text) >= _NUMBERED
        if wanted.keyword in facts("steps") and wanted.text.encode() in self._codes:
            return False
        if place.sort is Sort.ARRAY:
            return len(context.raw) >= _LEAST and self._is_no_chance(context, place)
        if place.sort is Sort.BLOB and wanted.rule is not Rule.UID:
            least = min(place.row, place.end - place.start - 2)  # all of a value may be text, however short
            if hit.needle.width == 0 and place.end - place.start <= _SMALL:
                return True
            row = context.in_a_row * max(hit.needle.width, 1)
            return row >= least or self._is_no_chance(context, place)
        return True

    @cached_property
    def _codes(self) -> frozenset[bytes]:
        return frozenset(code.lower() for code in self._collected.codes)

    def _is_no_chance(self, context: Context, place: Place) -> bool:
        reader, end = self.layout.reader, context.start + len(context.raw)
        start = max(place.start, context.start - chance.NEIGHBOURHOOD)
        before = reader.read(start, context.start - start)
        after = reader.read(end, min(chance.NEIGHBOURHOOD, max(0, place.end - end)))
        places = place.end - place.start
        return chance.expected(context.raw, before, after, places, self._searches) < chance.BELIEVED
