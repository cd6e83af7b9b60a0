"""The weights of the network as a file: an .npz of plain arrays, known by its SHA-256. Nothing in it can be executed.

The three layers are those of Dong et al., "Image Super-Resolution Using Deep Convolutional Networks" (TPAMI 2016):
9 x 9 to 64 maps, 1 x 1 to 32 maps, 5 x 5 to the image. How they are applied is in srcnn.py.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_zip

Floats = npt.NDArray[np.float32]

SHAPES: dict[str, tuple[int, ...]] = {
    "features": (64, 9, 9),
    "features_bias": (64,),
    "mapping": (32, 64),
    "mapping_bias": (32,),
    "reconstruction": (32, 5, 5),
    "reconstruction_bias": (1,),
}
MARGIN = 6
"""Pixels on each side that a pixel of the result depends on: 4 of the first layer, 2 of the last."""

_MAX_BYTES = 2**20
_SCALE = "scale"


@dataclass(frozen=True, eq=False)
class Weights:
    """The layers as float32, shapes in `SHAPES`, and the `scale` that they were trained for. `sha256` is the file's."""

    layers: dict[str, Floats]
    scale: int
    sha256: str = ""


def write_weights(weights: Weights, target: Path) -> Weights:
    """Write the .npz, the same bytes for the same values; returns the weights with the file's digest."""
    arrays = {name: np.ascontiguousarray(weights.layers[name], "<f4") for name in SHAPES}
    members = [(f"{name}.npy", _npy(array)) for name, array in arrays.items()]
    digest = write_zip(target, [*members, (f"{_SCALE}.npy", _npy(np.array(weights.scale, "<i4")))])
    return Weights(arrays, weights.scale, digest)


def read_weights(path: Path, sha256: str | None = None) -> Weights:
    """Read weights, and refuse a file that isn't the one named by `sha256`.

    Raises `ConfigurationError` in one line where the file is missing, another one, or holds no such network.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{path.name} is too large to hold the weights of this network")
        content = path.read_bytes()
    except OSError:
        raise ConfigurationError(f"there are no weights at {path}: train some with `sluice enhance train`") from None
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise ConfigurationError(
            f"{path.name} has the SHA-256 {digest}, not {sha256}: it is not the file that was approved; "
            "take that one again, or judge this one with `sluice enhance report` and name its digest"
        )
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
                raise ValueError
        with np.load(BytesIO(content), allow_pickle=False) as file:
            layers = {name: np.asarray(file[name], np.float32) for name in SHAPES}
            scale = int(file[_SCALE])
        sound = all(layers[name].shape == shape and np.isfinite(layers[name]).all() for name, shape in SHAPES.items())
        if not sound or not 2 <= scale <= 4:
            raise ValueError
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError):
        raise ConfigurationError(f"{path.name} holds no weights of this network: take the .npz of a training") from None
    return Weights(layers, scale, digest)


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    buffer = BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()
