"""What a step of `transform.steps` is, how one is found by its name, and which order makes sense.

Steps are entry points (group `sluice.steps`): Sluice's own, which are listed here so that a bare checkout has them, and
those of any installed distribution. What they do is in tasks/transform/steps; here is only what settings need to check
a chain before any work starts.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any, Literal

from pydantic import Field, ValidationError, model_serializer, model_validator

from tasks.core.models import Frozen, Modality

GROUP = "sluice.steps"
Kind = Literal["voxel", "plane", "volume"]

_OWN = {
    "n4": "tasks.transform.steps.n4:STEP",
    "denoise-curvature": "tasks.transform.steps.curvature:STEP",
    "denoise-median": "tasks.transform.steps.median:STEP",
    "denoise-nlm": "tasks.transform.steps.nlm:STEP",
    "isotropic": "tasks.transform.steps.isotropic:STEP",
    "crop-body": "tasks.transform.steps.crop:STEP",
    "clip": "tasks.transform.steps.clip:STEP",
    "clahe": "tasks.transform.steps.clahe:STEP",
    "zscore": "tasks.transform.steps.zscore:STEP",
    "histogram-match": "tasks.transform.steps.histogram:STEP",
    "srcnn": "tasks.transform.enhance.step:STEP",
}


class Parameters(Frozen):
    """Base of the parameters of a step. Values must be such that JSON can hold them."""

    modalities: tuple[Modality, ...] = Field((), description="modalities that it is for; empty is all of them")


@dataclass(frozen=True)
class Step:
    """One step. `run` takes (values, parameters) and returns values; it changes nothing that it is given.

    By `kind`: voxel — each value by itself; plane — (rows, columns), each by itself, of which the shape stays; both
    as float32 arrays; volume — a `tasks.transform.steps.Block`. `version` is raised whenever the same values would
    give others, `packages` are the distributions whose versions matter to that. `needs_unit` is for a step that makes
    sense only on values in the unit of the source (HU), `drops_unit` for one that leaves values without one.

    Where pixels are padding, they hold what is beside them. `run_known` is for a voxel or plane step that counts
    values: it takes (values, parameters, known) then, `known` being a mask; a volume step finds it in its block.
    """

    name: str
    kind: Kind
    summary: str
    parameters: type[Parameters]
    run: Callable[[Any, Any], Any]
    version: int
    packages: tuple[str, ...] = ("numpy",)
    needs_unit: bool = False
    drops_unit: bool = False
    run_known: Callable[[Any, Any, Any], Any] | None = None

    def versions(self) -> dict[str, str]:
        """The versions of its packages that are installed here."""
        return {package: _version(package) for package in self.packages}


class ChosenStep(Frozen):
    """One entry of a chain: written as a name, or as {name: {parameter: value}}. Holds all parameters, defaults too."""

    name: str
    parameters: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: object) -> object:
        if isinstance(raw, ChosenStep):
            return {"name": raw.name, "parameters": raw.parameters}
        if isinstance(raw, str):
            raw = {raw: {}}
        if not isinstance(raw, dict) or len(raw) != 1:
            raise ValueError("a step is a name, or one name with its parameters, e.g. {isotropic: {spacing: 1}}")
        ((name, given),) = raw.items()
        step = find_step(str(name))
        try:
            checked = step.parameters.model_validate({} if given is None else given)
        except ValidationError as error:
            raise ValueError(f"{step.name}: {_mistake(error, step)}") from None
        return {"name": step.name, "parameters": checked.model_dump(mode="json")}

    @model_serializer
    def _write(self) -> dict[str, Any]:
        return {self.name: self.parameters}

    def is_for(self, modality: str) -> bool:
        """Whether it is done to images of `modality`."""
        return not self.parameters["modalities"] or modality in self.parameters["modalities"]

    @property
    def step(self) -> Step:
        """What it names."""
        return find_step(self.name)


def known_steps() -> Mapping[str, EntryPoint]:
    """Every step that is installed, by name: our own, then others; raises ValueError where two share a name."""
    return _known(tuple(sys.path))


@lru_cache(maxsize=4)
def _known(_: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    found = {name: EntryPoint(name, value, GROUP) for name, value in _OWN.items()}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise ValueError(f"two steps are named {entry.name}: uninstall the distribution that brings the second")
    return found


def find_step(name: str) -> Step:
    """The step of that name; raises ValueError, in one line, where there is none or it cannot be loaded."""
    known = known_steps()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean `{near[0]}`?" if near else f"known are: {', '.join(known)}"
        raise ValueError(f"unknown step `{name}`; {hint}")
    try:
        step = known[name].load()
    except Exception as error:  # another distribution's module, which may raise anything
        raise ValueError(
            f"the step {name} cannot be loaded ({type(error).__name__}): repair or uninstall the distribution it is of"
        ) from None
    if not isinstance(step, Step) or step.name != name or not issubclass(step.parameters, Parameters):
        raise ValueError(f"{known[name].value} is no step named {name}: see docs/transform.md on steps of your own")
    return step


def check_chain(steps: Iterable[ChosenStep]) -> None:
    """Raise ValueError, in one line, where a step comes after one that takes from it what it needs."""
    chain = list(steps)
    for modality in sorted({"", *(one for step in chain for one in step.parameters["modalities"])}):
        unitless = by_plane = ""
        for step in (chosen.step for chosen in chain if chosen.is_for(modality)):
            if step.kind == "volume" and by_plane:
                raise ValueError(
                    f"{step.name} needs the volume, and {by_plane} changes it plane by plane: "
                    f"put {step.name} before {by_plane}"
                )
            if step.needs_unit and unitless:
                raise ValueError(
                    f"{step.name} needs values in the unit of the source, and {unitless} leaves none: "
                    f"put {step.name} before {unitless}"
                )
            by_plane = step.name if step.kind == "plane" else by_plane
            unitless = step.name if step.drops_unit else unitless


def unitless_after(steps: Iterable[ChosenStep], modality: str) -> str:
    """The name of the step after which values of `modality` have no unit; empty where they keep it."""
    return next((one.name for one in steps if one.is_for(modality) and one.step.drops_unit), "")


def _mistake(error: ValidationError, step: Step) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] != "extra_forbidden":
        return f"{place + ': ' if place else ''}{mistake['msg'].removeprefix('Value error, ')}"
    known = sorted(step.parameters.model_fields)
    near = difflib.get_close_matches(place, known, n=1, cutoff=0.5)
    return f"unknown parameter `{place}`; " + (f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
