"""The one module that needs PyTorch: SRCNN's three layers, fitted to patches on the CPU, the same bytes each time.

Differs from the paper in how it starts and steps, so that minutes on a CPU are enough: one path through the layers
starts as the identity, so that the network starts as bicubic enlargement and only learns what is missing; and Adam
(Kingma and Ba 2015) steps in place of plain gradient descent. As in the paper the last layer learns at a tenth of the
rate, nothing is padded, and the loss is the mean squared error.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.core.errors import ConfigurationError
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.transform.enhance.weights import SHAPES, Weights

if TYPE_CHECKING:
    import torch

Patches = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]

_SMALL = 1e-3
"""Standard deviation of first weights in the paper; here of those that lead into the identity."""


def need_torch() -> None:
    """Raise `ConfigurationError` in one line where PyTorch is missing."""
    if importlib.util.find_spec("torch") is None:
        raise ConfigurationError(
            "training needs PyTorch: run `make torch` in the checkout, or `pip install 'sluice[torch]'`; applying "
            "weights does not"
        )


def fit_network(
    blurred: Patches, sharp: Patches, settings: EnhancementSettings, progress: Progress = lambda *_: None
) -> Iterator[tuple[float, Weights]]:
    """After each epoch the mean loss of its batches, and the weights as they are then.

    `blurred` is (n, 33, 33) in [0, 1], `sharp` (n, 21, 21). One thread and PyTorch's deterministic algorithms: the
    result depends on the patches, the settings and the release of PyTorch alone. `progress` is told (batches done,
    batches in all).
    """
    need_torch()
    import torch

    threads = torch.get_num_threads()
    before = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)  # sums over several threads differ in their last digits
    torch.use_deterministic_algorithms(True)
    try:
        yield from _fit(blurred, sharp, settings, progress)
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(before)


def _fit(
    blurred: Patches, sharp: Patches, settings: EnhancementSettings, progress: Progress
) -> Iterator[tuple[float, Weights]]:
    import torch

    model = make_network(settings.seed)
    slow, fast = list(model[4].parameters()), [*model[0].parameters(), *model[2].parameters()]
    rate = settings.learning_rate
    optimiser = torch.optim.Adam([{"params": fast, "lr": rate}, {"params": slow, "lr": rate / 10}])
    inputs, targets = torch.from_numpy(blurred)[:, None], torch.from_numpy(sharp)[:, None]
    order = np.random.default_rng([settings.seed, 2])
    batches = -(-len(blurred) // settings.batch)
    for epoch in range(settings.epochs):
        total = 0.0
        shuffled = order.permutation(len(blurred))
        for batch in range(batches):
            chosen = torch.from_numpy(shuffled[batch * settings.batch : (batch + 1) * settings.batch])
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs[chosen]), targets[chosen])
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(chosen)
            progress(epoch * batches + batch + 1, settings.epochs * batches)
        yield total / len(blurred), to_weights(model, settings.scale)


def make_network(seed: int) -> torch.nn.Sequential:
    """The layers before training: the identity, and filters drawn by `seed` whose say in the result is small."""
    import torch

    drawn = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 64, 9),
        torch.nn.ReLU(),
        torch.nn.Conv2d(64, 32, 1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(32, 1, 5),
    )
    with torch.no_grad():
        for layer, deviation in ((model[0], (2 / 81) ** 0.5), (model[2], (2 / 64) ** 0.5), (model[4], _SMALL)):
            layer.weight.normal_(0.0, deviation, generator=drawn)
            layer.bias.zero_()
        for layer in (model[0], model[2], model[4]):  # images are not negative, so the rectifiers let them pass
            layer.weight[0].zero_()
            half = layer.kernel_size[0] // 2
            layer.weight[0, 0, half, half] = 1.0
        model[4].weight[0, 1:].normal_(0.0, _SMALL, generator=drawn)
    return model


def to_weights(model: torch.nn.Sequential, scale: int) -> Weights:
    """The layers as arrays."""
    tensors: list[Any] = [part for layer in (model[0], model[2], model[4]) for part in (layer.weight, layer.bias)]
    arrays = [tensor.detach().numpy().astype(np.float32, copy=True) for tensor in tensors]
    return Weights(
        {name: array.reshape(shape) for (name, shape), array in zip(SHAPES.items(), arrays, strict=True)}, scale
    )
