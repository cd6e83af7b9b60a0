"""The table of private attributes that may stay: what build_rule_tables.py writes to `private.json`.

    PS3.15 Table E.3.10-1, the attributes that the Retain Safe Private Option keeps, and the private tag knowledge base
    of The Cancer Imaging Archive, whose dispositions are k (keep), h (hash: a UID), o (offset: a date), oi (a date as a
    number), d (delete), na (a public attribute inside), and none.

The knowledge base is as its tools found it: creators lose quotes, names differ in case and space, an element has a line
for each VR it was met with. Here an element has one entry: `VRs action most-values source`. Where several lines
disagree the stricter holds; lines with a VR that says nothing (UN, OB) count only where there are no others.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from pydicom.datadict import private_dictionary_VM, private_dictionary_VR

OPAQUE = frozenset({"", "OB", "OW", "UN"})
ACTIONS = {"k": "K", "h": "U", "o": "S"}
STRICTEST_FIRST = ("d", "oi", "o", "h", "k")
# Kept by the knowledge base, and yet they name a person, a place, an order or the very source file.
NOT_KEPT = re.compile(
    r"institution|department|radiographer|\bowner\b|source ae|\bsite\b|examination number|md ?5|destination",
    re.IGNORECASE,
)
NO_CREATOR = re.compile(r"unnamed private block", re.IGNORECASE)


def private_table(reference: Path) -> dict[str, Any]:
    """{creator: {spellings, groups: {gggg: {ee: "VRs action most source"}}}}; source S is E.3.10-1, T is TCIA."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    entries: dict[tuple[str, str, str], str] = {}
    for key, lines in knowledge_base(reference, spellings).items():
        entry = merged(key, lines, spellings)
        if entry:
            entries[key] = entry
    standard = json.loads((reference / "ps315_e3_10_1_safe_private.json").read_text(encoding="utf-8"))
    for row in standard:
        creator = row["creator"].strip()
        spellings[folded(creator)][creator] += 1000  # the standard's own spelling comes first
        key = (folded(creator), row["group"].upper(), row["element"].upper())
        most = row["vm"].split("-")[-1]
        entries[key] = f"{row['vr'] or known_vr(creator, key) or '-'} K {most if most.isdigit() else 'n'} S"
    creators: dict[str, Any] = {}
    for creator, group, element in sorted(entries):
        block = creators.setdefault(
            creator, {"spellings": [name for name, _ in spellings[creator].most_common()], "groups": {}}
        )
        block["groups"].setdefault(group, {})[element] = entries[creator, group, element]
    return {
        "source": "DICOM PS3.15 Table E.3.10-1, Safe Private Attributes (S); The Cancer Imaging Archive, "
        "private tag knowledge base (T); VRs and multiplicities that neither tells from pydicom's private dictionary",
        "edition": f"{len(standard)} rows of PS3.15; TCIA as of 2024-02-01",
        "creators": creators,
    }


def knowledge_base(
    reference: Path, spellings: dict[str, Counter[str]]
) -> dict[tuple[str, str, str], list[tuple[int, str, str]]]:
    """{(creator, group, element): [(depth, VR, disposition)]}; counts how each creator is spelt."""
    lines: dict[tuple[str, str, str], list[tuple[int, str, str]]] = defaultdict(list)
    with (reference / "tcia_private_kb_2024-02-01.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            path = re.split(r"\[<\d+>\]", row["element_sig_pattern"].strip())
            found = re.fullmatch(r"\(([0-9a-f]{4}),(.*),([0-9a-f]{2})\)", path[-1].strip(), re.IGNORECASE)
            if not found or not int(found[1], 16) & 1:
                continue  # a public attribute inside a private sequence: E.1-1 says what becomes of it
            creator = found[2].replace('"', "").strip()
            if not creator or NO_CREATOR.search(creator):
                continue
            spellings[folded(creator)][creator] += 1
            disposition = row["private_disposition"].strip().lower()
            if NOT_KEPT.search(row["tag_name"].rsplit(":", 1)[-1]):
                disposition = "d"
            vr = "SQ" if not row["vr"] and row["tag_name"].endswith("Sequence") else row["vr"]
            lines[folded(creator), found[1].upper(), found[3].upper()].append((len(path) - 1, vr, disposition))
    return lines


def merged(
    key: tuple[str, str, str], lines: list[tuple[int, str, str]], spellings: dict[str, Counter[str]]
) -> str | None:
    """One entry for an element, None where it goes. Lines at the top tell more than lines inside other sequences."""
    judged = [line for line in lines if line[2] in STRICTEST_FIRST]
    telling = [line for line in judged if line[1] not in OPAQUE] or judged
    telling = [line for line in telling if not line[0]] or telling
    if not telling:
        return None
    disposition = min((line[2] for line in telling), key=STRICTEST_FIRST.index)
    action = ACTIONS.get(disposition)
    vrs = sorted({line[1] for line in telling if line[1] not in OPAQUE})
    known = [known_vr(name, key) for name, _ in spellings[key[0]].most_common()]
    usual = next((vr for vr in known if vr and vr not in OPAQUE), "")
    if usual and (not vrs or usual in vrs):
        vrs = [usual, *(vr for vr in vrs if vr != usual)]
    if action is None or not vrs:
        return None
    most = next((many for name, _ in spellings[key[0]].most_common() if (many := known_vm(name, key))), "n")
    return f"{','.join(vrs)} {action} {most} T"


def known_vr(creator: str, key: tuple[str, str, str]) -> str:
    """The VR in pydicom's private dictionary, "" where it has none."""
    try:
        return private_dictionary_VR(int(key[1] + "10" + key[2], 16), creator)
    except KeyError:
        return ""


def known_vm(creator: str, key: tuple[str, str, str]) -> str:
    """The greatest number of values in pydicom's private dictionary, "" where it is open or unknown."""
    try:
        most = private_dictionary_VM(int(key[1] + "10" + key[2], 16), creator).split("-")[-1]
    except KeyError:
        return ""
    return most if most.isdigit() else ""


def folded(creator: str) -> str:
    """A creator without what its spellings differ in: case, quotes, and space around and within."""
    return " ".join(creator.replace('"', " ").split()).upper()
