"""Laying images and objects out by modality. What the tables say and the card tells is made elsewhere."""

from __future__ import annotations

import shutil
import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath

import pandas as pd

from tasks.core.errors import ContractViolation
from tasks.core.files import sha256
from tasks.export.kept import copy_with_time, keep_image


def place_images(instances: pd.DataFrame, images: Path, target: Path, former: Path) -> pd.Series:
    """Lay each image of `instances` under `target`/images; returns its path relative to `target`.

    Those that the release in `former` holds already are taken over (`kept`). Null where a row has no image. Raises
    `ContractViolation` when one is missing or isn't what transform wrote.
    """
    placed: list[str | None] = []
    for path, expected in zip(instances["image_path"], instances["png_sha256"], strict=True):
        if pd.isna(path):
            placed.append(None)
            continue
        relative = _inside(str(path))
        source, goal = images / relative, target / "images" / relative
        goal.parent.mkdir(parents=True, exist_ok=True)
        try:
            _place_image(source, former / "images" / relative, goal, None if pd.isna(expected) else str(expected))
        except FileNotFoundError:
            raise ContractViolation(f"{source} is missing: run `python -m tasks.transform` again") from None
        placed.append(f"images/{relative}")
    return pd.Series(placed, index=instances.index, dtype="string")


def place_objects(instances: pd.DataFrame, archives: Path, target: Path) -> pd.Series:
    """Take each object out of its archive into `target`/objects/<MODALITY>; returns its path relative to `target`.

    Named <patient>_<study>_<unit>_<nnnn>.dcm, numbered by SOPInstanceUID within a series.
    """
    placed: dict[object, str] = {}
    held = instances[instances["object_path"].notna()].sort_values(["unit", "modality", "instance"], kind="stable")
    count: dict[tuple[str, str], int] = defaultdict(int)
    open_as: tuple[str, zipfile.ZipFile] | None = None
    try:
        for index, row in held.iterrows():
            name, _, member = str(row["object_path"]).partition("#")
            if open_as is None or open_as[0] != name:
                if open_as:
                    open_as[1].close()
                open_as = name, _open(archives / _inside(name))
            count[row["unit"], row["modality"]] += 1
            number = count[row["unit"], row["modality"]]
            file = f"{row['patient']}_{row['study']}_{row['unit']}_{number:04d}.dcm"
            goal = target / "objects" / _inside(f"{row['modality']}/{file}")
            goal.parent.mkdir(parents=True, exist_ok=True)
            _extract(open_as[1], member, goal, archives / name)
            placed[index] = goal.relative_to(target).as_posix()
    finally:
        if open_as:
            open_as[1].close()
    return pd.Series([placed.get(index) for index in instances.index], index=instances.index, dtype="string")


def _place_image(source: Path, former: Path, goal: Path, expected: str | None) -> None:
    if expected is None:
        copy_with_time(source, goal)
    elif not keep_image(source, former, goal, expected):
        copy_with_time(source, goal)
        if sha256(goal) != expected:
            raise ContractViolation(f"{source} changed after it was made: run `python -m tasks.transform` again")


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise ContractViolation(f"{path} is missing: run `python -m tasks.deidentify` again") from None
    except zipfile.BadZipFile:
        raise ContractViolation(f"{path} is damaged: delete it and run `python -m tasks.deidentify` again") from None


def _extract(archive: zipfile.ZipFile, member: str, goal: Path, path: Path) -> None:
    try:
        with archive.open(member) as source, goal.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except (KeyError, zipfile.BadZipFile):
        raise ContractViolation(f"{path} does not hold {member}: run `python -m tasks.transform` again") from None


def _inside(path: str) -> PurePosixPath:
    """`path`, which must stay in its folder."""
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise ContractViolation("a path in data/curated/instances.parquet leaves its folder: run transform again")
    return relative
