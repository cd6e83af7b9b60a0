"""WebDataset shards: tars of images with their facts, each with whole patients of one split, and where each is.

Which patient is in which shard follows from a hash, so that one more or less changes their shard and no other. A shard
has at most as many images as params.yaml says; only one patient's can be more.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.core.errors import ContractViolation
from tasks.core.files import write_table

FOLDER = "shards"
INDEX = f"{FOLDER}/index.parquet"
"""One row an image: image_path, shard, offset (of its bytes in the shard), size, both in bytes."""

NO_SPLIT = "unassigned"


def cut(sizes: Mapping[str, int], limit: int, depth: int = 0) -> dict[str, list[str]]:
    """Patients by the bits of their hash, as few bits as keep each part at `limit` images or at one patient.

    `sizes` has the images of each patient. A part's name is the bits that its patients have in common; they are the
    same for a patient whoever else is there, as long as the part doesn't grow past the limit.
    """
    if len(sizes) <= 1 or sum(sizes.values()) <= limit:
        return {"": sorted(sizes)} if sizes else {}
    parts: dict[str, list[str]] = {}
    for bit in "01":
        half = {name: size for name, size in sizes.items() if _bits(name)[depth] == bit}
        parts |= {bit + rest: names for rest, names in cut(half, limit, depth + 1).items()}
    return parts


def write_shards(images: pd.DataFrame, dataset: Path, limit: int) -> int:
    """Write the shards of the `images` (rows with image_path and split) of `dataset`; returns how many.

    The same images give the same bytes: members are sorted, and have no time, owner or mode of their own.
    """
    places: list[tuple[str, str, int, int]] = []
    (dataset / FOLDER).mkdir(exist_ok=True)
    splits = images["split"].astype("string").fillna(NO_SPLIT)
    shards = 0
    for split in sorted(set(splits)):
        rows = images[splits == split]
        for bits, patients in sorted(cut(_sizes(rows), limit).items()):
            name = f"{split}-{bits}.tar" if bits else f"{split}.tar"
            held = rows[rows["patient"].isin(patients)].sort_values("image_path", kind="stable")
            places += _write(held, dataset, f"{FOLDER}/{name}")
            shards += 1
    index = pd.DataFrame(sorted(places), columns=["image_path", "shard", "offset", "size"])
    types = {"image_path": "string", "shard": "string", "offset": "Int64", "size": "Int64"}
    write_table(index.astype(types), dataset / INDEX)
    return shards


def read_index(dataset: Path) -> dict[str, tuple[Path, int, int]]:
    """(shard, offset, size) of each image by its image_path; empty where the release has no shards."""
    if not (dataset / INDEX).is_file():
        return {}
    table = pd.read_parquet(dataset / INDEX)
    return {
        path: (dataset / shard, int(offset), int(size))
        for path, shard, offset, size in table.itertuples(index=False, name=None)
    }


def read_member(shard: Path, offset: int, size: int) -> bytes:
    """The bytes of one image in a shard."""
    with shard.open("rb") as handle:
        handle.seek(offset)
        return handle.read(size)


def _sizes(rows: pd.DataFrame) -> dict[str, int]:
    return {str(patient): int(count) for patient, count in rows.groupby("patient").size().items()}


def _write(rows: pd.DataFrame, dataset: Path, name: str) -> list[tuple[str, str, int, int]]:
    places = []
    with tarfile.open(dataset / name, "w", format=tarfile.USTAR_FORMAT) as archive:
        for row in rows.to_dict("records"):
            path = str(row["image_path"])
            stem, content = Path(path).stem, (dataset / path).read_bytes()
            if "." in stem:
                raise ContractViolation("an image's name has a dot, so WebDataset would cut it: run transform again")
            _add(archive, f"{stem}.json", _facts({str(name): value for name, value in row.items()}))
            places.append((path, name, archive.offset + tarfile.BLOCKSIZE, len(content)))
            _add(archive, f"{stem}.png", content)
    return places


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))


def _facts(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True, ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    """What JSON doesn't know: null for what is missing, else the number that NumPy wraps."""
    return None if pd.isna(value) else value.item()


def _bits(name: str) -> str:
    return f"{int(hashlib.sha256(name.encode()).hexdigest(), 16):0256b}"
