"""Planting into private attributes of real vendors: numbers that are safe, and names, dates and UIDs that are not.

Which is which follows PS3.15 E.3.10-1 and the knowledge base of TCIA; data/private.json holds the attributes.
"""

from __future__ import annotations

import random
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import VR

from tests.scorecard import phrases, table
from tests.scorecard.people import Visit, data, forms
from tests.scorecard.place import Place, Step, private
from tests.scorecard.planting import fresh_uid
from tests.scorecard.rows import Rows


def plant(dataset: Dataset, visit: Visit, rng: random.Random, rows: Rows, blocks: int = 2) -> None:
    """Plant `blocks` private blocks that fit the modality, and one of a PACS now and then."""
    modality = str(dataset.get("Modality", ""))
    table_of_blocks: list[dict[str, Any]] = data("private.json")["blocks"]
    fitting = [block for block in table_of_blocks if modality in block["modalities"]]
    anywhere = [block for block in table_of_blocks if not block["modalities"]]
    chosen = rng.sample(fitting, min(blocks, len(fitting)))
    if rng.random() < 0.3 or not chosen:
        chosen.append(rng.choice(anywhere))
    for block in chosen:
        for row in block["rows"]:
            _plant_one(dataset, visit, rng, rows, block["creator"], row)
    if rng.random() < 0.2:
        _without_creator(dataset, visit, rows)


def _plant_one(dataset: Dataset, visit: Visit, rng: random.Random, rows: Rows, creator: str, row: list[Any]) -> None:
    group, element, vr, role, value = int(row[0], 16), int(row[1], 16), row[2], row[3], row[4]
    place = private(group, creator, element)
    block = dataset.private_block(group, creator, create=True)
    if element in block:
        del block[element]
    rows.taken.add(place)
    if role == "keep":
        block.add_new(element, VR(vr), value)
        if rows.profile == "research":
            rows.add("text_retained", place, plain(value), why=_source(place), vr=vr)
        return
    if role == "phrase":
        phrase = phrases.write(rng, value, visit, vr)
        if not phrase.text.isascii():
            return
        block.add_new(element, VR(vr), phrase.text)
        for text, whole in phrase.go:
            rows.gone(place, text, whole=whole, why="private text")
        return
    if role == "date":
        text = visit.day.strftime(value)
        block.add_new(element, VR(vr), text)
        rows.add("date_shifted", place, text, why="private date")
    elif role == "uid":
        text = str(fresh_uid(rng))
        block.add_new(element, VR(vr), text)
        rows.add("uid_changed", place, text, why="private UID")
    else:
        _identifier(block, rows, place, (element, vr, role), value.format(**forms(visit)))


def _identifier(block: Any, rows: Rows, place: Place, what: tuple[int, str, str], text: str) -> None:
    element, vr, role = what
    if not text.isascii() or len(text) > phrases.MOST.get(vr, 64):
        return
    if vr == "SQ":
        item = Dataset()
        item.PatientName = text
        item.SeriesDescription = f"CT for {text}"
        block.add_new(element, VR("SQ"), Sequence([item]))
        path = (place[0]._replace(item=0),)
        rows.gone((*path, Step(0x00100010)), text, why="private sequence")
        rows.gone((*path, Step(0x0008103E)), text, why="private sequence")
        return
    if role == "blob":
        head = b"SV10\x04\x03\x02\x01" + bytes(24)
        block.add_new(element, VR(vr), head + b"tPatientName = " + text.encode() + bytes(64 + len(text) % 2))
    else:
        block.add_new(element, VR(vr), text)
    rows.gone(place, text, why="private " + ("bytes" if role == "blob" else "identifier"))


def _without_creator(dataset: Dataset, visit: Visit, rows: Rows) -> None:
    """A private attribute in a block that nobody reserved (PS3.5 7.8.1 forbids it, and it happens)."""
    text = visit.person.mrn
    if any(tag.group == 0x0099 for tag in dataset.keys()):  # noqa: SIM118
        return
    dataset.add_new(0x00991001, "LO", text)
    rows.gone((Step(0x00990001),), text, why="private without creator")


def plain(value: object) -> str:
    """A value as the judge compares it: multiple ones with backslashes between."""
    return "\\".join(str(one) for one in value) if isinstance(value, (list, tuple)) else str(value)


def _source(place: Place) -> str:
    key = place[0].tag, place[0].creator
    if key in table.safe_private():
        return "E.3.10-1"
    assert key in table.knowledge_base(), f"{place} is not known to be safe"
    return "TCIA"
