"""Boxes that the header alone gives away: where known devices write, and what lies outside of ultrasound regions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset

from tasks.deidentify.headers.read import text_of
from tasks.deidentify.pixels.layout import Layout
from tasks.deidentify.pixels.place import Place
from tasks.deidentify.rules import tables

_CORNERS = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")


def device_boxes(header: Dataset, layout: Layout) -> list[Place]:
    """Where the device that made the object is known to write names, by data/device_regions.json."""
    modality, image_type = text_of(header, "Modality").upper(), text_of(header, "ImageType").upper()
    maker, model = (_squeezed(text_of(header, name)) for name in ("Manufacturer", "ManufacturerModelName"))
    boxes = []
    for kind, by, name, rows, columns, word, places in tables.load("device_regions.json")["regions"]:
        if (
            kind == modality
            and by in maker
            and name in model
            and rows in (0, layout.rows)
            and columns in (0, layout.columns)
            and word in image_type
        ):
            boxes += [_within(layout, y, x, y + height, x + width) for x, y, width, height in places]
    return [box for box in boxes if box is not None]


def outside_regions(header: Dataset, layout: Layout) -> list[Place]:
    """All that is outside of the box around the ultrasound regions (PS3.3 C.8.5.5); nothing where there are none."""
    corners = [corner for item in _items(header) if (corner := _corners(item)) is not None]
    if not corners:
        return []
    top, left = (max(0, min(corner[at] for corner in corners)) for at in (0, 1))
    bottom, right = (max(corner[at] for corner in corners) + 1 for at in (2, 3))  # Max is the last pixel
    rows, columns = layout.rows, layout.columns
    strips = [
        _within(layout, 0, 0, top, columns),
        _within(layout, bottom, 0, rows, columns),
        _within(layout, top, 0, bottom, left),
        _within(layout, top, right, bottom, columns),
    ]
    return [strip for strip in strips if strip is not None]


def _items(header: Dataset) -> Iterable[Dataset]:
    try:
        items: Any = header.get("SequenceOfUltrasoundRegions") or ()
        return [item for item in items if isinstance(item, Dataset)]
    except Exception:  # pydicom: a sequence that cannot be converted gives no regions
        return ()


def _corners(item: Dataset) -> tuple[int, int, int, int] | None:
    try:
        top, left, bottom, right = (int(item[name].value) for name in _CORNERS)
    except Exception:  # absent, or no number: this region is unknown
        return None
    return (top, left, bottom, right) if top <= bottom and left <= right else None


def _within(layout: Layout, top: int, left: int, bottom: int, right: int) -> Place | None:
    place = Place(max(0, top), max(0, left), min(layout.rows, bottom), min(layout.columns, right))
    return place if place.top < place.bottom and place.left < place.right else None


def _squeezed(text: str) -> str:
    return "".join(text.upper().split())
