"""croissant.json as the reference implementation reads it, without a network."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pandas as pd
import pytest

from tasks.core.workspace import Workspace
from tasks.export.stage import export
from tests.support.fake_stages import fill_workspace

mlcroissant = pytest.importorskip("mlcroissant")


@pytest.fixture
def dataset(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill_workspace(workspace, 4)

    def refuse(*args: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return export(workspace).path


def test_the_reference_implementation_accepts_the_card(dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        card = mlcroissant.Dataset(jsonld=str(dataset / "croissant.json"))
    assert not card.metadata.ctx.issues.errors
    # A date or a version would differ from run to run; those two are only recommended.
    left_out = {"datePublished", "version"}
    assert all(any(f"/{name}" in warning for name in left_out) for warning in card.metadata.ctx.issues.warnings)
    assert "@context" not in caplog.text


def test_every_table_is_read_with_all_its_rows_and_columns(dataset: Path) -> None:
    card = mlcroissant.Dataset(jsonld=str(dataset / "croissant.json"))
    for name in ("patients", "studies", "series", "instances", "labels", "splits"):
        table = pd.read_parquet(dataset / f"{name}.parquet")
        records = list(card.records(name))
        assert len(records) == len(table)
        assert set(records[0]) == {f"{name}/{column}" for column in table.columns}
