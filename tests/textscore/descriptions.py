"""Descriptions: what of real ones is kept, and what of planted identifiers goes, by the rules of MIDI-B.

`text_retained` asks that the clinical phrase is still there, `text_removed` that no token of what was planted is.
"""

from __future__ import annotations

import random
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from tasks.deidentify.known import Known
from tasks.deidentify.words.descriptors import clean
from tasks.deidentify.words.tokens import words_of
from tests.textscore.people import DATES, Person, people, phone
from tests.textscore.people import planted as lists

KEYWORDS = words_of(
    """StudyDescription SeriesDescription ProtocolName ImageComments RequestedProcedureDescription
    PerformedProcedureStepDescription ScheduledProcedureStepDescription BodyPartExamined DerivationDescription
    ContrastBolusAgent ConvolutionKernel FilterType SequenceName ReasonForStudy ReceiveCoilName TransmitCoilName
    AcquisitionDeviceProcessingDescription SegmentLabel SegmentDescription RTPlanLabel BeamName
    StructureSetLabel ROIName PulseSequenceName CommentsOnThePerformedProcedureStep StudyComments"""
)
# What of the real descriptions of the corpus is a person's, a place's or a machine's name, or nothing at all.
IDENTIFYING = words_of(
    "douglas davidson borjan offis for xxx xxxxxxx xxxxxx lorem ipsum https pixabay com vectors test pattern tv"
)
_TOKEN = re.compile(r"[^\W_]+")
_STOP = words_of("the of and for at in de la di a to with by on no do")


@dataclass
class Outcome:
    """Checks by category: how many there were, and how many held; and some that did not."""

    checks: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, category: str, holds: bool, note: str) -> None:
        """Count one check."""
        self.checks[category] += 1
        self.held[category] += holds
        if not holds:
            self.failures.append(f"{category}: {note}")

    def lines(self) -> Iterator[str]:
        """The table, a line a category."""
        for category in sorted(self.checks):
            held, checks = self.held[category], self.checks[category]
            yield f"  {category:<22} {held:>6} of {checks:>6}  {held / checks:7.2%}"


def planted(half: str, with_known: bool, copies: int = 6, seed: int = 5) -> Outcome:
    """Every phrase in every frame of `half` with something planted, so many times."""
    rng = random.Random(f"{seed}{half}")
    outcome = Outcome()
    for phrase in lists()["phrases"]:
        for frame in lists()["frames"][half]:
            for _ in range(copies):
                person = people(rng, 1)[0]
                category, value = _value(rng, person)
                text = frame.format(p=phrase, x=value)
                known = Known(patient=(person.pn,)) if with_known and category == "name" else Known()
                cleaned = clean(text, known)
                kept, left = _tokens(cleaned), _tokens(cleaned) - _tokens(phrase)
                outcome.add("text_retained", not _tokens(phrase) - kept, f"{text!r} -> {cleaned!r}")
                outcome.add(f"text_removed {category}", not left & (_tokens(value) - _STOP), f"{text!r} -> {cleaned!r}")
    return outcome


def retained(folder: Path) -> tuple[int, int, list[str]]:
    """Of the real descriptions below `folder`: how many tokens there are, how many stay, and what changes."""
    total = kept = 0
    changes = []
    for text in sorted(descriptions(folder)):
        wanted = Counter(token for token in _TOKEN.findall(text) if token.lower() not in IDENTIFYING)
        cleaned = clean(text, Known())
        total += wanted.total()
        kept += (wanted & Counter(_TOKEN.findall(cleaned))).total()
        if wanted - Counter(_TOKEN.findall(cleaned)):
            changes.append(f"{text[:80]!r} -> {cleaned[:80]!r}")
    return total, kept, changes


def descriptions(folder: Path) -> set[str]:
    """Every distinct description of the files below `folder`."""
    found: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            try:
                found.update(_texts(dcmread(path, force=True, stop_before_pixels=True)))
            except Exception:  # the corpus holds files that nothing can read
                continue
    return found


def _texts(dataset: Dataset) -> Iterable[str]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.keyword in KEYWORDS and element.value:
            values = element.value if not isinstance(element.value, str) else [element.value]
            yield from (str(value) for value in values)


def _tokens(text: str) -> set[str]:
    return {token.lower() for token in _TOKEN.findall(text)}


def _value(rng: random.Random, person: Person) -> tuple[str, str]:
    day = date(1950, 1, 1) + timedelta(days=rng.randint(0, 26000))
    titled = (person.family, f"{person.given} {person.family}")
    number = f"{rng.choice(['', 'A', 'MR', 'H-'])}{rng.randint(100000, 99999999)}"
    return rng.choice(
        (
            ("name", rng.choice(person.forms())),
            ("name", rng.choice(person.forms())),
            (
                "doctor",
                f"{rng.choice(['Dr.', 'Dr', 'Prof.', 'Mr.', 'Mrs.'])} {rng.choice(titled)}",
            ),
            ("date", day.strftime(rng.choice(DATES[:10]))),
            ("id", f"{rng.choice(['MRN ', 'MRN: ', 'ID ', 'Acc# ', ''])}{number}"),
            ("hospital", rng.choice(lists()["hospitals"])),
            ("phone", phone(rng)),
            ("address", rng.choice(lists()["addresses"])),
            ("email", f"{person.family.lower().replace(' ', '')}@example.org"),
        )
    )
