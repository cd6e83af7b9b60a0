"""params.yaml and the key: every mistake is one line that names the place and what to do, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.pseudonyms import load_key, new_key
from tasks.core.settings import DeidentifySettings, load_settings
from tasks.core.workspace import Workspace
from tasks.deidentify.rules.profile import Profile


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extrac: {}\n", "unknown key `extrac`; did you mean `extract`?"),
        ("transform:\n  siez: 128\n", "unknown key `transform.siez`; did you mean `size`?"),
        (
            "deidentify:\n  pixels:\n    acept: [CT]\n",
            "unknown key `deidentify.pixels.acept`; did you mean `accept`?",
        ),
        ("transform:\n  zzzzzz: 1\n", "unknown key `transform.zzzzzz`; known here: bits, fit"),
        ("transform:\n  size: large\n", "transform.size: Input should be a valid integer"),
        ("transform:\n  size: 4\n", "transform.size: Input should be greater than or equal to 16"),
        ("extract:\n  modalities: CT\n", "extract.modalities: "),
        ("extract:\n  modalities: [ct]\n", "extract.modalities.0: "),
        ("extract:\n  start: soon\n", "extract.start: "),
        ("extract:\n  start: 2024-02-01\n  end: 2024-01-01\n", "extract: end is before start"),
        ("extract: [1, 2]\n", "extract: "),
        ("deidentify:\n  profile: bsic\n", "deidentify.profile: Input should be 'basic' or 'research'"),
        ("curate:\n  splits: {train: 0.5, test: 0.6}\n", "curate: splits must be shares that add up to 1"),
        ("export:\n  name: ../elsewhere\n", "export.name: "),
        ("extract: {folder: [\n", "is not YAML: look at line 2"),
        ("extract:\n\tsource: folder\n", "is not YAML: look at line 2"),
        ("- extract\n- transform\n", "must hold sections"),
        ("just words\n", "must hold sections"),
        ("7\n", "must hold sections"),
        ("[]\n", "must hold sections"),
    ],
)
def test_a_mistake_in_params_is_one_line_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    place = tmp_path / "params.yaml"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        load_settings(place)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "params.yaml" in str(raised.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00e", "título: 1\n".encode("latin-1"), b"a: \x00\n"])
def test_params_that_are_no_text_are_told(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "params.yaml"
    place.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"params\.yaml") as raised:
        load_settings(place)
    assert "\n" not in str(raised.value)


def test_an_empty_params_file_means_the_defaults(tmp_path: Path) -> None:
    place = tmp_path / "params.yaml"
    place.write_text("# nothing\n", encoding="utf-8")
    assert load_settings(place).transform.size == 256


def test_a_workspace_without_params_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="sluice init"):
        Workspace.find(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"options": ("retain-full-date",)}, "did you mean `retain-full-dates`"),
        ({"options": ("zzzzz",)}, "known here: "),
        ({"overrides": {"StudyDescripton": "X"}}, "did you mean `StudyDescription`"),
    ],
)
def test_an_unknown_option_or_keyword_names_the_nearest(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Profile.of(DeidentifySettings.model_validate(settings))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        (b"ab" * 10, 0o600, "too short"),
        (b"", 0o600, "too short"),
        (b"wxyz" * 16, 0o600, "not hexadecimal"),
        (b"\xff\xfe" * 32, 0o600, "cannot be read"),
        (b"ab" * 32, 0o644, "can be read by others: run `chmod 600"),
        (b"ab" * 32, 0o640, "can be read by others"),
    ],
)
def test_a_bad_key_is_told_without_its_content(tmp_path: Path, content: bytes, mode: int, told: str) -> None:
    place = tmp_path / "key"
    place.write_bytes(content)
    place.chmod(mode)
    with pytest.raises(ConfigurationError) as raised:
        load_key(place)
    assert told in str(raised.value)
    assert str(place) in str(raised.value)
    assert "abab" not in str(raised.value)
    assert "wxyz" not in str(raised.value)


def test_a_missing_key_says_how_to_have_one_and_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"sluice init.*SLUICE_KEY_FILE"):
        load_key(tmp_path / "key")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_key(tmp_path)


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    place = tmp_path / "vault" / "key"
    new_key(place)
    before = place.read_bytes()
    with pytest.raises(ConfigurationError, match="keeps its key for life"):
        new_key(place)
    assert place.read_bytes() == before
    assert place.stat().st_mode & 0o777 == 0o600
