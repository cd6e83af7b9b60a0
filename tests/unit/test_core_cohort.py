"""The lock of the cohort: one text for one cohort, read back as it was, and told plainly where it is damaged."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.cohort import read_cohort, render
from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort, Item, Unit
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace

NAMES = st.text(max_size=12)
UNITS = st.builds(
    Unit,
    unit=NAMES,
    patient=NAMES,
    study=NAMES,
    modality=NAMES,
    expected=st.integers(0, 9),
    bytes=st.integers(0, 2**40),
    fingerprint=NAMES,
)
REFUSED = st.builds(Item.refused, NAMES, st.sampled_from(list(Reason)))
COHORTS = st.builds(
    Cohort,
    key_id=NAMES,
    criteria=NAMES,
    units=st.lists(UNITS, max_size=4).map(tuple),
    refused=st.lists(REFUSED, max_size=4).map(tuple),
    tables=st.dictionaries(NAMES, NAMES, max_size=2),
)


@given(COHORTS)
def test_what_is_written_is_read_back_with_one_series_or_item_a_line(cohort: Cohort) -> None:
    text = render(cohort)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.data.mkdir()
        workspace.cohort_lock.write_text(text, encoding="utf-8")
        assert read_cohort(workspace) == read_cohort(workspace.cohort_lock) == cohort
    lines = text.splitlines()
    assert sum(line.startswith('{"bytes"') for line in lines) == len(cohort.units)
    assert sum(line.startswith('{"item"') for line in lines) == len(cohort.refused)
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"units": 3}', b"\xff\xfe"])
def test_a_damaged_lock_is_told_without_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cohort.lock").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"cohort\.lock is not a cohort: restore it from git, or") as told:
        read_cohort(tmp_path / "cohort.lock")
    assert told.value.__cause__ is None
    assert "\n" not in str(told.value)


def test_without_a_lock_it_says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no .*cohort\.lock: select a cohort with `python -m tasks\.extract`"):
        read_cohort(Workspace(tmp_path))
