"""What goes into the look at an object's pixels and what comes out of it: the values, and no work.

The look itself is examine.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from tasks.deidentify.parts import Parts, Range

PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009

# The VR and the new value of an element of the header; a value of None takes the element away.
Change = tuple[str, str | int | None]


@dataclass(frozen=True, repr=False)
class PixelSource:
    """The pixels of one object, as they lie in the source.

    `header` is the source's header as pydicom read it, not yet cleaned, with or without the pixels. `value` is the
    value field of the pixel element: encapsulated, from the item of the basic offset table to before the sequence
    delimiter. Deflated files are handed in inflated. `tag` and `vr` are those of the pixel element.
    """

    header: Dataset
    transfer_syntax: str
    sop_class: str
    value: Range | bytes
    encapsulated: bool
    tag: int = PIXEL_DATA
    vr: str = "OW"


@dataclass(frozen=True, repr=False)
class PixelOutcome:
    """What became of the pixels.

    `value` is the new value field of the pixel element, in the form of `PixelSource.value` and of even length; None
    where the pixels stay byte for byte. Its parts may be ranges of files in the scratch folder, which must stay until
    they are written. `vr` is the element's VR where `value` is new. `elements` are the changes that the header needs
    with it, at the top level. `looked` says that somebody looked for text (of every distinct frame), so that
    BurnedInAnnotation may say NO. `masked` counts boxes. `notes` are short codes for the report: `masked`, `looked`,
    `face`, `transcoded`, `undecodable`, `device`, `regions`.
    """

    transfer_syntax: str
    value: Parts | None = None
    vr: str = "OW"
    elements: Mapping[int, Change] = field(default_factory=dict)
    looked: bool = False
    masked: int = 0
    notes: tuple[str, ...] = ()
