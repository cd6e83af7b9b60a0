"""A patient's elements, rewritten at every depth: what the profile decides, done to raw bytes.

Values and whole short sequences that came before are not worked out again: slices of a series differ in little. What is
kept stays the bytes that it was. `PlainError` means that a sequence is irregular inside.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers import binary, charset
from tasks.deidentify.headers.change import NUMBER_BYTES, Identity, changed
from tasks.deidentify.headers.element import PIXELS, Element, tag_of
from tasks.deidentify.headers.encoding import (
    DELIMITED,
    EMPTY_ITEMS,
    ITEM,
    SEQUENCE_END,
    SEQUENCE_ENDS,
    UNDEFINED,
    Encoding,
    PlainError,
    after_items,
)
from tasks.deidentify.headers.scope import Blocks, Scope, dummy_sequence, keep
from tasks.deidentify.rules import tables
from tasks.deidentify.rules.profile import Action, Decision, Profile

CHARSET = 0x00080005
_LONGEST_SHORT = 0xFFFE
_PLAIN_NUMBERS = 512  # bytes of numbers that are no hidden header, whatever a table says of their count
NOTHING: frozenset[int] = frozenset()
_WITHOUT_CHARSET = frozenset({CHARSET})


class Rewriter:
    """All objects of one class of one patient, as one profile wants them. Keeps what it worked out."""

    def __init__(self, profile: Profile, identity: Identity, iod: int | None, max_depth: int) -> None:
        self.profile = profile
        self.identity = identity
        self.iod = iod
        self.max_depth = max_depth
        self._scopes: dict[tuple[Encoding, str, int, tuple[str, ...]], Scope] = {}

    def scope(self, encoding: Encoding, parent: str, depth: int, terms: tuple[str, ...]) -> Scope:
        """The scope of a place; raises `QuarantineUnit` where it is too deep."""
        key = (encoding, parent, depth, terms)
        found = self._scopes.get(key)
        if found is None:
            if depth > self.max_depth:
                raise QuarantineUnit(Reason.DEIDENTIFY_FAILED)
            found = self._scopes[key] = Scope(encoding, parent, depth, terms, None if depth else self.iod)
        return found

    def rewrite(self, scope: Scope, tag: int, vr: str, chunk: bytes, start: int, length: int) -> bytes | None:
        """The new bytes of one public element, None where it goes."""
        done = scope.done
        if chunk in done:
            return done[chunk]
        new = self._public(scope, tag, vr, chunk, start, length)
        keep(done, chunk, new)
        return new

    def decide(self, scope: Scope, tag: int, vr: str, length: int) -> tuple[Decision, str] | None:
        """What the profile says of a public element, and the VR it is judged by; None where it cannot stay at all."""
        known = tables.value_representations(tag)
        if not known or (tag in PIXELS and scope.depth):
            return None
        if vr == "UN":
            vr = known[0]
        if (vr == "SQ") != ("SQ" in known) or (length == UNDEFINED and vr != "SQ"):
            return None
        return self.profile.decide(tag, vr, scope.iod, scope.parent), vr

    def items(self, scope: Scope, tag: int, content: bytes, start: int, *, undefined: bool, inner: Encoding) -> bytes:
        """The items of a sequence whose value begins at `start` of `content` and ends with it."""
        below = self.scope(inner, tables.name_of(tag) or "private", scope.depth + 1, scope.terms)
        at, end, out = start, len(content), []
        while at < end:
            head, number = inner.tag(content, at)
            kind, length = head << 16 | number, inner.long(content, at + 4)[0]
            at += 8
            if kind == SEQUENCE_END and undefined and at == end:
                break
            if kind != ITEM:
                raise PlainError("no item where a sequence should have one")
            if length == UNDEFINED:
                body, at = self._item(below, content, at, end, open_end=True)
            else:
                if at + length > end:
                    raise PlainError("an item ends beyond its sequence")
                body, at = self._item(below, content, at, at + length, open_end=False)
            out.append(inner.item(body, undefined=length == UNDEFINED))
        if undefined:
            out.append(SEQUENCE_ENDS[inner.order])
        return b"".join(out)

    def _item(self, scope: Scope, content: bytes, at: int, end: int, *, open_end: bool) -> tuple[bytes, int]:
        """(the new bytes of an item's data set, where the item ends)."""
        found: list[Element] = []
        last = -1
        encoding, parse = scope.encoding, scope.encoding.parse
        while True:
            if open_end and content[at : at + 8] == EMPTY_ITEMS[encoding.order]:
                at += 8
                break
            if at >= end:
                if open_end:
                    raise PlainError("an item does not end")
                break
            tag, vr, before, length = parse(content, at)
            if tag <= last or tag >> 16 == 0xFFFE or (length == UNDEFINED and vr not in DELIMITED):
                raise PlainError("elements are out of order")
            start = at + before
            stop = after_items(content, start, encoding.inside(vr)) if length == UNDEFINED else start + length
            if stop > end:
                raise PlainError("an element ends beyond its item")
            found.append(Element(tag, vr, content[at:stop], before, 0, length, 0))
            last, at = tag, stop
        return b"".join(self.dataset(scope, found)), at

    def dataset(self, scope: Scope, elements: list[Element]) -> list[bytes]:
        """The new elements of an item's data set, in order."""
        blocks, skipped = Blocks(), NOTHING
        own = next((element for element in elements if element.tag == CHARSET), None)
        if own is not None and scope.depth:
            terms = charset.terms_of(own.value)
            if not charset.are_known(terms):
                terms, skipped = charset.UNKNOWN, _WITHOUT_CHARSET
            scope = self.scope(scope.encoding, scope.parent, scope.depth, terms)
        out = self.elements(scope, elements, skipped, blocks)
        out.sort(key=tag_of)
        return [new for _, new in out]

    def elements(
        self, scope: Scope, elements: Iterable[Element], skipped: frozenset[int], blocks: Blocks
    ) -> list[tuple[int, bytes]]:
        """(tag, new bytes) of elements that stay, and of the creators of private ones; `blocks` are those before them.

        None of `skipped` is written, nor what isn't in memory.
        """
        out: list[tuple[int, bytes]] = []
        for tag, vr, chunk, start, _at, length, _end in elements:
            if tag in skipped or chunk is None:
                continue
            if not tag >> 16 & 1:
                new = self.rewrite(scope, tag, vr, chunk, start, length)
                if new is not None:
                    out.append((tag, new))
                continue
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                self._note_creator(scope, tag, chunk[start:], blocks)
                continue
            block = tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8
            new = self._private(scope, tag, vr, chunk, start, length, blocks.names.get(block))
            if new is not None:
                out.append((tag, new))
                if block in blocks.unwritten:
                    out.append((block, blocks.unwritten.pop(block)))
        return out

    def _note_creator(self, scope: Scope, tag: int, value: bytes, blocks: Blocks) -> None:
        """Remember a private creator; it is written, in its known spelling, only if something of its block is kept."""
        name = self.profile.known_creator(value.decode("latin-1").strip(" \0"))
        if name is not None:
            blocks.names[tag] = name
            blocks.unwritten[tag] = scope.encoding.element(tag, "LO", name.encode("ascii"))

    def _private(
        self, scope: Scope, tag: int, vr: str, chunk: bytes, start: int, length: int, creator: str | None
    ) -> bytes | None:
        if creator is None or not length:
            return None
        done = scope.private.setdefault(creator, {})
        if chunk in done:
            return done[chunk]
        judged = self.profile.private_vr(creator, tag, vr)
        decision = self.profile.decide_private(creator, tag, judged)
        new = None
        most = self.profile.private_most(creator, tag) * NUMBER_BYTES.get(judged, 0)
        if vr != judged and judged in NUMBER_BYTES and binary.shows_text(chunk[start:]):
            pass  # the table says numbers, the file says nothing, and there are words
        elif judged == "SQ" or (length != UNDEFINED and (not most or length <= max(most, _PLAIN_NUMBERS))):
            new = self._decided(scope, tag, vr, chunk, start, length, decision, judged)
        keep(done, chunk, new)
        return new

    def _public(self, scope: Scope, tag: int, vr: str, chunk: bytes, start: int, length: int) -> bytes | None:
        decided = self.decide(scope, tag, vr, length)
        if decided is None:
            return None
        return self._decided(scope, tag, vr, chunk, start, length, decided[0], decided[1])

    def _decided(
        self,
        scope: Scope,
        tag: int,
        vr: str,
        chunk: bytes,
        start: int,
        length: int,
        decision: Decision,
        judged: str | None = None,
    ) -> bytes | None:
        """`vr` is what the file says, `judged` what it is taken for; where UN holds a sequence, it is implicit VR."""
        judged = judged or vr
        if judged == "SQ":
            return self._sequence(scope, tag, vr, chunk, start, length, decision)
        value = chunk[start:]
        for action in decision:
            new = changed(tag, judged, value, action, self.identity, scope.terms, scope.encoding.order)
            if new is not None:
                same = judged == vr or len(new) > _LONGEST_SHORT  # UN gets the VR that it has in PS3.6, if that fits
                if same and not len(chunk) & 1 and new == value:
                    return chunk
                return scope.encoding.element(tag, vr if same else judged, new)
        return None

    def _sequence(
        self, scope: Scope, tag: int, vr: str, chunk: bytes, start: int, length: int, decision: Decision
    ) -> bytes | None:
        undefined = length == UNDEFINED
        for action in decision:
            if action in (Action.KEEP, Action.CLEAN):
                inner = scope.encoding.inside(vr)
                try:
                    content = self.items(scope, tag, chunk, start, undefined=undefined, inner=inner)
                except (PlainError, struct.error):
                    if tag >> 16 & 1 or vr == "UN":
                        return None  # bytes that were taken for a sequence because of a table, not of the file
                    raise PlainError("a sequence is irregular") from None
                return scope.encoding.header(tag, vr, UNDEFINED if undefined else len(content)) + content
            if action is Action.EMPTY:
                return scope.encoding.header(tag, "SQ", 0)
            if action is Action.DUMMY:
                return dummy_sequence(tag, scope.encoding)
        return None
