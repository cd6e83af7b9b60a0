"""The page of a lineage: one HTML file with a drawn graph (SVG) and lists of everything. No script, no request.

Every text is escaped. What is joined belongs into `tasks.record.models.joins`.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.record.models.trees import ModelLineage, PatientLineage, ReleaseNode

DRAWN = 24
"""How many boxes a column shows at most; the rest is one box that says how many, and the lists have all."""

_WIDTH, _HEIGHT, _GAP, _BETWEEN = 214, 46, 12, 44
_COLOURS = {
    "patient": "#5b5fc7", "study": "#3f7cac", "series": "#3f7cac", "release": "#2e8b57", "run": "#b8860b",
    "model": "#a23b72", "incomplete": "#b03a2e", "rest": "#8a8f98",
}  # fmt: skip

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5d6675; --paper: #ffffff; --line: #d9dee6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b2; --paper: #14171d; --line: #2c333d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 1180px; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { color: var(--soft); margin: .2rem 0 1.2rem; } code { font: 13px ui-monospace, monospace; }
svg { max-width: 100%; height: auto; }
figure { margin: 0; overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; padding: 1rem; }
text { font: 12px ui-monospace, monospace; fill: #fff; } text.below { font-size: 10.5px; opacity: .85; }
text.head { fill: var(--soft); font: 600 12px system-ui, sans-serif; }
path { fill: none; stroke: var(--soft); stroke-opacity: .45; stroke-width: 1.4; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { color: var(--soft); font-weight: 600; }
"""


@dataclass(frozen=True)
class Box:
    """One box: where it leads to are the `ids` of boxes in the next column."""

    id: str
    kind: str
    title: str
    below: str
    to: tuple[str, ...] = ()


def model_page(found: ModelLineage) -> str:
    """The page of a model: patients, their studies, the release, the run, the model."""
    release = found.release
    patients = [
        Box(one.patient, "patient", one.patient, f"{one.split}, {one.instances} instances", (one.split,))
        for one in sorted(found.patients, key=lambda one: (_first(one.split), one.patient))
    ]
    counts = Counter(one.split for one in found.patients)
    by_split = {split: counts[split] for split in sorted(counts, key=_first)}
    splits = [Box(split, "study", split, f"{count} patients", (release.tag,)) for split, count in by_split.items()]
    columns = [
        ("Patients", _cut(patients, tuple(by_split))),
        ("Splits", splits),
        ("Release", [_release(release, (found.run_id,))]),
        ("MLflow run", [Box(found.run_id, "run", found.run_id[:24], "the training", ("model",))]),
        ("Model", [Box("model", "model", found.name, f"version {found.version}")]),
    ]
    rows = [
        (one.patient, one.split, study.study, str(len(study.series)), str(sum(len(s.instances) for s in study.series)))
        for one in found.patients
        for study in one.studies
    ]
    name = f"{found.name} v{found.version}"
    lead = (
        f"{name} was trained on {release.tag}, which holds {release.instances} instances in {release.series} series of "
        f"{sum(bool(one.studies) for one in found.patients)} patients."
    )
    lists = _table("Whose scans", ("patient", "split", "study", "series", "instances"), rows)
    return _page(name, lead, columns, _facts([release]) + lists)


def patient_page(found: PatientLineage) -> str:
    """The page of a patient, a study or a series: its series, the releases, the models."""
    models = {(one.release, f"{one.name}/{one.version}"): one for one in found.models}
    tags = tuple(one.tag for one in found.releases)
    by_study = Counter(unit.study for unit in found.units)
    studies = [
        Box(study, "study", study, f"{count} series at the source", tags) for study, count in sorted(by_study.items())
    ]
    releases = [_release(one, tuple(name for tag, name in models if tag == one.tag)) for one in found.releases]
    boxes = [
        Box(f"{one.name}/{one.version}", "model", f"{one.name} v{one.version}", _saw(one.split))
        for one in models.values()
    ]
    columns = [
        ("Patient", [Box(found.patient, "patient", found.patient, "pseudonym", tuple(by_study) or tags)]),
        ("Studies", _cut(studies, tags)),
        ("Releases", releases),
        ("Models", boxes),
    ]
    lead = f"{found.asked} is in {len(found.releases)} releases, and {len(found.models)} models saw it."
    rows = [(unit.unit, unit.study, unit.modality, str(unit.expected), unit.state) for unit in found.units]
    lists = _table("Series", ("series", "study", "modality", "instances", "state"), rows)
    runs = [(f"{one.name} v{one.version}", one.split, one.release, one.run_id) for one in found.models]
    lists += _table("Models", ("model", "split", "release", "MLflow run"), runs)
    return _page(found.asked, lead, [column for column in columns if column[1]], _facts(found.releases) + lists)


def _first(split: str) -> tuple[bool, str]:
    """The order of splits: what was learned from comes first."""
    return split != "train", split


def _saw(split: str) -> str:
    return "learned from them" if split == "train" else f"saw them in {split}"


def _release(release: ReleaseNode, to: tuple[str, ...]) -> Box:
    below = f"{release.instances} instances, {release.series} series"
    if release.gone:
        return Box(release.tag, "incomplete", release.tag, f"incomplete: {release.gone.instances} withdrawn", to)
    return Box(release.tag, "release", release.tag, below, to)


def _cut(boxes: list[Box], to: tuple[str, ...]) -> list[Box]:
    if len(boxes) <= DRAWN:
        return boxes
    return [
        *boxes[: DRAWN - 1],
        Box("rest", "rest", f"… and {len(boxes) - DRAWN + 1} more", "all are listed below", to),
    ]


def _facts(releases: Iterable[ReleaseNode]) -> str:
    rows = [
        (
            one.tag,
            one.created[:10],
            one.dvc or "",
            one.commit[:12],
            one.flow_run or "",
            f"{one.gone.instances} instances in {one.gone.series} series" if one.gone else "none",
        )
        for one in releases
    ]
    return _table("Releases", ("release", "made", "DVC", "commit", "flow run", "withdrawn since"), rows)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td><code>{html.escape(cell)}</code></td>" for cell in row) + "</tr>" for row in rows
    )
    if not body:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    return f"<h2>{html.escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _page(title: str, lead: str, columns: Sequence[tuple[str, Sequence[Box]]], lists: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lineage of {html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Lineage of {html.escape(title)}</h1><p>{html.escape(lead)} "
        f"All names are pseudonyms.</p><figure>{draw(columns)}</figure>{lists}</body></html>\n"
    )


def draw(columns: Sequence[tuple[str, Sequence[Box]]]) -> str:
    """An SVG of boxes in columns, with a line from each box to those that it leads to."""
    tallest = max((len(boxes) for _, boxes in columns), default=1)
    height = 30 + tallest * (_HEIGHT + _GAP)
    width = len(columns) * _WIDTH + (len(columns) - 1) * _BETWEEN
    places: dict[tuple[int, str], tuple[int, int]] = {}
    for number, (_, boxes) in enumerate(columns):
        top = 30 + (tallest - len(boxes)) * (_HEIGHT + _GAP) // 2
        for row, box in enumerate(boxes):
            places[number, box.id] = (number * (_WIDTH + _BETWEEN), top + row * (_HEIGHT + _GAP))
    lines, shapes = [], []
    for number, (head, boxes) in enumerate(columns):
        shapes.append(f'<text class="head" x="{number * (_WIDTH + _BETWEEN)}" y="14">{html.escape(head)}</text>')
        for box in boxes:
            x, y = places[number, box.id]
            for other in box.to:
                if (number + 1, other) in places:
                    lines.append(_line(x + _WIDTH, y + _HEIGHT // 2, *places[number + 1, other]))
            shapes.append(
                f'<g><title>{html.escape(box.title)}</title><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" '
                f'rx="8" fill="{_COLOURS[box.kind]}"/><text x="{x + 12}" y="{y + 20}">{html.escape(_short(box.title))}'
                f'</text><text class="below" x="{x + 12}" y="{y + 36}">{html.escape(_short(box.below))}</text></g>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img">{"".join(lines)}{"".join(shapes)}</svg>'
    )


def _line(x: int, y: int, to_x: int, to_y: int) -> str:
    bend, end = (to_x - x) // 2, to_y + _HEIGHT // 2
    return f'<path d="M{x} {y}C{x + bend} {y} {to_x - bend} {end} {to_x} {end}"/>'


def _short(text: str, most: int = 27) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
