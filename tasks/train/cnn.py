"""A small convolutional network over the slices of a series, in PyTorch on the CPU: the same bytes each time.

Three convolutions see each slice, the strongest answer of each filter over all slices and places is kept, and one
linear layer weighs these: a lesion counts wherever it is, and however many slices lack it. Weights are an .npz of plain
arrays.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.core.errors import ConfigurationError
from tasks.core.files import write_zip
from tasks.train.features import Floats
from tasks.train.scores import Ints, Values

if TYPE_CHECKING:
    import torch

FILTERS = (8, 16, 32)
BATCH = 8
RATE = 3e-3
_DECAY = 1e-4

Progress = Callable[[int, int], None]


def need_torch() -> None:
    """Raise `ConfigurationError` in one line where PyTorch is missing."""
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        raise ConfigurationError(
            "train.model: cnn needs PyTorch: run `make torch` in the checkout, or `pip install 'sluice[torch]'`; "
            "linear does not"
        )


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network over `stacks` (series, slices, rows, columns)."""

    network: Any
    stacks: Floats

    def score(self, rows: Ints) -> Values:
        """Probabilities of a positive label."""
        import torch

        with alone(), torch.no_grad():
            parts = [
                torch.sigmoid(answer(self.network, torch.from_numpy(self.stacks[rows[at : at + BATCH]]))).numpy()
                for at in range(0, len(rows), BATCH)
            ]
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)

    def weights(self) -> bytes:
        """The weights as an .npz; the same weights are the same bytes."""
        members = []
        for name, tensor in self.network.state_dict().items():
            held = io.BytesIO()
            np.save(held, tensor.detach().numpy(), allow_pickle=False)
            members.append((f"{name}.npy", held.getvalue()))
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "weights.npz"
            write_zip(place, members)
            return place.read_bytes()


@dataclass(frozen=True)
class Cnn:
    """How it is trained: `epochs` passes with Adam (Kingma and Ba 2015), positives weighted by their rarity."""

    stacks: Floats
    epochs: int
    seed: int
    progress: Progress = lambda *_: None

    def fit(self, rows: Ints, target: Ints) -> FittedNetwork:
        """Fit to these series. What comes out depends on them, the seed and the release of PyTorch alone."""
        import torch

        with alone():
            network = make_network(self.seed)
            optimiser = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=_DECAY)
            positives = max(1, int(target[rows].sum()))
            loss_of = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor((len(rows) - positives) / positives))
            order = np.random.default_rng([self.seed, 12])
            for epoch in range(self.epochs):
                shuffled = order.permutation(rows)
                for at in range(0, len(rows), BATCH):
                    chosen = shuffled[at : at + BATCH]
                    optimiser.zero_grad()
                    wanted = torch.from_numpy(target[chosen].astype(np.float32))
                    loss_of(answer(network, torch.from_numpy(self.stacks[chosen])), wanted).backward()
                    optimiser.step()
                self.progress(epoch + 1, self.epochs)
        return FittedNetwork(network, self.stacks)


def make_network(seed: int) -> torch.nn.Sequential:
    """The layers before training, drawn by `seed` as He et al. (2015) do."""
    import torch

    drawn = torch.Generator().manual_seed(seed)
    layers: list[Any] = []
    for before, after in zip((1, *FILTERS[:-1]), FILTERS, strict=True):
        layers += [torch.nn.Conv2d(before, after, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    network = torch.nn.Sequential(*layers[:-1], torch.nn.Flatten(2), torch.nn.Linear(FILTERS[-1], 1))
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                inputs = layer.weight[0].numel()
                layer.weight.normal_(0.0, (2 / inputs) ** 0.5, generator=drawn)
                layer.bias.zero_()
    return network


def load_network(weights: bytes) -> torch.nn.Sequential:
    """The network that `FittedNetwork.weights` wrote; nothing in the file can be executed."""
    import torch

    network = make_network(0)
    with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
        network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return network


def answer(network: torch.nn.Sequential, stacks: torch.Tensor) -> torch.Tensor:
    """Logits of (series, slices, rows, columns): (series,)."""
    series, slices, rows, columns = stacks.shape
    seen = network[:-1](stacks.reshape(series * slices, 1, rows, columns))  # (series * slices, filters, places)
    strongest = seen.amax(dim=2).reshape(series, slices, -1).amax(dim=1)
    logits: torch.Tensor = network[-1](strongest)[:, 0]
    return logits


@contextmanager
def alone() -> Iterator[None]:
    """One thread, whose sums are the same each time, and PyTorch's deterministic algorithms."""
    import torch

    threads, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(before)
