"""The report on a method as a folder: report.json, report.md, report.html and figure.png. Holds numbers, no names."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.core.files import atomic_directory, write_json, write_text
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.transform.enhance.changes import Flag, Judged, RegionChange
from tasks.transform.enhance.figure import Panel, draw
from tasks.transform.enhance.quality import Estimate
from tasks.transform.enhance.training import Proof

Table = tuple[str, list[str], list[list[str]]]

_MEASURES = {
    "mean_before": "mean before",
    "mean_after": "mean after",
    "sd_before": "standard deviation before",
    "sd_after": "standard deviation after",
    "histogram_distance": "distance of histograms (Wasserstein-1)",
    "mean_change": "mean change of a pixel",
    "max_change": "largest change of a pixel",
    "psnr": "PSNR of after against before, dB",
    "ssim": "SSIM of after against before",
}


def write_report(
    target: Path,
    judged: Judged,
    panels: Sequence[Panel],
    settings: EnhancementSettings,
    proofs: Sequence[Proof] = (),
) -> Path:
    """Write the folder `target`, whole or not at all; what was there of an earlier report goes. Returns report.html.

    `proofs` of a network are told first. The same measurements give the same bytes.
    """
    head, tables = _head(judged, settings), _tables(judged, proofs)
    with atomic_directory(target) as draft:
        write_json(draft / "report.json", _told(judged, settings, proofs))
        if panels:
            draw(list(panels), draft / "figure.png")
        write_text(draft / "report.md", _markdown(head, tables, bool(panels)))
        write_text(draft / "report.html", _html(head, tables, bool(panels)))
    return target / "report.html"


def _head(judged: Judged, settings: EnhancementSettings) -> list[str]:
    verdict, bound = judged.verdict, judged.upper_bound
    patients = len({one.patient for one in judged.regions})
    lines = [
        f"{verdict.value}: {verdict.sentence}.",
        f"{len(judged.flagged)} of {len(judged.regions)} regions of {patients} patients flagged; the limit is a loss "
        f"of {settings.max_contrast_loss:.0%} of contrast, or of contrast to noise, against a ring of "
        f"{settings.ring_mm:g} mm.",
    ]
    if bound is not None:
        lines.append(
            f"No loss in {patients} patients is compatible with a loss in up to {bound:.0%} of patients "
            "(95 %, one-sided)."
        )
    lines.append(
        "Before is the picture enlarged by bicubic interpolation, after is the network's."
        if judged.method.scale > 1
        else "Before is the picture as it was, after is what the method made of it."
    )
    return lines


def _tables(judged: Judged, proofs: Sequence[Proof]) -> list[Table]:
    tables: list[Table] = []
    if proofs:
        heads = [
            "modality",
            "images",
            "patients",
            "PSNR bicubic",
            "PSNR network",
            "gain, dB",
            "SSIM bicubic",
            "SSIM network",
            "gain",
        ]
        rows = [
            [
                proof.modality,
                str(proof.images),
                str(proof.psnr["gain"].patients),
                *(_interval(proof.psnr[kind], 2) for kind in ("bicubic", "srcnn", "gain")),
                *(_interval(proof.ssim[kind], 4) for kind in ("bicubic", "srcnn", "gain")),
            ]
            for proof in proofs
        ]
        tables.append(("Proof: the network against bicubic enlargement on held-out patients", heads, rows))
    rows = [
        [modality, words, _interval(measures[name], 4 if name != "psnr" else 1)]
        for modality, measures in judged.intensity.items()
        for name, words in _MEASURES.items()
    ]
    tables.append(
        ("Intensity, in parts of the window: mean over patients (95 % interval)", ["modality", "measure", ""], rows)
    )
    heads = [
        "patient",
        "series",
        "region",
        "modality",
        "pixels",
        "contrast before",
        "after",
        "kept",
        "CNR before",
        "after",
        "kept",
        "largest change",
        "flags",
    ]
    ordered = sorted(judged.regions, key=lambda one: (not one.flags, one.series, one.region))
    tables.append(("Regions, in parts of the window; flagged first", heads, [_region(one) for one in ordered]))
    flags = sorted({flag for one in judged.regions for flag in one.flags})
    if flags:
        tables.append(("What the flags mean", ["flag", ""], [[flag.value, flag.sentence] for flag in flags]))
    return tables


def _region(one: RegionChange) -> list[str]:
    known = Flag.TOO_SMALL not in one.flags
    numbers = [
        f"{one.contrast_before:+.4f}", f"{one.contrast_after:+.4f}", f"{one.kept:.0%}",
        f"{one.cnr_before:.2f}", f"{one.cnr_after:.2f}", f"{one.cnr_kept:.0%}", f"{one.max_change:.3f}",
    ]  # fmt: skip
    return [
        str(one.patient), str(one.series), str(one.region), one.modality, str(one.pixels),
        *(numbers if known else ["" for _ in numbers]), ", ".join(flag.value for flag in one.flags),
    ]  # fmt: skip


def _interval(value: Estimate, digits: int) -> str:
    if not np.isfinite(value.low):
        return f"{value.mean:.{digits}f} (one patient)"
    return f"{value.mean:.{digits}f} ({value.low:.{digits}f} to {value.high:.{digits}f})"


def _told(judged: Judged, settings: EnhancementSettings, proofs: Sequence[Proof]) -> dict[str, Any]:
    return {
        "method": judged.method.name,
        "parameters": dict(judged.method.parameters),
        "scale": judged.method.scale,
        "verdict": judged.verdict.value,
        "sentence": judged.verdict.sentence,
        "upper_bound": judged.upper_bound,
        "limit": settings.max_contrast_loss,
        "ring_mm": settings.ring_mm,
        "pictures": judged.pictures,
        "patients": judged.patients,
        "flagged": len(judged.flagged),
        "intensity": {
            modality: {name: _plain(value) for name, value in measures.items()}
            for modality, measures in judged.intensity.items()
        },
        "regions": [
            {
                **{name: getattr(one, name) for name in one.__dataclass_fields__ if name != "flags"},
                "kept": _finite(one.kept),
                "cnr_kept": _finite(one.cnr_kept),
                "flags": [flag.value for flag in one.flags],
            }
            for one in judged.regions
        ],
        "proofs": [
            {
                "modality": proof.modality,
                "images": proof.images,
                "psnr": {kind: _plain(value) for kind, value in proof.psnr.items()},
                "ssim": {kind: _plain(value) for kind, value in proof.ssim.items()},
            }
            for proof in proofs
        ],
    }


def _plain(value: Estimate) -> dict[str, float | int | None]:
    return {"mean": value.mean, "low": _finite(value.low), "high": _finite(value.high), "patients": value.patients}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _markdown(head: list[str], tables: list[Table], figure: bool) -> str:
    lines = ["# What enhancement changed", "", *(part for line in head for part in (line, ""))]
    if figure:
        lines += ["![before, after and difference](figure.png)", ""]
    for title, heads, rows in tables:
        lines += [f"## {title}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        lines += [*(f"| {' | '.join(row)} |" for row in rows), ""]
    return "\n".join(lines)


def _html(head: list[str], tables: list[Table], figure: bool) -> str:
    style = "body{font:15px sans-serif;margin:2em}table{border-collapse:collapse}"
    style += "td,th{border:1px solid #bbb;padding:2px 7px}"
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>What enhancement changed</title>',
        f"<style>{style}</style>",
        "<h1>What enhancement changed</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in head),
    ]
    if figure:
        parts.append('<p><img src="figure.png" alt="before, after and difference"></p>')
    for title, heads, rows in tables:
        cells = ["".join(f"<th>{html.escape(cell)}</th>" for cell in heads)]
        cells += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
        parts.append(f"<h2>{html.escape(title)}</h2><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")
    return "\n".join(parts) + "</html>\n"
