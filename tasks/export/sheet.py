"""The contact sheet: the middle slice of up to 48 series, so that a person sees what a release holds."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.core.errors import ContractViolation

COLUMNS, ROWS = 8, 6
CELL, CAPTION, GAP = 128, 18, 2

Picture = npt.NDArray[np.uint8]


def draw_sheet(instances: pd.DataFrame, dataset: Path) -> Picture | None:
    """A grey image of up to 8 x 6 middle slices with their modality; None where there is no image.

    `instances` has image_path relative to `dataset`. Modalities take turns, so that each is seen.
    """
    chosen = choose(instances)
    if not chosen:
        return None
    rows = -(-len(chosen) // COLUMNS)
    height, width = CELL + CAPTION + GAP, CELL + GAP
    sheet = np.full((rows * height + GAP, COLUMNS * width + GAP), 24, dtype=np.uint8)
    for place, (modality, path) in enumerate(chosen):
        top, left = GAP + place // COLUMNS * height, GAP + place % COLUMNS * width
        sheet[top : top + CELL, left : left + CELL] = _thumbnail(dataset / path)
        foot = (left + 4, top + CELL + CAPTION - 5)
        cv2.putText(sheet, modality, foot, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 230, 1, cv2.LINE_8)
    return sheet


def choose(instances: pd.DataFrame) -> list[tuple[str, str]]:
    """(modality, image path) of the middle slices to show, in order."""
    images = instances[instances["image_path"].notna()]
    images = images.sort_values(["modality", "unit", "slice_index", "frame", "image_path"], kind="stable")
    queues: dict[str, list[tuple[str, str]]] = {}
    for (modality, _unit), rows in images.groupby(["modality", "unit"], sort=True):
        middle = rows["image_path"].iloc[len(rows) // 2]
        queues.setdefault(str(modality), []).append((str(modality), str(middle)))
    turns = zip_longest(*(queues[modality] for modality in sorted(queues)))
    taken = [picture for turn in turns for picture in turn if picture is not None]
    return sorted(taken[: COLUMNS * ROWS])


def write_sheet(sheet: Picture, target: Path) -> None:
    """Write the sheet as PNG."""
    encoded, content = cv2.imencode(".png", sheet)
    if not encoded:
        raise ContractViolation("the contact sheet could not be encoded: report this")
    target.write_bytes(content.tobytes())


def _thumbnail(path: Path) -> Picture:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)  # 16 bit comes as 8
    if image is None:
        raise ContractViolation(f"{path.name} cannot be read as PNG: run `python -m tasks.transform` again")
    return np.asarray(cv2.resize(image, (CELL, CELL), interpolation=cv2.INTER_AREA), dtype=np.uint8)
