"""Every parameter of params.yaml, typed. A typo is an error that names the nearest right key.

A section belongs to the stage of its name; DVC watches the sections that a stage depends on. Each
module here holds the sections that are about one thing.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.models import Frozen
from tasks.core.settings.deidentify import DeidentifySettings, PixelSettings
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.core.settings.images import LookSettings, TransformSettings, VolumeSettings
from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.core.settings.release import CurateSettings, ExportSettings, GateSettings, TrainSettings
from tasks.core.settings.running import RecordSettings, RunSettings
from tasks.core.settings.source import ExtractSettings, PullSettings
from tasks.core.yaml_text import parse_yaml

__all__ = [
    "CurateSettings",
    "DeidentifySettings",
    "EnhancementSettings",
    "ExportSettings",
    "ExtractSettings",
    "GateSettings",
    "LookSettings",
    "PixelSettings",
    "PullSettings",
    "RadiomicsSettings",
    "RecordSettings",
    "RunSettings",
    "Settings",
    "TrainSettings",
    "TransformSettings",
    "VolumeSettings",
    "check_settings",
    "digest",
    "load_settings",
    "read_yaml",
]


class Settings(Frozen):
    """The whole of params.yaml."""

    extract: ExtractSettings = ExtractSettings()
    pull: PullSettings = PullSettings()
    deidentify: DeidentifySettings = DeidentifySettings()
    transform: TransformSettings = TransformSettings()
    radiomics: RadiomicsSettings = RadiomicsSettings()
    look: LookSettings = LookSettings()
    enhancement: EnhancementSettings = EnhancementSettings()
    curate: CurateSettings = CurateSettings()
    gates: GateSettings = GateSettings()
    export: ExportSettings = ExportSettings()
    train: TrainSettings = TrainSettings()
    record: RecordSettings = RecordSettings()
    run: RunSettings = RunSettings()


def load_settings(path: Path) -> Settings:
    """Read and check params.yaml; raises `ConfigurationError` with one line for the first mistake."""
    if not path.exists():
        raise ConfigurationError(f"no {path.name} in {path.parent}: make a workspace with `sluice init`")
    return _settings_in(_text_of(path), path)


@lru_cache(maxsize=4)
def _settings_in(text: str, path: Path) -> Settings:
    """Once for each text: each task run asks, and to parse and check takes longer than some of them."""
    raw = _parsed(text, path)
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path} must hold sections such as extract: and transform:")
    return check_settings(raw, path.name)


def read_yaml(path: Path) -> object:
    """What a YAML file holds, an empty one nothing ({}); raises `ConfigurationError` where it is none."""
    return _parsed(_text_of(path), path)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path} cannot be read: check its owner, and save it as UTF-8") from None


def _parsed(text: str, path: Path) -> object:
    try:
        raw = parse_yaml(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise ConfigurationError(f"{path} is not YAML: look at line {line}") from None
    return {} if raw is None else raw


def check_settings(raw: dict[str, object], name: str) -> Settings:
    """The settings that `raw` holds; raises `ConfigurationError` with one line that begins with `name`."""
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {_first_mistake(error)}") from None


def digest(*sections: Frozen, without: frozenset[str] = frozenset()) -> str:
    """A digest (32 hex digits) of settings, the same for the same values whatever their order in the file."""
    values = [section.model_dump(mode="json", exclude=set(without)) for section in sections]
    canonical = json.dumps(values, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = [str(part) for part in mistake["loc"]]
    if mistake["type"] != "extra_forbidden":
        return f"{'.'.join(place) or 'the file'}: {mistake['msg'].removeprefix('Value error, ')}"
    known = _fields(place[:-1])
    nearest = difflib.get_close_matches(place[-1], known, n=1, cutoff=0.5)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known here: {', '.join(known)}"
    return f"unknown key `{'.'.join(place)}`; {hint}"


def _fields(path: list[str]) -> list[str]:
    model: type[Frozen] = Settings
    for part in path:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, Frozen)):
            break
        model = annotation
    return sorted(model.model_fields)
