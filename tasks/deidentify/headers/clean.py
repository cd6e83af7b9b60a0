"""A whole object's header: cleaned, told what was done to it, and put together with its pixels as a Part 10 file.

Keeps a `Rewriter` for each patient and class, so that a series costs its first slice. What decides is rules/, how a
value changes is change.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.headers import part10
from tasks.deidentify.headers.change import Identity
from tasks.deidentify.headers.element import PIXELS, Element, Row, tag_of
from tasks.deidentify.headers.encoding import Encoding
from tasks.deidentify.headers.identity import known_of, signature
from tasks.deidentify.headers.opened import DEFLATED, Opened
from tasks.deidentify.headers.rewrite import CHARSET, Rewriter
from tasks.deidentify.headers.scope import Blocks
from tasks.deidentify.known import Known
from tasks.deidentify.parts import Parts, Range, chunks
from tasks.deidentify.rules import tables
from tasks.deidentify.rules.profile import Action, Profile

_MOST_SESSIONS = 64
_MOST_ROWS = 1024
Rewritten = tuple[list[tuple[int, bytes]], Blocks]  # of a row: what stays of it, and its private creators


@dataclass(repr=False)
class Session:
    """What the objects of one class of one patient share: who it is, the rewriter, and the elements that are set."""

    patient: str
    shift: int
    known: Known
    rewriter: Rewriter
    stated: dict[Encoding, dict[int, bytes]] = field(default_factory=dict)
    rows: dict[frozenset[int], dict[Row, Rewritten]] = field(default_factory=dict)


class HeaderCleaner:
    """Cleans headers by one profile, for all patients."""

    def __init__(self, profile: Profile, pseudonymiser: Pseudonymiser, max_depth: int) -> None:
        self.profile = profile
        self.pseudonymiser = pseudonymiser
        self.max_depth = max_depth
        self._sessions: dict[tuple[object, ...], Session] = {}

    def session(self, opened: Opened) -> Session:
        """The session of the file's patient."""
        patient_id, study = opened.patient_id, ""
        if not patient_id:
            study = opened.study
        key = (patient_id, study, opened.sop_class, opened.terms, signature(opened))
        found = self._sessions.get(key)
        if found is None:
            if len(self._sessions) >= _MOST_SESSIONS:
                self._sessions.clear()
            patient = self.pseudonymiser.patient(patient_id, opened.study)
            shift = self.pseudonymiser.shift_days(patient_id, opened.study)
            known = known_of(opened, self.profile.retained)
            identity = Identity(patient, shift, self.pseudonymiser, known)
            rewriter = Rewriter(self.profile, identity, tables.iod_of(opened.sop_class), self.max_depth)
            found = self._sessions[key] = Session(patient, shift, known, rewriter)
        return found

    def clean(
        self, opened: Opened, session: Session, sop: str, pixels: Pixels, *, without: frozenset[int] = frozenset()
    ) -> Parts:
        """The finished file. `without` are attributes that go whatever the profile says.

        Raises `PlainError` for what is irregular inside a sequence, `QuarantineUnit` for what is nested too deeply.
        """
        stated = session.stated.get(opened.encoding)
        if stated is None:
            stated = session.stated[opened.encoding] = self._stated(session, opened.encoding)
        out: list[tuple[int, bytes | Parts]] = list(stated.items())
        scope = session.rewriter.scope(opened.encoding, "", 0, opened.terms)
        skipped = frozenset((*stated, *pixels.elements, CHARSET if opened.has_unknown_terms else 0)) | without
        rows = session.rows.setdefault(skipped, {})
        blocks, group = Blocks(), 0
        for piece in opened.pieces:
            if type(piece) is Row:
                whole = piece.first >> 16 != group or not group & 1
                done = rows.get(piece) if whole else None
                if done is None:
                    within = Blocks() if whole else blocks
                    done = session.rewriter.elements(scope, piece.elements, skipped, within), within
                    if whole:
                        _keep(rows, piece, done)
                out += done[0]
                if done[1] is not blocks and done[1].names:
                    blocks.add(done[1])
                group = piece.last >> 16
                continue
            assert isinstance(piece, Element)
            if piece.chunk is not None:
                out += session.rewriter.elements(scope, (piece,), skipped, blocks)
            elif piece.tag == pixels.tag:
                out.append((piece.tag, pixels.parts))
            elif piece.tag not in skipped and (large := self._large(opened, session.rewriter, piece.tag)) is not None:
                out.append((piece.tag, large))
            group = piece.tag >> 16
        out += [(tag, new) for tag, new in pixels.elements.items() if new]
        out.sort(key=tag_of)
        meta = part10.preface(opened.sop_class, sop, pixels.syntax or opened.syntax)
        body = _joined(new for _, new in out)
        if opened.syntax == DEFLATED:
            body = (_deflated(body),)
        if isinstance(body[0], bytes):
            return (meta + body[0], *body[1:])
        return (meta, *body)

    def _stated(self, session: Session, encoding: Encoding) -> dict[int, bytes]:
        patient = session.patient.encode("ascii")
        return {
            0x00100010: encoding.element(0x00100010, "PN", patient),
            0x00100020: encoding.element(0x00100020, "LO", patient),
            **part10.statement(self.profile, encoding),
        }

    def _large(self, opened: Opened, rewriter: Rewriter, tag: int) -> Parts | None:
        """A large binary value at the top: taken as it is where the profile keeps it, else gone."""
        element = opened.by_tag[tag]
        scope = rewriter.scope(opened.encoding, "", 0, opened.terms)
        decided = None if tag >> 16 & 1 or tag in PIXELS else rewriter.decide(scope, tag, element.vr, element.length)
        if decided is None or decided[0].action is not Action.KEEP:
            return None
        return raw_element(opened, element, opened.source.part(element.at, element.length))


@dataclass(repr=False)
class Pixels:
    """The pixel element as it is to be written (its header included), and what else changes in the header with it.

    An element of `elements` that is b"" is taken away. `syntax` is the new transfer syntax, "" where it stays.
    """

    tag: int = 0
    parts: Parts = ()
    elements: dict[int, bytes] = field(default_factory=dict)
    syntax: str = ""


def raw_element(opened: Opened, element: Element, value: bytes | Range) -> Parts:
    """An element with a value that isn't read: its header, and the value."""
    return (opened.encoding.header(element.tag, element.vr, element.length), value)


def _joined(pieces: Iterator[bytes | Parts]) -> Parts:
    """Neighbouring bytes as one."""
    parts: list[bytes | Range] = []
    run: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            run.append(piece)
            continue
        for part in piece:
            if isinstance(part, bytes):
                run.append(part)
            else:
                if run:
                    parts.append(b"".join(run))
                    run = []
                parts.append(part)
    if run:
        parts.append(b"".join(run))
    return tuple(parts)


def _deflated(body: Parts) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    out = [deflater.compress(chunk) for chunk in chunks(body)]
    deflated = b"".join(out) + deflater.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def _keep(rows: dict[Row, Rewritten], row: Row, done: Rewritten) -> None:
    if len(rows) >= _MOST_ROWS:
        rows.clear()
    rows[row] = done
