"""RT Structure Set (PS3.3 A.19) to regions: reads contours and references, leaves the geometry to contours.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from pydicom import Dataset

from tasks.transform.headers import integer, items, numbers, text, uid
from tasks.transform.objects import find_references
from tasks.transform.roi.contours import Contour, rasterise
from tasks.transform.roi.grid import Floats, Grid
from tasks.transform.roi.model import Finding, Roi, make_roi

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
_AREAS = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})


def read_rtstruct(
    ds: Dataset, grid: Grid, slices: Mapping[str, int], frame_of_reference: str | None = None
) -> Iterator[Roi]:
    """Every region of a structure set, by number, on `grid`.

    `slices` gives the slice of each SOPInstanceUID of the volume; references that aren't in it are not used. A region
    of another frame of reference than the volume's is empty and says so, unless one of its references resolves.
    """
    described = {integer(item, "ROINumber"): item for item in items(ds, "StructureSetROISequence")}
    drawn: dict[int, list[Dataset]] = {}
    for item in items(ds, "ROIContourSequence"):
        number = integer(item, "ReferencedROINumber")
        if number is not None:
            drawn.setdefault(number, []).extend(items(item, "ContourSequence"))
    numbers_ = sorted({number for number in (*described, *drawn) if number is not None})
    for number in numbers_:
        yield _read_roi(number, described.get(number), drawn.get(number, []), grid, slices, frame_of_reference)


def referenced_uids(ds: Dataset) -> frozenset[str]:
    """Every SOP instance, series and frame of reference that an object names: how it is matched to its volume."""
    return frozenset(find_references(ds))


def _read_roi(
    number: int,
    described: Dataset | None,
    drawn: list[Dataset],
    grid: Grid,
    slices: Mapping[str, int],
    frame_of_reference: str | None,
) -> Roi:
    found: Counter[Finding] = Counter()
    contours: list[Contour] = []
    for item in drawn:
        if text(item, "ContourGeometricType") not in _AREAS:
            found[Finding.NOT_CLOSED] += 1
            continue
        named = {slices[sop] for image in items(item, "ContourImageSequence") if (sop := _sop(image)) in slices}
        contours.append(Contour(read_points(item), named.pop() if len(named) == 1 else None))
    name = text(described, "ROIName") if described is not None else None
    frame = uid(described, "ReferencedFrameOfReferenceUID") if described is not None else None
    resolved = any(contour.referenced is not None for contour in contours)
    if frame and frame_of_reference and frame != frame_of_reference and not resolved:
        found[Finding.OTHER_FRAME] = max(1, len(contours))
        return make_roi("rtstruct", number, name, "none", np.zeros(grid.shape, bool), found)
    mask, matched, more = rasterise(contours, grid)
    return make_roi("rtstruct", number, name, matched, mask, found + more)


def read_points(item: Dataset) -> Floats:
    """ContourData as points (n, 3) in mm; none where it isn't a row of triples.

    Read from the bytes where pydicom has not looked yet: a decimal string takes it microseconds, an organ has 100,000.
    """
    try:
        element = item.get_item("ContourData")
        raw = element.value if element is not None else None
        values = np.array(raw.split(b"\\"), np.float64) if isinstance(raw, bytes) else _slow(item)
    except (ValueError, TypeError, AttributeError):
        values = _slow(item)
    return values.reshape(-1, 3) if values.size and values.size % 3 == 0 else np.empty((0, 3))


def _slow(item: Dataset) -> Floats:
    return np.array(numbers(item, "ContourData"), np.float64)


def _sop(item: Dataset) -> str:
    return uid(item, "ReferencedSOPInstanceUID") or ""
