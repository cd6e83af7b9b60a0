"""The page of a workspace's contact sheets: a table of series with what was found, and the sheets below. Plain HTML."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.core.files import write_text
from tasks.core.findings import Finding
from tasks.core.settings import TransformSettings
from tasks.transform.volumes.noted import Note, noted

_STYLE = """body{background:#111317;color:#e8eaee;font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1260px}
a{color:#8fc8ff}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;text-align:left}
th{color:#98a0ab;font-weight:500}tr{border-bottom:1px solid #2b2f37}.no{color:#ff7a5c}.told{color:#f0c458}
img{max-width:100%;border:1px solid #2b2f37;margin-bottom:1rem}"""


def write_page(
    folder: Path, patients: Sequence[tuple[str, list[dict[str, Any]]]], more: int, settings: TransformSettings
) -> None:
    """Write index.html in `folder`; `patients` are pseudonyms with the rows of their series, `more` are not shown."""
    rows, sheets = [], []
    for patient, series in patients:
        for row in series:
            rows.append(_row(patient, row, settings))
        if (folder / f"{patient}.png").is_file():
            name = html.escape(patient)
            sheets.append(f'<h2 id="{name}">{name}</h2><img src="{name}.png" alt="contact sheet" loading="lazy">')
    tail = f"<p>{more} more patients have no sheet: raise look.patients in params.yaml.</p>" if more else ""
    head = "".join(f"<th>{name}</th>" for name in ("patient", "modality", "series", "images", "volumes", "found"))
    write_text(
        folder / "index.html",
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Contact sheets</title><style>{_STYLE}</style>'
        f"<h1>Contact sheets</h1><p>De-identified pixels, to look at; no part of the dataset.</p>"
        f"<table><tr>{head}</tr>{''.join(rows)}</table>{tail}{''.join(sheets)}</html>\n",
    )


def findings_of(row: dict[str, Any], settings: TransformSettings) -> list[Note]:
    """What series.parquet says of a series' geometry, with the policies of `settings`; counts are not kept there."""
    names = set(json.loads(row["geometry_findings"] or "[]"))
    return [noted(finding, 1, settings.volumes) for finding in Finding if finding.value in names]


def _row(patient: str, row: dict[str, Any], settings: TransformSettings) -> str:
    name, found = html.escape(patient), []
    for note in findings_of(row, settings):
        sort, words = "no" if note.refuses else "told", html.escape(note.finding.sentence)
        found.append(f'<span class="{sort}" title="{words}">{html.escape(note.finding.value)}</span>')
    cells = (row["modality"], row["unit"], row["images"], row["volumes"])
    plain = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
    return f'<tr><td><a href="#{name}">{name}</a></td>{plain}<td>{", ".join(found)}</td></tr>'
