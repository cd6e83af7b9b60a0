"""Make the rule tables of `tasks/deidentify/data` from the reference tables; run again when an edition changes.

    python scripts/build_rule_tables.py REFERENCE_FOLDER [--target FOLDER]

REFERENCE_FOLDER holds `ps315_e1_1.json` (DICOM PS3.15 Table E.1-1, one object a row, as innolitics/dicom-standard
extracts it), `ps315_e1_1_2026c_delta.json` (rows that edition 2026c added), `ps315_e3_10_1_safe_private.json` (PS3.15
Table E.3.10-1) and `tcia_private_kb_2024-02-01.csv` (The Cancer Imaging Archive's private tag knowledge base).
Attribute Types come from highdicom's copy of PS3.3 and PS3.4; only attributes whose action depends on the Type are
taken. `beyond_table.json` and `editions.json` are kept by hand; what they name is checked here.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from private_table import private_table
from pydicom.datadict import keyword_for_tag

# Columns of E.1-1, by the option's name in params.yaml.
OPTIONS = {
    "rtnUIDsOpt": "retain-uids",
    "rtnLongFullDatesOpt": "retain-full-dates",
    "rtnLongModifDatesOpt": "retain-modified-dates",
    "rtnPatCharsOpt": "retain-patient-characteristics",
    "rtnDevIdOpt": "retain-device-identity",
    "rtnInstIdOpt": "retain-institution-identity",
    "cleanDescOpt": "clean-descriptors",
    "cleanStructContOpt": "clean-structured-content",
    "cleanGraphOpt": "clean-graphics",
    "rtnSafePrivOpt": "retain-safe-private",
}
# The delta tells the basic action of the rows that 2026c added and not their options: these are what rows of their kind
# have (labels and descriptions, graphics, ethnic group, device ids).
OPTIONS_OF_DELTA = {
    "00700006": {"clean-graphics": "C"},  # UnformattedTextValue
    "0040B020": {"clean-graphics": "C"},  # WaveformAnnotationSequence
    "00400556": {"clean-descriptors": "C"},  # AcquisitionContextDescription
    "003A020C": {"clean-descriptors": "C"},  # ChannelDerivationDescription
    "003A0203": {"clean-descriptors": "C"},  # ChannelLabel
    "003A0020": {"clean-descriptors": "C"},  # MultiplexGroupLabel
    "00102161": {"retain-patient-characteristics": "K"},  # EthnicGroupCodeSequence
    "00181010": {"retain-device-identity": "K"},  # SecondaryCaptureDeviceID
    "00181011": {"retain-device-identity": "K"},  # HardcopyCreationDeviceID
    "300A0054": {"retain-uids": "K"},  # TableTopPositionAlignmentUID
}
STRICTEST_FIRST = ("1", "1C", "2", "2C", "3")


def main() -> int:
    """Write the tables; prints how many rows each has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reference", type=Path)
    default = Path(__file__).resolve().parent.parent / "tasks" / "deidentify" / "data"
    parser.add_argument("--target", type=Path, default=default)
    arguments = parser.parse_args()
    rules = rule_table(arguments.reference)
    beyond = json.loads((default / "beyond_table.json").read_text(encoding="utf-8"))
    often = {word for name in ("labels", "removed") for word in beyond[name]["keywords"]}
    types = type_table(rules, often - {"CodeMeaning"})  # whose Type is 1 wherever it stands
    private = private_table(arguments.reference)
    check_editions(rules, json.loads((default / "editions.json").read_text(encoding="utf-8")))
    for name, table in (("e1_1.json", rules), ("attribute_types.json", types), ("private.json", private)):
        (arguments.target / name).write_text(compact(table), encoding="utf-8")
    elements = sum(len(block) for blocks in private["creators"].values() for block in blocks["groups"].values())
    sys.stdout.write(
        f"{len(rules['rows'])} rows, {len(rules['patterns'])} patterns; "
        f"{len(types['top'])} attributes by IOD, {len(types['nested'])} nested; "
        f"{elements} private elements of {len(private['creators'])} creators\n"
    )
    return 0


def rule_table(reference: Path) -> dict[str, Any]:
    """E.1-1 as {tag: [keyword, action, {option: action}]}; repeating groups and private tags as patterns."""
    rows: dict[str, list[Any]] = {}
    patterns: dict[str, list[Any]] = {}
    for row in json.loads((reference / "ps315_e1_1.json").read_text(encoding="utf-8")):
        options = {OPTIONS[key]: value for key, value in row.items() if key in OPTIONS}
        tag = row["tag"].strip("()").replace(",", "").upper()
        if re.fullmatch(r"[0-9A-F]{8}", tag):
            rows[tag] = [keyword_for_tag(int(tag, 16)), row["basicProfile"], options]
        else:
            pattern = "private" if tag.startswith("GGGG") else tag.replace("X", ".")
            patterns[pattern] = [row["name"], row["basicProfile"], options]
    added = json.loads((reference / "ps315_e1_1_2026c_delta.json").read_text(encoding="utf-8"))
    for row in added:
        tag = row["tag"].strip("()").replace(",", "").upper()
        options = OPTIONS_OF_DELTA.get(tag, {})
        rows.setdefault(tag, [row["keyword"] or keyword_for_tag(int(tag, 16)), row["basicProfile"], options])
    return {
        "source": "DICOM PS3.15 Table E.1-1, Application Level Confidentiality Profile Attributes",
        "edition": f"as extracted by innolitics/dicom-standard, with the {len(added)} rows that 2026c added",
        "added_in_2026c": sorted(row["tag"].strip("()").replace(",", "").upper() for row in added),
        "rows": dict(sorted(rows.items())),
        "patterns": dict(sorted(patterns.items())),
    }


def check_editions(rules: dict[str, Any], editions: dict[str, Any]) -> None:
    """An edition's rows must be rows of today, or be named as dropped: else a tag was copied wrongly."""
    for edition, tags in editions["added_in"].items():
        strange = set(tags) - set(rules["rows"]) - set(editions["dropped"])
        if strange:
            raise SystemExit(f"editions.json: {edition} has rows that are in no table: {', '.join(sorted(strange))}")


def type_table(rules: dict[str, Any], beyond: set[str]) -> dict[str, Any]:
    """The strictest Type of each attribute whose action depends on it: by IOD at the top, by parent sequence inside."""
    import highdicom

    folder = Path(highdicom.__file__).parent / "_standard"
    iods = json.loads((folder / "iod_module_map.json").read_text(encoding="utf-8"))
    modules = json.loads((folder / "module_attribute_map.json").read_text(encoding="utf-8"))
    sop_classes = json.loads((folder / "sop_class_iod_map.json").read_text(encoding="utf-8"))
    wanted = beyond | {row[0] for row in rules["rows"].values() if row[0] and ("/" in row[1] or row[1] == "Z")}
    top: dict[str, dict[str, str]] = defaultdict(dict)
    nested: dict[str, str] = {}
    for module, attributes in modules.items():
        users = [iod for iod, parts in iods.items() if any(part["key"] == module for part in parts)]
        for attribute in attributes:
            keyword, kind = attribute["keyword"], attribute["type"]
            if keyword not in wanted or kind not in STRICTEST_FIRST:
                continue
            if attribute["path"]:
                place = f"{attribute['path'][-1]}.{keyword}"
                nested[place] = stricter(nested.get(place), kind)
            else:
                for iod in users:
                    top[keyword][iod] = stricter(top[keyword].get(iod), kind)
    names = sorted(set(sop_classes.values()))
    return {
        "source": f"DICOM PS3.3 and PS3.4 as highdicom {highdicom.__version__} holds them",
        "iods": names,
        "sop_classes": {uid: names.index(iod) for uid, iod in sorted(sop_classes.items())},
        "top": {keyword: kinds for keyword, found in sorted(top.items()) if (kinds := by_type(found, names))},
        "nested": dict(sorted(nested.items())),
    }


def stricter(first: str | None, second: str) -> str:
    """The stricter of two Types; 1 is the strictest."""
    return second if first is None else min(first, second, key=STRICTEST_FIRST.index)


def by_type(found: dict[str, str], names: list[str]) -> dict[str, list[int]]:
    """{Type: indices of the IODs that have it}; Type 3 is what an IOD says of all that isn't named here."""
    grouped: dict[str, list[int]] = defaultdict(list)
    for iod, kind in sorted(found.items()):
        if iod in names and kind != "3":
            grouped[kind].append(names.index(iod))
    return {kind: sorted(indices) for kind, indices in sorted(grouped.items())}


def compact(table: dict[str, Any]) -> str:
    """JSON with one line an entry, so that a new edition reads as a small diff."""
    parts = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(entry)}" for name, entry in value.items())
            parts.append(f"{json.dumps(key)}: {{\n{lines}\n}}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
