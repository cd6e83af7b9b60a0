"""A release as a PyTorch dataset. The one module of the room that imports PyTorch, for `LoadedRelease.torch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from tasks.export.dataset import LoadedRelease


class ImagesAndTargets(Dataset):  # type: ignore[misc]
    """Images of a release, with the value of a label where one was asked for. Workers of a DataLoader may share it."""

    def __init__(self, release: LoadedRelease, target: str | None) -> None:
        self._release = release
        self._values = None if target is None else release.labels(target)
        told = np.ones(len(release), dtype=bool) if self._values is None else ~np.isnan(self._values)
        self._places = np.flatnonzero(told)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, at: int) -> Any:
        """The image as a tensor of shape (1, rows, columns), or (image, value) with the value as a 0-d float32."""
        place = int(self._places[at])
        image = torch.from_numpy(self._release[place])[None]
        return image if self._values is None else (image, torch.tensor(self._values[place]))
