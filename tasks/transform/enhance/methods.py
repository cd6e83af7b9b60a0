"""What can be judged, by name: any step of the chain that works plane by plane, and the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.sentences import first_mistake
from tasks.core.steps import ChosenStep, find_step, known_steps
from tasks.transform.enhance.srcnn import super_resolve
from tasks.transform.enhance.weights import Weights
from tasks.transform.windows import Image

NETWORK = "srcnn"
_SHORT = {"nlm": "denoise-nlm", "median": "denoise-median"}
_RANGED = "range"
"""A parameter of steps that must know what is black and white; pictures lie in [0, 1]."""


@dataclass(frozen=True)
class Method:
    """`run` takes a grey image in [0, 1] to one `scale` times larger a side. `parameters` are for the record."""

    name: str
    run: Callable[[Image], Image]
    scale: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)


def choose_method(name: str, parameters: Mapping[str, Any] | None = None, weights: Weights | None = None) -> Method:
    """The method of that name: clahe, nlm, median, srcnn, or any other plane step.

    Raises `ConfigurationError` in one line where it is unknown, needs a whole volume, lacks weights or has a wrong
    parameter.
    """
    if name == NETWORK:
        return network_method(weights)
    full = _SHORT.get(name, name)
    given = dict(parameters or {})
    try:
        step = find_step(full)
        if step.kind == "volume":
            planes = ", ".join(one for one in known_steps() if find_step(one).kind != "volume")
            raise ValueError(f"{name} works on whole volumes and cannot be judged here; these can: {planes}, {NETWORK}")
        if _RANGED in step.parameters.model_fields:
            given.setdefault(_RANGED, (0.0, 1.0))
        chosen = ChosenStep.model_validate({full: given})
    except ValidationError as error:
        raise ConfigurationError(f"--method: {first_mistake(error)}") from None
    except ValueError as error:
        raise ConfigurationError(f"--method: {error}") from None
    checked = step.parameters.model_validate(chosen.parameters)

    def run(image: Image) -> Image:
        return np.clip(np.asarray(step.run(image, checked), np.float32), 0.0, 1.0)

    told = {key: value for key, value in chosen.parameters.items() if key != "modalities"}
    return Method(full, run, 1, told | {"version": step.version, "packages": step.versions()})


def network_method(weights: Weights | None) -> Method:
    """The network with `weights`."""
    if weights is None:
        raise ConfigurationError("--method srcnn needs --weights: the .npz of `sluice enhance train`")
    known = weights
    return Method(
        NETWORK, lambda image: super_resolve(image, known), known.scale, {"scale": known.scale, "sha256": known.sha256}
    )
