"""Which objects may show a face once they are rendered: volumes of the head. Judged by the header's words alone."""

from __future__ import annotations

import re

from pydicom.dataset import Dataset

from tasks.deidentify.headers.read import text_of

_VOLUMES = frozenset({"CT", "MR", "PT"})
_ASKED = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
_HEAD = re.compile(
    r"HEAD|BRAIN|SKULL|FACE|FACIAL|SINUS|ORBIT|NEURO|CRANI|CEREBR|MAXILL|MANDIB|DENTAL|PITUIT|SELLA|TEMPORAL|IAC\b|NECK|"
    r"KOPF|SCHAEDEL|SCH.DEL|GEHIRN|T.TE\b|CABEZA|CEREBRO|TESTA\b|HOOFD|MPRAGE|FLAIR",
)


def shows_face(header: Dataset) -> bool:
    """Whether a CT, MR or PET has a word for the head in its body part or descriptions."""
    if text_of(header, "Modality").upper() not in _VOLUMES:
        return False
    return any(_HEAD.search(text_of(header, keyword).upper()) for keyword in _ASKED)
