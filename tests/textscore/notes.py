"""The annotated notes of phi_notes_obi: what a model of their authors marked, by category. Small: four notes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.deidentify.known import Known
from tests.textscore.measure import Tally, score

# <<PATIENT:Jane Doe>> as it stands in the de-identified counterpart.
_MARK = re.compile(r"<<(?P<category>[A-Z]+):(?P<value>.*?)>>", re.DOTALL)
TUNED_ON = frozenset({"note_1", "note_2"})


@dataclass(frozen=True)
class Note:
    """A text with its marked stretches."""

    name: str
    text: str
    planted: tuple[tuple[int, int, str], ...]

    def known(self) -> Known:
        """What a header would say of the patient: the names and ids that are marked as the patient's."""
        values = [(category, self.text[start:end]) for start, end, category in self.planted]
        names = tuple(dict.fromkeys(value for category, value in values if category == "PATIENT"))
        return Known(patient=names, ids=tuple(dict.fromkeys(value for category, value in values if category == "ID")))


def load(folder: Path) -> Iterator[Note]:
    """The notes below `folder`; an age under ninety is not an identifier here."""
    for line in (folder / "notes" / "deid.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text, planted, at = "", [], 0
        for mark in _MARK.finditer(row["deid_text"]):
            text += row["deid_text"][at : mark.start()]
            category, value = mark["category"], mark["value"]
            if category != "AGE" or int(value) >= 90:
                planted.append((len(text), len(text) + len(value), category))
            text += value
            at = mark.end()
        text += row["deid_text"][at:]
        assert text == row["text"], "the marks do not fit the note"
        yield Note(row["meta"]["note_id"], text, tuple(planted))


def tally(notes: list[Note], with_known: bool = False) -> Tally:
    """Recall and precision over `notes`."""
    found = Tally()
    for note in notes:
        score(found, note.text, note.planted, note.known() if with_known else Known())
    return found
