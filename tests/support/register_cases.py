"""What must hold of the register of releases and models on every database. Subclasses say which one `ledger` is on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tasks.core.errors import ContractViolation
from tasks.core.models import Cohort, Unit
from tasks.core.workspace import Workspace
from tasks.record import register
from tasks.record.ledger import Ledger
from tasks.record.schema import Base
from tasks.withdraw.databases import leave_register
from tasks.withdraw.traces import trace


class RegisterCases:
    """Releases, models and patients lead to each other."""

    def test_the_register_leads_from_patient_to_releases_and_models_and_back(self, ledger: Ledger) -> None:
        first, second = release(1), release(2)
        assert register.record_release(ledger, first, [item("p1", "a"), item("p2", "b")])
        assert register.record_release(ledger, second, [item("p2", "b"), item("p3", "c")])
        assert not register.record_release(ledger, second, [item("p2", "b"), item("p3", "c")])
        model = register.Model(name="m", version="1", run_id="r", release=second.tag)
        register.record_model(ledger, model, {"p2": "train", "p3": "test"})
        register.record_model(ledger, model, {"p2": "train", "p3": "test"})
        assert register.latest_release(ledger, "heart") == second
        assert register.releases(ledger) == (first, second)
        assert register.releases_of(ledger, "p2") == (first.tag, second.tag)
        assert register.releases_of(ledger, "p1") == (first.tag,)
        assert register.patients_of_release(ledger, first.tag) == ("p1", "p2")
        assert register.models_of(ledger, second.tag) == (model,)
        assert register.models_of(ledger, first.tag) == ()
        assert register.find_model(ledger, "m", "1") == model
        assert register.patients_of_model(ledger, "m", "1") == ("p2",)
        assert register.patients_of_model(ledger, "m", "1", split=None) == ("p2", "p3")
        assert register.models_of_patient(ledger, "p3") == ((model, "test"),)

    def test_a_release_never_changes_and_a_model_needs_one(self, ledger: Ledger) -> None:
        register.record_release(ledger, release(1), [item("p1", "a")])
        with pytest.raises(ContractViolation, match="never changes"):
            register.record_release(ledger, release(1).model_copy(update={"content": "other"}), [])
        with pytest.raises(ContractViolation, match="not in the register"):
            register.record_model(ledger, register.Model(name="m", version="1", run_id="r", release="none"), {})

    def test_of_somebody_who_withdraws_no_row_names_them_and_everybody_elses_stay(
        self, ledger: Ledger, tmp_path: Path
    ) -> None:
        hers, his = "p" + "a" * 12, "p" + "b" * 12
        units = tuple(
            Unit(unit=f"u{who[1:]}", patient=who, study=f"s{who[1:]}", modality="CT", expected=1, bytes=1,
                 fingerprint="f")
            for who in (hers, his)
        )  # fmt: skip
        ledger.register(Cohort(key_id="k", criteria="c", units=units))
        register.record_release(ledger, release(1), [item(hers, "2.25.1"), item(his, "2.25.2")])
        register.record_model(
            ledger, register.Model(name="m", version="1", run_id="r", release=release(1).tag), {hers: "train"}
        )
        found = trace(Workspace(tmp_path / "none"), ledger, {hers})
        leave_register(ledger.database, found)
        with ledger.database.read() as connection:
            tables = [table.name for table in Base.metadata.sorted_tables]
            rows = {name: connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in tables}
        assert not found.in_text(repr(rows))
        assert his in repr(rows["release_item"])
        assert len(rows["unit"]) == 1


def release(number: int) -> register.Release:
    return register.Release(
        tag=f"release/heart/v{number}", name="heart", number=number, content=f"c{number}", dvc="d.dir", commit="abc",
        flow_run=None, key_id="k", created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def item(patient: str, instance: str) -> register.ReleaseItem:
    return register.ReleaseItem(
        instance=instance, series=f"series-{patient}", study=f"study-{patient}", patient=patient
    )
