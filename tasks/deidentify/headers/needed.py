"""The VRs of what a file is told by: its identity, its character set and how its pixels lie.

Where one of them has another VR the file is damaged, and nothing sound can be written. UN is no damage: archives that
did not know an attribute write it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.deidentify.headers.element import Element

_VRS = {
    "CS": (0x00080005, 0x00280004),
    "UI": (0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00200052),
    "US": (0x00280002, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103),
    "IS": (0x00280008,),
    "OF": (0x7FE00008,),
    "OD": (0x7FE00009,),
}
_NEEDED = {
    **{tag: frozenset({vr, "UN"}) for vr, tags in _VRS.items() for tag in tags},
    0x7FE00010: frozenset({"OB", "OW", "UN"}),
}


def are_sound(by_tag: Mapping[int, Element]) -> bool:
    """Whether all of them that are there have the VR that PS3.6 gives them, or UN."""
    return all(tag not in by_tag or by_tag[tag].vr in vrs for tag, vrs in _NEEDED.items())
