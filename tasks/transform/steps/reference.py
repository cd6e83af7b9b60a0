"""The reference of histogram-match from a file: a volume (NIfTI, .npy), or landmarks as `sluice steps` prints them.

The file is named with its SHA-256, so that the same params.yaml gives the same bytes: another file is an error, and
naming it makes another chain.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import VARIABLE
from tasks.transform.steps.block import CannotStep, Values

_KINDS = ".nii, .nii.gz, .npy, .yaml or .json"


def read_reference(name: str, sha256: str, percentiles: tuple[float, ...], above: float | None) -> tuple[float, ...]:
    """The landmarks of the file `name`, which starts at the workspace: its values at `percentiles`.

    Raises `ConfigurationError` where it is missing, another file than `sha256` says, or no reference.
    """
    path = Path(os.environ.get(VARIABLE) or ".", name)
    try:
        status = path.stat()
    except OSError:
        raise ConfigurationError(
            f"there is no reference {path.name}: put the file that reference names there, a relative path starts at "
            "the workspace"
        ) from None
    return _read(path, (status.st_mtime_ns, status.st_size), sha256.lower(), percentiles, above)


def measure(values: Values, percentiles: tuple[float, ...], above: float | None) -> Any:
    """The values at `percentiles`, as float64; raises `CannotStep` where no voxel counts."""
    chosen = values.ravel() if above is None else values[values > above]
    if chosen.size == 0:
        raise CannotStep("no voxel is above the limit")
    return np.asarray(np.percentile(chosen.astype(np.float64), percentiles))


@lru_cache(maxsize=16)
def _read(
    path: Path,
    status: tuple[int, int],  # noqa: ARG001 - a file that changes is read anew
    sha256: str,
    percentiles: tuple[float, ...],
    above: float | None,
) -> tuple[float, ...]:
    try:
        content = path.read_bytes()
    except OSError:
        raise ConfigurationError(
            f"the reference {path.name} cannot be read: give the user of this run access"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ConfigurationError(
            f"the reference {path.name} has the SHA-256 {found}, not {sha256}: take the file that was meant, or write "
            "the new digest, which makes other images"
        )
    try:
        landmarks = _landmarks(path, content, percentiles, above)
    except CannotStep:
        raise ConfigurationError(f"no value of the reference {path.name} is above the limit: lower `above`") from None
    except ConfigurationError:
        raise
    except Exception:  # numpy, nibabel, gzip, yaml: what each raises on a damaged file
        raise ConfigurationError(f"the reference {path.name} cannot be read: give a {_KINDS}") from None
    if any(after <= before for before, after in pairwise(landmarks)):
        raise ConfigurationError(f"percentiles of the reference {path.name} fall together: try `above`")
    return landmarks


def _landmarks(path: Path, content: bytes, percentiles: tuple[float, ...], above: float | None) -> tuple[float, ...]:
    if path.suffix in (".yaml", ".yml", ".json"):
        return _written(path, yaml.safe_load(content), percentiles, above)
    if path.suffix == ".npy":
        values = np.load(BytesIO(content), allow_pickle=False)
    elif path.name.endswith((".nii", ".nii.gz")):
        from nibabel.nifti1 import Nifti1Image

        plain = gzip.decompress(content) if path.name.endswith(".gz") else content
        values = Nifti1Image.from_bytes(plain).get_fdata(dtype=np.float32)
    else:
        raise ConfigurationError(f"the reference {path.name} is of no known kind: give a {_KINDS}")
    values = np.asarray(values, np.float32)
    return tuple(float(f"{one:.9g}") for one in measure(values[np.isfinite(values)], percentiles, above))


def _written(path: Path, told: Any, percentiles: tuple[float, ...], above: float | None) -> tuple[float, ...]:
    """Landmarks as numbers, which must be of the same percentiles and voxels."""
    if isinstance(told, list) and len(told) == 1:
        told = told[0].get("histogram-match")
    landmarks = tuple(float(one) for one in told["landmarks"])
    same = tuple(told.get("percentiles", percentiles)) == percentiles and told.get("above", above) == above
    if not same or len(landmarks) != len(percentiles):
        raise ConfigurationError(
            f"the landmarks of {path.name} are of other percentiles or another `above`: write these beside reference"
        )
    return landmarks
