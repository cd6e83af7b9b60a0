"""Where an attribute stands in a data set, also inside sequences and private blocks, and how to find it again.

A private attribute is named by its creator: its block may stand elsewhere in the output. Reads data sets, changes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

FIRST_BLOCK, LAST_BLOCK = 0x10, 0xFF


class Step(NamedTuple):
    """One attribute of a path. `tag` of a private one has its element's low byte alone; `item` is for sequences."""

    tag: int
    creator: str = ""
    item: int = -1


Place = tuple[Step, ...]


def at(*names: str | int) -> Place:
    """A place by keywords; the item's number follows each sequence: at("RequestAttributesSequence", 0, "StudyID")."""
    steps: list[Step] = []
    for name in names:
        if isinstance(name, int):
            steps[-1] = steps[-1]._replace(item=name)
            continue
        tag = tag_for_keyword(name)
        if tag is None:
            raise ValueError(f"{name} is no keyword of DICOM")
        steps.append(Step(tag))
    return tuple(steps)


def private(group: int, creator: str, element: int) -> Place:
    """The place of a private attribute at the top of a data set."""
    return (Step(group << 16 | element, creator),)


def label(place: Place) -> str:
    """What a table of failures calls the place: the last keyword, or group, creator and element of a private one."""
    step = place[-1]
    if step.tag >> 16 & 1:
        return f"({step.tag >> 16:04x},{step.creator or 'no creator'},{step.tag & 0xFF:02x})"
    return keyword_for_tag(step.tag) or f"({step.tag >> 16:04x},{step.tag & 0xFFFF:04x})"


def find(dataset: Dataset, place: Place) -> DataElement | None:
    """The element at `place`, or None where it, or what leads to it, isn't there.

    Where a private sequence can only be read as bytes (implicit VR), those are what is found.
    """
    *path, last = place
    for step in path:
        sequence = _element(dataset, step)
        if sequence is not None and isinstance(sequence.value, bytes):
            return sequence
        if sequence is None or sequence.VR != "SQ" or step.item >= len(sequence.value or ()):
            return None
        dataset = sequence.value[step.item]
    return _element(dataset, last)


def walk(dataset: Dataset, above: Place = (), items: int = 1 << 16) -> Iterator[tuple[Place, DataElement]]:
    """Every element that can be read, with its place, depth first; of each sequence the first `items` items."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            step = _step(dataset, element)
        except Exception:  # a value that pydicom cannot convert is no answer to anything
            continue
        if step is None:
            continue
        yield (*above, step), element
        if element.VR == "SQ":
            for number, item in enumerate((element.value or ())[:items]):
                yield from walk(item, (*above, step._replace(item=number)), items)


def _step(dataset: Dataset, element: DataElement) -> Step | None:
    tag = element.tag
    if not tag.is_private:
        return Step(int(tag))
    if tag.is_private_creator or tag.element < 0x1000:
        return None
    owner = dataset.get_item((tag.group << 16) | (tag.element >> 8))
    name = owner.value if owner is not None else ""
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name or "")
    return Step(tag.group << 16 | (tag.element & 0xFF), text.strip(" \0"))


def _element(dataset: Dataset, step: Step) -> DataElement | None:
    if not step.tag >> 16 & 1:
        return _read(dataset, step.tag) if step.tag in dataset else None
    group, low = step.tag >> 16, step.tag & 0xFF
    for block in range(FIRST_BLOCK, LAST_BLOCK + 1):
        tag = group << 16 | block << 8 | low
        if tag in dataset and _creator(dataset, group << 16 | block) == step.creator:
            return _read(dataset, tag)
    return None


def _read(dataset: Dataset, tag: int) -> DataElement:
    """The element; its bytes where pydicom's dictionary gives a private one another VR than its vendor."""
    try:
        return dataset[tag]
    except Exception:  # whatever the conversion raises
        return DataElement(tag, "UN", dataset.get_item(tag).value or b"")


def _creator(dataset: Dataset, tag: int) -> str:
    owner = dataset.get_item(tag) if tag in dataset else None
    if owner is None:
        return ""
    text = owner.value.decode("latin-1") if isinstance(owner.value, bytes) else str(owner.value or "")
    return text.strip(" \0")
