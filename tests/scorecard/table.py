"""What the standard asks for an attribute under a preset: PS3.15 E.1-1 with its options, E.3.10-1, types of PS3.3.

Reads the reference tables beside the checkout and the module tables that highdicom ships, not the project's own copies:
the judge must not share the mistakes of the engine. The judgement calls are told in docs/scorecard.md.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_is_retired, keyword_for_tag

from tests.support.places import SHARED_DATA

REFERENCE = SHARED_DATA.parent / "reference"
OPTIONS: dict[str, tuple[str, ...]] = {
    "basic": (),
    "research": (
        "rtnLongModifDatesOpt",
        "rtnPatCharsOpt",
        "rtnDevIdOpt",
        "rtnSafePrivOpt",
        "cleanDescOpt",
        "cleanStructContOpt",
        "cleanGraphOpt",
    ),
}
_CLEAN = ("cleanDescOpt", "cleanStructContOpt", "cleanGraphOpt")
_SIGNATURE = re.compile(r'^\(([0-9a-fA-F]{4}),"?([^"]*?)"?,([0-9a-fA-F]{2})\)$')


@cache
def rows() -> dict[int, dict[str, str]]:
    """E.1-1 by tag, with the rows that 2026c added; without its repeating groups."""
    table: list[dict[str, str]] = json.loads((REFERENCE / "ps315_e1_1.json").read_text(encoding="utf-8"))
    newer: list[dict[str, str]] = json.loads((REFERENCE / "ps315_e1_1_2026c_delta.json").read_text(encoding="utf-8"))
    known: dict[int, dict[str, str]] = {}
    for row in (*newer, *table):
        tag = row["tag"].strip("()").replace(",", "")
        if re.fullmatch(r"[0-9A-Fa-f]{8}", tag):
            known[int(tag, 16)] = row
    return known


@cache
def demand(tag: int, profile: str) -> str:
    """What `profile` asks for: keep, shift, clean, uid, gone, either (two options disagree), or "" beyond the table."""
    row = rows().get(tag)
    if row is None:
        return ""
    if "stdCompIOD" not in row and OPTIONS[profile]:
        return "either"  # 2026c added the row; what its options say is not in the reference
    granted = {option: row[option] for option in OPTIONS[profile] if option in row}
    kept = "K" in granted.values()
    if "rtnLongModifDatesOpt" in granted:
        return "either" if kept else "shift"
    if "U" in row["basicProfile"] or keyword_for_tag(tag).endswith("UID"):
        return "either" if kept else "uid"
    if kept:
        return "keep"
    if any(granted.get(option) == "C" for option in _CLEAN):
        return "clean"
    return "either" if "C" in granted.values() else "gone"


def is_current(tag: int) -> bool:
    """Whether PS3.6 has the attribute and hasn't retired it."""
    try:
        return not dictionary_is_retired(tag) and bool(keyword_for_tag(tag))
    except KeyError:
        return False


@cache
def types(sop_class: str) -> dict[str, str]:
    """The Type (1, 1C, 2, 2C, 3) of each top attribute in the mandatory modules of a class's IOD; {} where unknown."""
    iod = str(_standard("sop_class_iod_map.json").get(sop_class))
    found: dict[str, str] = {}
    for module in _standard("iod_module_map.json").get(iod, ()):
        if module["usage"] != "M":
            continue
        for attribute in _standard("module_attribute_map.json").get(module["key"], ()):
            if not attribute["path"]:
                keyword = attribute["keyword"]
                found[keyword] = min(found.get(keyword, "3"), attribute["type"])
    return found


@cache
def _standard(name: str) -> dict[str, Any]:
    origin = find_spec("highdicom")  # found, not imported: that takes a second
    assert origin is not None
    path = Path(str(origin.origin)).parent / "_standard" / name
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


@cache
def safe_private() -> dict[tuple[int, str], str]:
    """E.3.10-1: (group and element's low byte, creator) to VR."""
    path = REFERENCE / "ps315_e3_10_1_safe_private.json"
    table: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return {(int(row["group"] + "00" + row["element"], 16), row["creator"]): row["vr"] for row in table}


@cache
def knowledge_base() -> dict[tuple[int, str], str]:
    """TCIA's private tags that every row of theirs keeps ("k") and that hold numbers or codes, to one of the VRs."""
    dispositions: dict[tuple[int, str], set[str]] = defaultdict(set)
    kinds: dict[tuple[int, str], set[str]] = defaultdict(set)
    path: Path = max(REFERENCE.glob("tcia_private_kb_*.csv"))
    with path.open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            if not (found := _SIGNATURE.match(row["element_sig_pattern"].strip())):
                continue
            key = int(found[1] + "00" + found[3], 16), found[2].strip()
            dispositions[key].add(row["private_disposition"].strip().lower())
            kinds[key].add(row["vr"].strip())
    safe = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "CS"}
    return {
        key: min(kinds[key] & safe)
        for key, found in dispositions.items()
        if found == {"k"} and kinds[key] & safe and kinds[key] <= safe | {"OB", "UN", "OW"}
    }
