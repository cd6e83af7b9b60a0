"""The chain of one modality: which steps are done, on planes or on a whole volume, and what is recorded of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.core.steps import ChosenStep, Parameters, Step
from tasks.transform.steps.block import Block, CannotStep, TooLarge, Values
from tasks.transform.steps.padding import Mask, fill, known_of, put_back

UNITLESS = "US"
"""As DICOM says unspecified (PS3.3 C.11.1.1.2)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chain:
    """The steps for images of one modality, in order, each with its parameters."""

    links: tuple[tuple[Step, Parameters], ...]

    def __bool__(self) -> bool:
        return bool(self.links)

    @property
    def needs_volume(self) -> bool:
        """Whether the volume must be whole in memory."""
        return any(step.kind == "volume" for step, _ in self.links)

    @property
    def drops_unit(self) -> bool:
        """Whether values have no unit afterwards, so that a window in that unit means nothing any more."""
        return any(step.drops_unit for step, _ in self.links)

    @property
    def names(self) -> str:
        """The names, joined by commas; empty where there is no step."""
        return ",".join(step.name for step, _ in self.links)

    def on_plane(self, values: Any) -> Values:
        """`values`, shape (rows, columns), after all steps, none of which may need a volume; NaN is padding.

        Padding gets the lowest value of the result.
        """
        found = np.ascontiguousarray(values, np.float32)
        known = known_of(found)
        if known is not None:
            found = fill(found, known)
        for step, parameters in self.links:
            found = _done(step, parameters, found, known)
        return found if known is None else put_back(found, known)

    def on_volume(self, block: Block) -> Block:
        """`block` after all steps; padding has the lowest value of the rest, and stays named in `known`.

        Raises `QuarantineUnit` (STEP_FAILED, TOO_LARGE_FOR_STEPS).
        """
        if block.values.size > block.limit:
            raise QuarantineUnit(Reason.TOO_LARGE_FOR_STEPS)
        for step, parameters in self.links:
            if step.kind == "volume":
                block = _done(step, parameters, block)
            elif step.kind == "plane":
                masks = repeat(None) if block.known is None else block.known
                block = block.with_values(
                    np.stack([_done(step, parameters, *each) for each in zip(block.values, masks, strict=False)])
                )
            else:
                block = block.with_values(_done(step, parameters, block.values, block.known))
        return block if block.known is None else block.with_values(put_back(block.values, block.known))


NONE = Chain(())
"""No steps at all."""


def chain_for(settings: TransformSettings, modality: str) -> Chain:
    """The chain of `settings` for images of `modality`."""
    return Chain(
        tuple(
            (chosen.step, chosen.step.parameters.model_validate(chosen.parameters))
            for chosen in settings.steps
            if chosen.is_for(modality)
        )
    )


def describe_chain(steps: Sequence[ChosenStep]) -> list[dict[str, Any]]:
    """What is recorded of a chain: each step with its parameters, its version and those of the packages it uses."""
    return [
        {
            "step": chosen.name,
            "kind": chosen.step.kind,
            "parameters": chosen.parameters,
            "version": chosen.step.version,
            "packages": chosen.step.versions(),
        }
        for chosen in steps
    ]


def _done(step: Step, parameters: Parameters, given: Any, known: Mask | None = None) -> Any:
    try:
        if known is not None and step.run_known is not None and known.any():
            found = step.run_known(given, parameters, known)
        else:
            found = step.run(given, parameters)
    except (TooLarge, MemoryError):
        raise QuarantineUnit(Reason.TOO_LARGE_FOR_STEPS) from None
    except CannotStep as error:
        log.warning("the step %s cannot be done: %s", step.name, error)
        raise QuarantineUnit(Reason.STEP_FAILED) from None
    except Exception as error:  # a library, or another distribution's step, which may quote values
        log.warning("the step %s failed with %s", step.name, type(error).__name__)
        raise QuarantineUnit(Reason.STEP_FAILED) from None
    if step.kind == "volume":
        good = isinstance(found, Block) and found.values.ndim == 3 and found.values.size <= found.limit
        good = good and (found.known is None or found.known.shape == found.values.shape)
    else:
        good = isinstance(found, np.ndarray) and found.shape == given.shape
    values = found.values if isinstance(found, Block) else found
    if not good or values.dtype != np.float32 or not values.size or not np.isfinite(values).all():
        log.warning("the step %s returned what is no result of its kind", step.name)
        raise QuarantineUnit(Reason.STEP_FAILED)
    return found
