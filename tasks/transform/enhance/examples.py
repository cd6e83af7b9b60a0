"""The images of a release that a network learns from and is tested on, patient by patient, and patches cut from them.

Which patient trains, picks and proves is the release's own split; nothing is split anew here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.pictures import read_grey
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.core.tables import read_release_table, split_of_patients
from tasks.transform.enhance.srcnn import crop, degrade, enlarge
from tasks.transform.enhance.weights import MARGIN
from tasks.transform.windows import Image

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PATCH = 33
"""Side of a patch, as in the paper; of its result, which has no margin, 21."""

_EMPTY = 0.01
"""Standard deviation of a patch below which it shows nothing."""
_TRIES = 8


@dataclass(frozen=True)
class Example:
    """One image of a release: its file, and whose it is (a pseudonym)."""

    path: Path
    patient: str
    modality: str


def find_examples(release: Path, settings: EnhancementSettings) -> dict[str, tuple[Example, ...]]:
    """The grey images of `settings.modalities` by split, in the order of their names.

    At most `settings.slices` a series, evenly over it. Raises `ConfigurationError` where `release` is none or a split
    has no image, `ContractViolation` where a patient is in two splits.
    """
    instances = read_release_table(release, "instances")
    by_patient = split_of_patients(read_release_table(release, "splits"))
    grey = instances["photometric"].isna() | instances["photometric"].isin(["MONOCHROME1", "MONOCHROME2"])
    chosen = instances[instances["image_path"].notna() & grey & instances["modality"].isin(list(settings.modalities))]
    chosen = chosen.sort_values(["unit", "slice_index", "frame", "image_path"], kind="stable")
    found: dict[str, list[Example]] = {TRAIN: [], VALIDATION: [], TEST: []}
    for _, series in chosen.groupby("unit", sort=True):
        places = np.unique(np.linspace(0, len(series) - 1, min(len(series), settings.slices)).round().astype(int))
        for row in series.iloc[places].itertuples():
            split = by_patient.get(str(row.patient))
            if split in found:
                found[split].append(Example(release / str(row.image_path), str(row.patient), str(row.modality)))
    for split, examples in found.items():
        if not examples:
            raise ConfigurationError(
                f"the split `{split}` has no grey images of {', '.join(settings.modalities)}: take more patients, or "
                "other enhancement.modalities"
            )
    return {split: tuple(examples) for split, examples in found.items()}


def read_pairs(examples: tuple[Example, ...], scale: int) -> Iterator[tuple[Example, Image, Image]]:
    """Each example with its bicubic version (coarsened, then enlarged) and the true image, both of one shape."""
    for example in examples:
        truth = crop(read_grey(example.path), scale)
        if min(truth.shape) < PATCH:
            raise ConfigurationError(f"the images of the release are below {PATCH} pixels: raise transform.size")
        yield example, enlarge(degrade(truth, scale), scale), truth


def cut_patches(
    examples: tuple[Example, ...], settings: EnhancementSettings
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Patches (n, 33, 33) of bicubic images and, of the true ones, the middles (n, 21, 21) that the network can reach.

    Places are drawn by `settings.seed`; those that show nothing are drawn again a few times, then left out.
    """
    inner = slice(MARGIN, PATCH - MARGIN)
    random = np.random.default_rng([settings.seed, 1])
    blurred, sharp = [], []
    for _, coarse, truth in read_pairs(examples, settings.scale):
        for _ in range(settings.patches):
            for _ in range(_TRIES):
                row, column = (int(random.integers(0, side - PATCH + 1)) for side in truth.shape)
                square = (slice(row, row + PATCH), slice(column, column + PATCH))
                if float(truth[square].std()) >= _EMPTY:
                    blurred.append(coarse[square])
                    sharp.append(truth[square][inner, inner])
                    break
    if not blurred:
        raise ConfigurationError("the training images are empty: look at the release's dataset card")
    return np.stack(blurred), np.stack(sharp)


def check_apart(by_split: Mapping[str, tuple[Example, ...]]) -> dict[str, str]:
    """Patient to split, of all examples; `ContractViolation` where one is in two, or a file stands in two."""
    whose: dict[str, str] = {}
    files: dict[Path, str] = {}
    for split, examples in sorted(by_split.items()):
        for example in examples:
            if whose.setdefault(example.patient, split) != split or files.setdefault(example.path, split) != split:
                raise ContractViolation(f"patient {example.patient} would be trained on and tested: nothing is trained")
    return whose
