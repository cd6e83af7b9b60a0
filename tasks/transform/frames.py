"""Where the attributes of one frame lie: its functional groups, the shared ones, then the top level (PS3.3 C.7.6.16).

A frame is described by its `layers`: data sets to be asked in turn. Classic single-frame images have one layer.
"""

from __future__ import annotations

from pydicom import Dataset

from tasks.transform.headers import items, number, numbers, text

Layers = tuple[Dataset, ...]

_MACROS = (
    "PixelMeasuresSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "FrameVOILUTSequence",
    "PixelValueTransformationSequence",
    "FrameContentSequence",
    "MRDiffusionSequence",
    "MREchoSequence",
    "CardiacSynchronizationSequence",
    "TemporalPositionSequence",
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
)


class FrameFinder:
    """Gives the layers of each frame of one instance; the sequences are resolved once."""

    def __init__(self, ds: Dataset) -> None:
        self._top = ds
        self._per_frame = items(ds, "PerFrameFunctionalGroupsSequence")
        self._shared = _macros(items(ds, "SharedFunctionalGroupsSequence")[:1])

    def layers(self, frame: int) -> Layers:
        """The layers of `frame`, counted from 0, the most particular first."""
        return (*_macros(self._per_frame[frame : frame + 1]), *self._shared, self._top)


def first_number(layers: Layers, keyword: str) -> float | None:
    """`keyword` as a number from the first layer that has one."""
    return next((found for layer in layers if (found := number(layer, keyword)) is not None), None)


def first_numbers(layers: Layers, keyword: str, count: int) -> tuple[float, ...] | None:
    """`keyword` as exactly `count` numbers from the first layer that has that many."""
    return next((found for layer in layers if len(found := numbers(layer, keyword)) == count), None)


def first_text(layers: Layers, keyword: str) -> str | None:
    """`keyword` as text from the first layer that has it."""
    return next((found for layer in layers if (found := text(layer, keyword)) is not None), None)


def first_item(layers: Layers, keyword: str) -> Dataset | None:
    """The first item of the sequence `keyword` from the first layer that has one."""
    return next((found[0] for layer in layers if (found := items(layer, keyword))), None)


def _macros(groups: list[Dataset]) -> Layers:
    return tuple(item for group in groups for macro in _MACROS for item in items(group, macro)[:1])
