"""Queries over a release, cohorts and samples: what they answer, what they refuse, and that they stay the same."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.workspace import Workspace
from tasks.export.answers import to_csv, to_json
from tasks.export.catalog import ids_of, query, with_cohorts
from tasks.export.sampling import Sample, draw, items_of
from tasks.record.releases.cohorts import SavedCohort, delete_cohort, find_cohort, save_cohort, saved_cohorts
from tasks.withdraw.traces import Traces
from tasks.withdraw.zones import find_files, purge

TABLES = {
    "patients": pa.table({"patient": ["p1", "p2", "p3"], "sex": ["F", "M", None]}),
    "series": pa.table({"unit": ["u1", "u2", "u3"], "patient": ["p1", "p1", "p2"], "modality": ["CT", "MR", "CT"]}),
}
COHORT = SavedCohort(name="ct", by="series", ids=("u1", "u3"), content="c" * 64, sql="SELECT unit\nFROM series -- all")


def test_a_query_joins_tables_and_cohorts() -> None:
    tables = with_cohorts(TABLES, {"ct": COHORT})
    answer = query(tables, "SELECT sex, count(*) AS n FROM series JOIN ct USING (unit) JOIN patients USING (patient) GROUP BY 1 ORDER BY 1")  # fmt: skip # noqa: E501
    assert answer.to_pylist() == [{"sex": "F", "n": 1}, {"sex": "M", "n": 1}]
    assert query(tables, "SELECT unit FROM series ORDER BY unit DESC", limit=2).to_pylist() == [
        {"unit": "u3"}, {"unit": "u2"},
    ]  # fmt: skip


def test_no_query_reaches_a_file_an_extension_a_setting_or_another_database(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\nsecret\n")
    target = tmp_path / "out.csv"
    for sql in (
        f"SELECT * FROM read_csv('{secret}')", f"SELECT * FROM '{secret}'", f"SELECT * FROM read_text('{secret}')",
        f"SELECT * FROM read_blob('{secret}')", f"SELECT * FROM glob('{tmp_path}/*')",
        f"SELECT * FROM query('FROM read_text(''{secret}'')')", f"SELECT * FROM sniff_csv('{secret}')",
        f"COPY patients TO '{target}'", f"EXPORT DATABASE '{target}'", f"ATTACH '{target}'",
        "INSTALL httpfs", "LOAD httpfs", "SELECT * FROM 'https://example.org/a.parquet'", "SET threads = 8",
        "SET enable_external_access = true", "PRAGMA enable_external_access", "SELECT 1; SELECT 2",
        "DELETE FROM series", "CREATE TABLE a AS SELECT 1", f"EXPLAIN ANALYZE COPY patients TO '{target}'",
        "SELECT * FROM secret",
    ):  # fmt: skip
        with pytest.raises(ConfigurationError) as refused:
            query(TABLES, sql)
        assert "\n" not in str(refused.value)
        assert "secret\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_a_variable_of_ours_is_no_table() -> None:
    secret = pd.DataFrame({"a": [1]})
    with pytest.raises(ConfigurationError, match="no table secret"):
        query(TABLES, "SELECT * FROM secret")
    assert len(secret) == 1


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM patiens", "no table patiens; did you mean patients?"),
        ("SELECT modalty FROM series", r"no column modalty; did you mean modality \(of series\)\?"),
        ("SELECT s.modalty FROM series s", r"no column modalty; did you mean modality"),
        ("SELECT 1 +", "in the query: syntax error"),
        ("", "one SELECT"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_the_nearest_name(sql: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as told:
        query(TABLES, sql)
    assert "\n" not in str(told.value)


def test_more_than_the_memory_is_refused_and_not_written_to_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("SET memory_limit = '20MB'", "SET temp_directory = ''")
    monkeypatch.setattr("tasks.export.catalog._CLOSED", small)
    with pytest.raises(ConfigurationError, match="of memory"):
        query(TABLES, "SELECT count(*) FROM (SELECT range FROM range(20000000) ORDER BY hash(range))")


def test_no_cell_or_heading_of_a_csv_is_a_formula_and_json_has_no_nan() -> None:
    answer = query(TABLES, """SELECT '=1+1' AS "@a", -1.5 AS b, NULL AS c, 'nan'::DOUBLE AS d, [1] AS e""")
    assert to_csv(answer) == "'@a,b,c,d,e\n'=1+1,-1.5,,nan,[1]\n"
    assert json.loads(to_json(answer)) == [{"@a": "=1+1", "b": -1.5, "c": None, "d": None, "e": [1]}]


def test_a_cohort_takes_the_finest_id_of_a_query() -> None:
    answer = query(TABLES, "SELECT * FROM series")
    assert ids_of(answer) == ("series", ("u1", "u2", "u3"))
    assert ids_of(answer, "patient") == ("patient", ("p1", "p2"))
    with pytest.raises(ConfigurationError, match="must select the column study"):
        ids_of(answer, "study")


def test_a_saved_cohort_comes_back_and_loses_single_lines(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    place = save_cohort(workspace, COHORT)
    assert saved_cohorts(workspace) == {"ct": COHORT}
    lines = place.read_text().splitlines(keepends=True)
    place.write_text("".join(line for line in lines if "u1" not in line and "sql" not in line))  # as withdrawal does
    assert find_cohort(workspace, "ct") == COHORT.model_copy(update={"ids": ("u3",), "sql": None})
    with pytest.raises(ConfigurationError, match="did you mean ct"):
        find_cohort(workspace, "ctt")
    with pytest.raises(ConfigurationError, match="no cohort"):
        find_cohort(workspace, "../cohorts/ct")
    place.write_text("something else\n")
    with pytest.raises(ContractViolation, match="no cohort's file"):
        find_cohort(workspace, "ct")
    save_cohort(workspace, COHORT)
    delete_cohort(workspace, "ct")
    assert saved_cohorts(workspace) == {}


def test_a_withdrawal_takes_a_patient_out_of_a_cohort_and_leaves_the_others(tmp_path: Path) -> None:
    stays, leaves = "p" + "a" * 12, "p" + "b" * 12
    workspace = Workspace(tmp_path)
    workspace.params.touch()
    workspace.register.parent.mkdir(parents=True)
    for name, sql in (("all", "SELECT patient FROM patients"), ("some", f"SELECT '{leaves}' AS patient")):
        cohort = SavedCohort(name=name, by="patient", ids=(stays, leaves), content="c" * 64, sql=sql)
        save_cohort(workspace, cohort)
    gone = frozenset({leaves})
    traces = Traces(gone, gone, frozenset(), frozenset(), {}, {}, 0, 0, frozenset({leaves.encode()}))
    found = list(find_files(workspace, traces))
    assert [one.path.name for one in found] == ["all.txt", "some.txt"]
    for one in found:
        purge(one, traces)
    assert not list(find_files(workspace, traces))
    left = saved_cohorts(workspace)
    assert {name: (one.ids, one.sql) for name, one in left.items()} == {
        "all": ((stays,), "SELECT patient FROM patients"), "some": ((stays,), None),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["series", "features", "a/b", "", "Big", "1st", 'x"y'])
def test_a_cohort_cannot_be_named_so_that_it_hides_a_table_or_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        save_cohort(Workspace(tmp_path), COHORT.model_copy(update={"name": name}))


def _release(patients: int = 40) -> dict[str, pd.DataFrame]:
    people = [f"p{number:02d}" for number in range(patients)]
    sexes = {name: "F" if number % 4 else "M" for number, name in enumerate(people)}
    series = [
        {
            "unit": f"u{name}{at}",
            "patient": name,
            "study": f"s{name}",
            "modality": "MR" if at == 2 else "CT",
            "sex": "?",
        }
        for number, name in enumerate(people)
        for at in range(3 if number % 2 else 2)
    ]
    rows = pd.DataFrame(series)
    return {
        "patients": pd.DataFrame({"patient": people, "sex": [sexes[name] for name in people]}),
        "studies": rows[["study", "patient"]].drop_duplicates(),
        "series": rows,
        "instances": rows.assign(instance=rows["unit"] + ".1"),
        "labels": pd.DataFrame({"study": [f"s{name}" for name in people], "label": "lesion", "value": 1}),
        "splits": pd.DataFrame({"patient": people, "split": "train"}),
    }


def _draw(size: int, seed: int = 0, shuffle: bool = False) -> Sample:
    items = items_of(_release(), "series", ["sex", "modality"])
    return draw(items.sample(frac=1, random_state=1) if shuffle else items, "series", ["sex", "modality"], size, seed)


def test_a_sample_keeps_the_shares_and_holds_patients_together() -> None:
    drawn = _draw(20)
    assert len(drawn.rows) == 20
    assert {one.values: (one.items, one.drawn) for one in drawn.strata} == {
        ("F", "CT"): (20, 4), ("F", "CT+MR"): (60, 12), ("M", "CT"): (20, 4),
    }  # fmt: skip
    whole = _release()["series"].groupby("patient").size()
    drawn_of = drawn.rows.groupby("patient").size()
    assert set(drawn.rows["sex"]) == {"F", "M"}  # of patients, not what the series' headers say
    assert sum(drawn_of < whole[drawn_of.index]) <= len(drawn.strata)


def test_the_same_seed_draws_the_same_whatever_the_order_and_another_another() -> None:
    assert _draw(20).rows.equals(_draw(20, shuffle=True).rows)
    assert not _draw(20).rows.equals(_draw(20, seed=1).rows)
    assert len(_draw(10_000).rows) == 100


def test_a_sample_can_be_of_patients_by_label_and_names_the_nearest_column() -> None:
    items = items_of(_release(), "patient", ["lesion", "modality"])
    assert len(items) == 40
    assert set(items["modality"]) == {"CT", "CT+MR"}
    assert set(items["lesion"]) == {"1"}
    with pytest.raises(ConfigurationError, match="did you mean modality"):
        items_of(_release(), "series", ["modalty"])
