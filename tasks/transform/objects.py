"""What kind of thing an instance is: image, object that belongs to images, or neither; and what an object refers to.

The SOP classes of objects are data, in objects.json. Objects stay in the archive as they are.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path

from pydicom import Dataset, Sequence
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.tag import BaseTag

from tasks.transform.headers import has_pixels, uid

IMAGE = "image"
_REFERENCES = (
    "ReferencedSOPInstanceUID",
    "SeriesInstanceUID",
    "ReferencedSeriesInstanceUID",
    "FrameOfReferenceUID",
    "ReferencedFrameOfReferenceUID",
    "SourceFrameOfReferenceUID",
    "RelatedFrameOfReferenceUID",
)
_OWN = frozenset({"SeriesInstanceUID"})  # at the top level it names the object's own series


def find_kind(ds: Dataset) -> str | None:
    """`segmentation`, `structure-set`, `object` or `image`; None for what a dataset of images has no use for."""
    sop_class = uid(ds, "SOPClassUID")
    if sop_class in _kinds():
        return _kinds()[sop_class]
    return IMAGE if has_pixels(ds) else None


def find_references(ds: Dataset) -> list[str]:
    """Every SOP instance, series and frame of reference that `ds` names at any depth, sorted."""
    found: set[str] = set()
    waiting = [(ds, True)]
    while waiting:
        part, top = waiting.pop()
        for keyword in _REFERENCES:
            if keyword in part and not (top and keyword in _OWN) and (name := uid(part, keyword)):
                found.add(name)
        for tag in part.keys():  # noqa: SIM118 - iterating the data set itself converts every value
            raw = part.get_item(tag)
            if raw is not None and (raw.VR or _vr(tag)) in ("SQ", "UN"):
                waiting.extend((item, False) for item in _items(part, tag))
    return sorted(found)


@lru_cache(maxsize=4096)
def _vr(tag: BaseTag) -> str:
    """The VR that the dictionary has for an element of implicit VR, so that contours need no conversion."""
    return str(dictionary_VR(tag)) if dictionary_has_tag(tag) else "UN"


def _items(ds: Dataset, tag: BaseTag) -> list[Dataset]:
    try:
        value = ds[tag].value
    except Exception:  # pydicom: a value that breaks its VR holds no reference either
        return []
    return list(value) if isinstance(value, Sequence) else []


@cache
def _kinds() -> dict[str, str]:
    table = json.loads(Path(__file__).with_name("objects.json").read_text(encoding="utf-8"))
    return {sop_class: kind for kind, classes in table.items() for sop_class in classes}
