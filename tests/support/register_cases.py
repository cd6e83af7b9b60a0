"""What must hold of the register of releases and models on every database. Subclasses say which one `ledger` is on."""

from __future__ import annotations

import pytest

from tasks.core.errors import ContractViolation
from tasks.record import register
from tasks.record.ledger import Ledger


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


def release(number: int) -> register.Release:
    return register.Release(
        tag=f"release/heart/v{number}", name="heart", number=number, content=f"c{number}", dvc="d.dir", commit="abc",
        flow_run=None, key_id="k", created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def item(patient: str, instance: str) -> register.ReleaseItem:
    return register.ReleaseItem(
        instance=instance, series=f"series-{patient}", study=f"study-{patient}", patient=patient
    )
