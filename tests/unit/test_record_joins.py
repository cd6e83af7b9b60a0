"""Lineage: a model leads to its patients and a patient to the models, and the page draws what there is."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from flows.lineage_page import DRAWN, Box, draw, model_page, patient_page
from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort, Unit
from tasks.record import register
from tasks.record.database import Database
from tasks.record.ledger import Ledger
from tasks.record.models import asked as models
from tasks.record.models import joins
from tasks.record.schema import ModelRow
from tasks.record.withdrawals import Held
from tests.support.places import make_workspace
from tests.support.register_cases import item, release

ANN, BOB = "p" + "a" * 12, "p" + "b" * 12


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    workspace = make_workspace(tmp_path_factory.mktemp("joins") / "workspace")
    with Ledger(Database.open(workspace)) as ledger:
        units = tuple(
            Unit(unit=f"u{who[1] * 12}", patient=who, study=f"s{who[1] * 12}", modality="CT", expected=2, bytes=9,
                 fingerprint="f")
            for who in (ANN, BOB)
        )  # fmt: skip
        ledger.register(Cohort(key_id="k", criteria="c", units=units))
        first, second = release(1), release(2)
        register.record_release(ledger, first, [_item(ANN, "1")])
        register.record_release(ledger, second, [_item(ANN, "1"), _item(ANN, "2"), _item(BOB, "3")])
        register.record_model(
            ledger, register.Model(name="m", version="9", run_id="r9", release=first.tag), {ANN: "train"}
        )
        ten = register.Model(name="m", version="10", run_id="r10", release=second.tag)
        register.record_model(ledger, ten, {ANN: "test", BOB: "train"})
        yield ledger


def _item(patient: str, instance: str) -> register.ReleaseItem:
    return item(patient, instance).model_copy(update={"study": f"s{patient[1] * 12}"})


def test_a_model_leads_to_whom_it_saw_with_the_split_of_each(ledger: Ledger) -> None:
    found = joins.lineage_of_model(ledger, models.find_model_asked(ledger, "m/10"), {})
    assert {one.patient: (one.split, one.instances) for one in found.patients} == {ANN: ("test", 2), BOB: ("train", 1)}
    assert (found.run_id, found.release.tag, found.release.instances) == ("r10", "release/heart/v2", 3)


def test_a_name_alone_is_the_newest_version_and_a_run_or_alias_finds_its_own(ledger: Ledger) -> None:
    assert models.find_model_asked(ledger, "m").version == "10"
    assert models.find_model_asked(ledger, "m/v9").version == "9"
    assert models.find_model_asked(ledger, "r9").version == "9"
    assert models.find_model_asked(ledger, "m@champion", {"m@champion": "9"}).version == "9"


@pytest.mark.parametrize(("asked", "says"), [("m/7", "has the versions 9, 10"), ("other", "there are m")])
def test_an_unknown_model_is_one_line_that_names_what_there_is(ledger: Ledger, asked: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        models.find_model_asked(ledger, asked)


@pytest.mark.parametrize("asked", [ANN, "s" + "a" * 12, "u" + "a" * 12])
def test_a_patient_a_study_and_a_series_lead_to_releases_and_models(ledger: Ledger, asked: str) -> None:
    found = joins.lineage_of_patient(ledger, asked, {"release/heart/v1": Held(series=1, instances=4)})
    assert found.patient == ANN
    assert [(one.tag, one.instances) for one in found.releases] == [("release/heart/v1", 1), ("release/heart/v2", 2)]
    assert found.releases[0].gone == Held(series=1, instances=4)
    assert {(one.version, one.split) for one in found.models} == {("9", "train"), ("10", "test")}


def test_who_is_not_here_is_told(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match="nothing here has the pseudonym"):
        joins.lineage_of_patient(ledger, "p" + "c" * 12, {})


def test_a_page_is_text_and_well_formed_whatever_a_name_holds(ledger: Ledger) -> None:
    found = joins.lineage_of_model(ledger, models.find_model_asked(ledger, "m"), {})
    page = model_page(found.model_copy(update={"name": '<script>alert("x")</script>'}))
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    svg = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    assert len(svg.findall(".//{*}rect")) == 2 + 2 + 1 + 1 + 1
    assert "incomplete: 4 withdrawn" in patient_page(
        joins.lineage_of_patient(ledger, ANN, {"release/heart/v1": Held(series=1, instances=4)})
    )


def test_of_many_boxes_the_first_are_drawn_and_the_rest_are_counted(ledger: Ledger) -> None:
    found = joins.lineage_of_model(ledger, models.find_model_asked(ledger, "m/10"), {})
    many = tuple(found.patients[0].model_copy(update={"patient": f"p{n:012d}"}) for n in range(DRAWN + 7))
    page = model_page(found.model_copy(update={"patients": many}))
    assert page.count("<rect") == DRAWN + 1 + 3
    assert "… and 8 more" in page
    assert all(one.patient in page for one in many)


def test_a_line_leads_only_to_boxes_of_the_next_column() -> None:
    drawn = draw([("a", [Box("1", "patient", "one", "", ("2", "9"))]), ("b", [Box("2", "model", "two", "")])])
    assert drawn.count("<path") == 1


def test_a_model_without_its_release_cannot_be_entered(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="refused a statement"), ledger.database.write() as connection:
        connection.execute(insert(ModelRow).values(name="x", version="1", run_id="r", release="none"))


def test_the_page_is_the_same_each_time(ledger: Ledger, tmp_path: Path) -> None:
    found = joins.lineage_of_patient(ledger, BOB, {})
    assert patient_page(found) == patient_page(found)
