"""Loading a release for training or analysis: NumPy, pandas, PyTorch. Needs the release's folder and nothing else.

    from tasks.export.dataset import load_release

    train = load_release("data/dataset/heart", split="train")
    pixels, lesion = train.numpy(), train.labels("lesion")

Images are read when they are asked for. PyTorch is imported by `torch` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.core.columns import OPTIONAL, TABLES
from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import sha256
from tasks.core.pictures import Pixels, as_floats, decode_png
from tasks.export.shards import read_index, read_member
from tasks.export.views import LABEL, SPLITS, image_rows
from tasks.record.releases.cohorts import COLUMN, SavedCohort, cohort_beside, read_cohort_file

if TYPE_CHECKING:
    from tasks.export.torch_dataset import ImagesAndTargets

Floats = npt.NDArray[np.float32]
Selection = str | Path | SavedCohort | Iterable[str]
_CHECKSUMS = "checksums.sha256"


def load_release(
    folder: str | Path,
    *,
    split: str | Sequence[str] | None = None,
    cohort: Selection | None = None,
    columns: Sequence[str] | None = None,
    verify: bool = False,
) -> LoadedRelease:
    """Open the release in `folder`, a workspace's data/dataset/<name> or a copy of it anywhere.

    `split` is train, validation or test, or several of them. `cohort` is the name of a saved one (where the folder is
    in its workspace), the path of a cohort's file, or ids: pseudonyms of patients, studies or series (`unit`), or
    instance UIDs. `columns` are those that `frame` keeps beside ids and image_path. With `verify` every table and image
    is held against its checksum when it is read; `LoadedRelease.verify` checks the whole folder at once.

    Raises `ConfigurationError` where the folder holds no release or nothing is selected, `ContractViolation` where it
    is damaged.
    """
    root = Path(folder)
    if not (root / "instances.parquet").is_file():
        raise ConfigurationError(f"{root} holds no release: give the folder that has instances.parquet")
    splits = None if split is None else (split,) if isinstance(split, str) else tuple(split)
    unknown = sorted(set(splits or ()) - set(SPLITS))
    if unknown:
        raise ConfigurationError(f"no split {unknown[0]}: there are {', '.join(SPLITS)}")
    return LoadedRelease(root, splits, cohort, columns, verify)


class LoadedRelease:
    """The images of a release that were selected, in the order of `frame`: sorted by image_path.

    `len(release)` is how many there are, `release[i]` the i-th as float32 in [0, 1], shape (rows, columns).
    """

    def __init__(
        self,
        root: Path,
        splits: tuple[str, ...] | None,
        cohort: Selection | None,
        columns: Sequence[str] | None,
        verify: bool,
    ) -> None:
        self.root = root
        self._verify = verify
        self._whole: dict[str, pd.DataFrame] = {}
        rows = self._selected(splits, cohort)
        if not len(rows):
            raise ConfigurationError("nothing of the release is selected: look at split and cohort")
        self._rows = rows
        tables = {name: self._read(name) for name in ("splits", "patients", "series", "labels")}
        images = image_rows({**tables, "instances": rows})
        if columns is not None:
            missing = sorted(set(columns) - set(images.columns))
            if missing:
                known = ", ".join(sorted(set(images.columns)))
                raise ConfigurationError(f"the release has no column {missing[0]}; it has {known}")
            kept = dict.fromkeys((*COLUMN.values(), "image_path", "png_sha256", *columns))
            images = images[[name for name in kept if name in images.columns]]
        self.frame: pd.DataFrame = images
        """One row an image: the columns of instances, `split`, sex and age, and `label_<name>` for each label."""

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, at: int) -> Floats:
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return as_floats(self.image(at))

    def __iter__(self) -> Iterator[Floats]:
        return (self[at] for at in range(len(self)))

    def table(self, name: str) -> pd.DataFrame:
        """patients, studies, series, instances, labels, splits or features: the rows of what is selected."""
        if name == "instances":
            return self._rows.reset_index(drop=True)
        table = self._read(name)
        for key in ("unit", "study", "patient"):
            if key in table.columns:
                return table[table[key].isin(set(self._rows[key]))].reset_index(drop=True)
        return table

    def image(self, at: int) -> Pixels:
        """The i-th image as it is stored, uint8 or uint16, shape (rows, columns)."""
        row = self.frame.iloc[at]
        content = self._bytes(str(row["image_path"]))
        if self._verify and hashlib.sha256(content).hexdigest() != row["png_sha256"]:
            raise ContractViolation(f"{row['image_path']} has other bytes than the release: get it again")
        return decode_png(content, str(row["image_path"]))

    def numpy(self) -> Floats:
        """All selected images in memory: float32 in [0, 1], shape (images, rows, columns)."""
        first = self[0]
        pixels = np.empty((len(self), *first.shape), dtype=np.float32)
        for at in range(len(self)):
            pixels[at] = self[at]
        return pixels

    def labels(self, name: str) -> npt.NDArray[np.float32]:
        """The values of a label, one an image; NaN where the study has none or sources contradict each other."""
        if f"{LABEL}{name}" not in self.frame.columns:
            known = [column.removeprefix(LABEL) for column in self.frame.columns if column.startswith(LABEL)]
            raise ConfigurationError(f"no label {name} here; there are {', '.join(known) or 'none'}")
        return self.frame[f"{LABEL}{name}"].astype("Float32").to_numpy(dtype=np.float32, na_value=np.nan)

    def torch(self, target: str | None = None) -> ImagesAndTargets:
        """A `torch.utils.data.Dataset` of float32 tensors in [0, 1], shape (1, rows, columns).

        With `target` its items are (image, value), and images without a value of that label are left out.
        """
        try:
            from tasks.export.torch_dataset import ImagesAndTargets
        except ImportError:
            raise ConfigurationError("PyTorch is not installed: `pip install 'sluice[torch]'`") from None
        return ImagesAndTargets(self, target)

    def verify(self) -> int:
        """Hold every file of the folder against checksums.sha256; returns how many there are.

        Files that are missing are an error, but for images that shards hold. Who made the list is not checked: that is
        `sluice release verify`.
        """
        sums = self._checksums
        for name, wanted in sums.items():
            place = self.root / name
            if not place.is_file() and name in self._index:
                continue
            if not place.is_file() or sha256(place) != wanted:
                raise ContractViolation(f"{name} is missing or has other bytes than the release: get it again")
        return len(sums)

    def _selected(self, splits: tuple[str, ...] | None, cohort: Selection | None) -> pd.DataFrame:
        rows = self._read("instances")
        if splits is not None:
            held = self._read("splits")
            rows = rows[rows["patient"].isin(set(held.loc[held["split"].isin(splits), "patient"]))]
        if cohort is None:
            return rows
        chosen = self._cohort(cohort)
        if isinstance(chosen, SavedCohort):
            return chosen.rows(rows)
        return rows[rows[list(COLUMN.values())].isin(chosen).any(axis=1)]

    def _cohort(self, cohort: Selection) -> SavedCohort | set[str]:
        if isinstance(cohort, SavedCohort):
            return cohort
        if isinstance(cohort, Path):
            return read_cohort_file(cohort)
        if not isinstance(cohort, str):
            return {str(name) for name in cohort}
        if cohort.endswith(".txt"):
            return read_cohort_file(Path(cohort))
        return cohort_beside(self.root, cohort)

    def _read(self, name: str) -> pd.DataFrame:
        if name not in TABLES and name not in OPTIONAL:
            raise ConfigurationError(f"no table {name}: there are {', '.join((*TABLES, *OPTIONAL))}")
        if name not in self._whole:
            place = self.root / f"{name}.parquet"
            if not place.is_file():
                raise ConfigurationError(f"this release has no {place.name}")
            if self._verify and sha256(place) != self._checksums.get(place.name):
                raise ContractViolation(f"{place.name} has other bytes than the release: get it again")
            self._whole[name] = pd.read_parquet(place, dtype_backend="numpy_nullable")
        return self._whole[name]

    def _bytes(self, path: str) -> bytes:
        place = self.root / path
        if place.is_file():
            return place.read_bytes()
        if path in self._index:
            return read_member(*self._index[path])
        raise ContractViolation(f"{path} is missing: get the release again")

    @cached_property
    def _index(self) -> dict[str, tuple[Path, int, int]]:
        return read_index(self.root)

    @cached_property
    def _checksums(self) -> dict[str, str]:
        try:
            lines = (self.root / _CHECKSUMS).read_text(encoding="utf-8").splitlines()
        except OSError:
            raise ConfigurationError(f"{self.root} has no {_CHECKSUMS}, so nothing can be checked") from None
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
