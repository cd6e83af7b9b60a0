"""README.md of a dataset: the card for people. Counts and words only, made from what is released."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from tasks.core.columns import OPTIONAL, TABLES, describe
from tasks.core.models import AppliedProfile, Cohort, Tally, Verdict, Verdicts
from tasks.core.reasons import Reason
from tasks.core.settings import Settings
from tasks.export.manifest import Counts

_REASONS = {reason.code: reason for reason in Reason}
_TABLE_WORDS = {
    "patients": "one row a patient",
    "studies": "one row a study",
    "series": "one row a series",
    "instances": "one row an image, or an object without image",
    "labels": "one row a label of a study or patient",
    "splits": "one row a patient",
    "features": "one row a region, or a volume",
}


def write_card(
    settings: Settings,
    tables: Mapping[str, pd.DataFrame],
    cohort: Cohort,
    verdicts: Verdicts,
    tally: Tally,
    counts: Counts,
    profile: AppliedProfile,
    has_sheet: bool,
) -> str:
    """The whole card as Markdown."""
    sections = [
        _head(settings, counts, has_sheet),
        "## What it holds\n\n" + _by_modality(tables["instances"]),
        "## Splits and labels\n\n" + _splits(tables),
        "## Patients\n\n" + _patients(tables["patients"]),
        "## What became of each selected instance\n\n" + _outcomes(tally),
        "## Where it is from\n\n" + _provenance(settings, cohort, profile),
        "## Gates\n\n" + _gates(verdicts),
        "## Known limits\n\n" + _limits(settings, tables),
        "## How to load it\n\n" + _loading(settings),
        "## Columns\n\n" + _columns(tables),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def grid(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _head(settings: Settings, counts: Counts, has_sheet: bool) -> str:
    export = settings.export
    lines = [
        f"# {_cell(export.title)}",
        export.description.strip(),
        f"{counts.patients} patients, {counts.studies} studies, {counts.series} series, {counts.images} images and "
        f"{counts.objects} objects (structure sets, segmentations …). All of it is de-identified: names are "
        "pseudonyms, UIDs are new, dates are moved or gone.",
        f"Licence: {_cell(export.license)}." + (f" Answerable: {_cell(export.creator)}." if export.creator else ""),
    ]
    if has_sheet:
        lines.append("![Middle slices of some of its series](contact-sheet.png)")
    return "\n\n".join(line for line in lines if line)


def _by_modality(instances: pd.DataFrame) -> str:
    rows = [
        (modality, part["patient"].nunique(), part["study"].nunique(), part["unit"].nunique(),
         int(part["image_path"].notna().sum()), int(part["object_path"].notna().sum()))
        for modality, part in instances.groupby("modality", sort=True)
    ]  # fmt: skip
    return grid(("Modality", "Patients", "Studies", "Series", "Images", "Objects"), rows)


def _splits(tables: Mapping[str, pd.DataFrame]) -> str:
    splits = tables["splits"]
    images = tables["instances"][tables["instances"]["image_path"].notna()].groupby("patient").size()
    rows = [
        (split, len(part), int(part["patient"].map(images).fillna(0).sum()))
        for split, part in splits.groupby("split", sort=True)
    ]
    text = grid(("Split", "Patients", "Images"), rows)
    labels = tables["labels"].merge(splits[["patient", "split"]], on="patient", how="left")
    if not len(labels):
        return f"{text}\n\nThere are no labels."
    values = labels.assign(value=labels["value"].astype("string").fillna("contradictory"))
    counted = values.groupby(["label", "value", "split"], sort=True).size()
    label_rows = [(*(str(part) for part in name), int(count)) for name, count in counted.items()]  # type: ignore[attr-defined]
    return f"{text}\n\nA patient is in one split only, and stays there in later releases.\n\n" + grid(
        ("Label", "Value", "Split", "Rows"), label_rows
    )


def _patients(patients: pd.DataFrame) -> str:
    words = patients.assign(
        sex=patients["sex"].astype("string").fillna("unknown"),
        age_band=patients["age_band"].astype("string").fillna("unknown"),
    )
    sexes = sorted(set(words["sex"]))
    rows = [
        (band, *(int((part["sex"] == sex).sum()) for sex in sexes))
        for band, part in sorted(words.groupby("age_band"), key=lambda pair: _band_order(str(pair[0])))
    ]
    return grid(("Age", *sexes), rows)


def _band_order(band: str) -> tuple[int, str]:
    digits = "".join(letter if letter.isdigit() else " " for letter in band).split()
    return (int(digits[0]) if digits else 1000, band)


def _outcomes(tally: Tally) -> str:
    ends = " + ".join(f"{getattr(tally, end)} {end}" for end in ("released", "quarantined", "skipped", "withdrawn"))
    total = f"{tally.expected} selected = {ends}."
    if not tally.reasons:
        return total
    rows = [
        (f"`{code}`", count, _REASONS[code].disposition.value, _REASONS[code].sentence)
        for code, count in sorted(tally.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return f"{total}\n\n" + grid(("Reason", "Instances", "Outcome", "Meaning"), rows)


def _provenance(settings: Settings, cohort: Cohort, profile: AppliedProfile) -> str:
    shape, fit = settings.transform, {"pad": "padded to a square", "stretch": "stretched to a square"}
    dates = {
        "basic": "The basic profile removes dates, sex, age and size.",
        "research": "The research profile moves dates by a secret number of days for each patient, and keeps sex, age "
        "(90 for 90 and older) and size.",
    }
    overrides = ", ".join(f"{keyword}: {action}" for keyword, action in profile.overrides.items()) or "none"
    return "\n".join(
        [
            f"- De-identified by {profile.table} ({profile.edition}), profile "
            f"`{profile.name}` (settings `{profile.settings}`, rules `{profile.digest}`), at every depth, "
            f"private attributes removed. {dates[profile.name]} Options applied: "
            f"{', '.join(profile.options) or 'none'}. Overrides of the site: {overrides}.",
            f"- Pseudonyms and UIDs come from the key `{cohort.key_id}` (its name, not the key).",
            f"- Images: modality LUT, then window or VOI LUT, to [0, 1]; {shape.size} × {shape.size} PNG of "
            f"{shape.bits} bit, {fit[shape.fit]}. Columns `window_*` and `png_spacing_*` lead back to intensities and "
            "millimetres.",
            "- `release.json` has the digests of cohort, parameters and tables; `checksums.sha256` proves each file "
            "(`sha256sum --check checksums.sha256`).",
        ]
    )


def _gates(verdicts: Verdicts) -> str:
    failed = [rule for rule in verdicts.rules if not rule.passed]
    passed = f"{len(verdicts.rules) - len(failed)} of {len(verdicts.rules)} rules pass."
    if not failed:
        return passed
    rows = [(rule.severity, rule.name, rule.rows, rule.sentence, _cell(_waived(verdicts, rule))) for rule in failed]
    heads = ("Severity", "Rule", "Rows", "Meaning", "Waived for this release")
    return f"{passed} These do not, and do not block:\n\n" + grid(heads, rows)


def _waived(verdicts: Verdicts, rule: Verdict) -> str:
    waiver = verdicts.waiver_of(rule)
    return f"{waiver.reason} ({waiver.by})" if waiver else ""


def _limits(settings: Settings, tables: Mapping[str, pd.DataFrame]) -> str:
    instances = tables["instances"]
    flagged = [
        f"{int(instances[name].fillna(False).astype(bool).sum())} {words}"
        for name, words in (("low_quality", "of low quality"), ("outlier", "as outliers"))
        if name in instances.columns
    ]
    lines = [
        "Pixels are not searched for text in this version: what may carry text by its header was left out, see above.",
        "A face can be reconstructed from a thin-sliced volume of a head; share such series under an agreement only.",
        "Windowing and resizing lose detail: this is no substitute for the original in a diagnosis.",
        "Ages, sexes and labels are what the source says; who it serves decides how far they speak for others.",
    ]
    if settings.deidentify.pixels.accept:
        accepted = ", ".join(settings.deidentify.pixels.accept)
        lines.append(f"The site declared the pixels of {accepted} to be free of text; they were not checked.")
    if flagged:
        lines.append(f"Flagged but kept: {' and '.join(flagged)} (`quality_note` says why).")
    return "\n".join(f"- {line}" for line in lines)


def _loading(settings: Settings) -> str:
    target = settings.curate.label
    return f"""```python
import pandas as pd
from PIL import Image

instances = pd.read_parquet("instances.parquet")
splits = pd.read_parquet("splits.parquet")
labels = pd.read_parquet("labels.parquet").query("label == '{_cell(target)}'")
train = instances.merge(splits.query("split == 'train'"), on="patient").merge(labels, on=["patient", "study"])
first = Image.open(instances["image_path"].dropna().iloc[0])
```

`load_release` of `tasks.export.dataset` (Sluice) gives the same as NumPy, pandas or PyTorch, checked against its
checksums; Hugging Face `datasets` reads images, facts and splits by `load_dataset(FOLDER)`.{_sharded(settings)}
Or by `croissant.json`, with any Croissant loader.
Every table is there as CSV too, in which an apostrophe stands before
text that a spreadsheet would run as a formula. `metadata/` has the same facts sorted by patient, image and machine."""


def _sharded(settings: Settings) -> str:
    if settings.export.shards is None:
        return ""
    return (
        " `shards/<split>-*.tar` has the images again for WebDataset, each with its facts as JSON, a patient's in one "
        "shard; `shards/index.parquet` says where each is."
    )


def _columns(tables: Mapping[str, pd.DataFrame]) -> str:
    parts = []
    for name, table in tables.items():
        told = [describe(name, str(column)) for column in table.columns if name in TABLES or column in OPTIONAL[name]]
        rows = [(f"`{column.name}`", column.dtype, column.unit, column.description) for column in told]
        words = _TABLE_WORDS.get(name, "")
        others = len(table.columns) - len(told)
        more = f"\n\nAnd {others} features under their IBSI tags, which `{name}.json` defines." if others else ""
        parts.append(f"### {name}: {words}\n\n" + grid(("Column", "Type", "Unit", "Meaning"), rows) + more)
    return "\n\n".join(parts)
