"""A profile by its name or from a file: what `--profile` of the command line takes.

A file is YAML and holds the keys of `deidentify:` in params.yaml, at its top or under `deidentify:`; so a params.yaml
is a profile file too.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.settings import DeidentifySettings, check_settings, read_yaml
from tasks.deidentify.rules.profile import PRESETS, Profile

# The command looks at pictures instead of refusing them, and then believes no header.
_LOOKING = {"look": True, "trust_burned_in_annotation": []}


def load_profile(name_or_path: str) -> DeidentifySettings:
    """The settings of a preset (`basic`, `research`) or of a YAML file, checked.

    Raises `ConfigurationError` with one line for the first mistake: no such preset or file, an unknown key, option or
    keyword, options that exclude each other.
    """
    if name_or_path in PRESETS:
        return DeidentifySettings.model_validate({"profile": name_or_path, "pixels": _LOOKING})
    path = Path(name_or_path)
    if not path.is_file():
        near = difflib.get_close_matches(name_or_path, PRESETS, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(PRESETS)}"
        raise ConfigurationError(f"profile {name_or_path} is neither a preset nor a file; {hint}")
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path} must hold the keys of `deidentify:` in params.yaml, e.g. profile: basic")
    settings = check_settings(raw if "deidentify" in raw else {"deidentify": raw}, path.name).deidentify
    try:
        Profile.of(settings)
    except ConfigurationError as mistake:
        raise ConfigurationError(f"{path.name}: {mistake}") from None
    return settings
