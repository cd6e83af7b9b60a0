"""params.yaml: a typo anywhere names the key that was meant, and a digest follows values only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tasks.core.errors import ConfigurationError
from tasks.core.models import Frozen
from tasks.core.settings import CurateSettings, DeidentifySettings, Settings, digest, load_settings
from tests.support.places import ROOT


def keys_of(model: type[Frozen], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*path, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Frozen):
            yield from keys_of(field.annotation, (*path, name))


def load(folder: Path, content: object) -> Settings:
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    return load_settings(folder / "params.yaml")


@pytest.mark.parametrize("path", list(keys_of(Settings)), ids=".".join)
def test_a_typo_in_any_key_names_the_nearest(tmp_path: Path, path: tuple[str, ...]) -> None:
    *sections, name = path
    for typo in (name + name[-1], name[0] + name):
        content: dict[str, object] = {typo: None}
        for section in reversed(sections):
            content = {section: content}
        with pytest.raises(ConfigurationError) as told:
            load(tmp_path, content)
        place = ".".join([*sections, typo])
        assert str(told.value) == f"params.yaml: unknown key `{place}`; did you mean `{name}`?"


def test_a_key_like_no_other_lists_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"`run\.zzz`; known here: batch_bytes, batch_instances"):
        load(tmp_path, {"run": {"zzz": 1}})


def test_what_the_repository_ships_is_the_default() -> None:
    assert load_settings(ROOT / "params.yaml") == Settings()


def test_a_digest_follows_values_and_not_their_order() -> None:
    one = DeidentifySettings(overrides={"KVP": "X", "BodyPartExamined": "X"})
    assert digest(one) == digest(DeidentifySettings(overrides={"BodyPartExamined": "X", "KVP": "X"}))
    sections = [one, DeidentifySettings(), CurateSettings(), CurateSettings(min_contrast=0.5)]
    digests = [digest(first, second) for first, second in itertools.permutations(sections, 2)]
    assert len(set(digests)) == len(digests)
