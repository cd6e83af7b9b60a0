"""Withdrawal: what names a patient is found in whatever it is packed, and others' objects stay where they are."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from tasks.core.cohort import read_cohort, render
from tasks.core.errors import ContractViolation
from tasks.core.files import write_text
from tasks.core.models import Cohort, Item, Unit
from tasks.core.reasons import Reason
from tasks.record import register
from tasks.record.database import Database
from tasks.record.ledger import Ledger
from tasks.record.opt_outs import add_people, note_offered, read_opt_outs
from tasks.withdraw.databases import leave_register, scrub
from tasks.withdraw.objects import Folder, find_objects, purge_objects
from tasks.withdraw.traces import Traces, trace
from tasks.withdraw.zones import cohort_without
from tests.support.places import make_workspace
from tests.support.register_cases import item, release

ANN, BOB = "p" + "a" * 12, "p" + "b" * 12
UNIT, OTHER = "u" + "a" * 12, "u" + "b" * 12
UID = "2.25.123456789"


def traces(*names: str) -> Traces:
    return Traces(
        patients=frozenset({ANN}), names=frozenset(names), units=frozenset({UNIT}), items=frozenset(), releases={},
        models={}, series=1, instances=1, _encoded=frozenset(name.encode() for name in names),
    )  # fmt: skip


def packed(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", content * 50)
    return target.getvalue()


def as_parquet(*values: str) -> bytes:
    target = io.BytesIO()
    pd.DataFrame({"n": range(len(values)), "place": values}).to_parquet(target, compression="zstd")
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        f"x{ANN}y".encode(),
        f"pp{ANN}".encode(),  # begins inside of what looks like another one
        f'{{"series": "{UID}"}}'.encode(),
        as_parquet("images/CT/" + ANN + "_0001.png", "other"),
        gzip.compress(ANN.encode(), mtime=0),
        packed(ANN.encode()),
    ],
)
def test_a_name_is_found_whatever_it_is_packed_in(content: bytes) -> None:
    assert traces(ANN, UID).in_content(content)


@pytest.mark.parametrize("content", [BOB.encode(), UID.encode() + b"0", as_parquet(BOB), packed(BOB.encode()), b""])
def test_another_name_is_not_taken_for_it(content: bytes) -> None:
    assert not traces(ANN, UID).in_content(content)


def put(store: Folder, content: bytes, suffix: str = "") -> str:
    oid = hashlib.md5(content).hexdigest() + suffix
    store.put(oid, content)
    return oid


def listing(store: Folder, entries: dict[str, str]) -> str:
    rows = [{"md5": oid, "relpath": path} for path, oid in sorted(entries.items())]
    return put(store, json.dumps(rows, sort_keys=True).encode(), ".dir")


def test_objects_that_are_theirs_alone_go_and_a_listing_without_them_takes_the_place_of_the_old(tmp_path: Path) -> None:
    cache, far = Folder("cache", tmp_path / "cache"), Folder("remote", tmp_path / "far")
    held = {}
    for store in (cache, far):
        held = {
            "theirs": put(store, b"pixels of hers"),
            "shared": put(store, b"a black image"),
            "other": put(store, b"pixels of his"),
            "table": put(store, as_parquet(ANN, BOB)),
            "plain": put(store, as_parquet(BOB)),
            "orphan": put(store, f"a listing of {ANN}".encode()),
        }
    entries = {
        f"CT/{ANN}_1.png": held["theirs"], f"CT/{ANN}_2.png": held["shared"], f"CT/{BOB}_1.png": held["shared"],
        f"CT/{BOB}_2.png": held["other"], "instances.parquet": held["table"], "codes.parquet": held["plain"],
    }  # fmt: skip
    old = listing(cache, entries)
    only_far = listing(far, {f"{ANN}/x.zip": held["theirs"]})
    doomed = find_objects([cache, far], traces(ANN), lambda done, total: None)
    before = cache.sizes()
    purge_objects([cache, far], doomed)
    assert set(before) - set(cache.sizes()) == {held["theirs"], held["table"], held["orphan"], old}
    assert held["theirs"] not in far.sizes()
    assert only_far not in far.sizes()
    left = json.loads(cache.read(doomed.listings[old]))
    assert {one["relpath"] for one in left} == {f"CT/{BOB}_1.png", f"CT/{BOB}_2.png", "codes.parquet"}
    assert find_objects([cache, far], traces(ANN), lambda done, total: None).count == 0


def test_bytes_that_only_an_older_release_had_are_still_found_by_a_second_withdrawal(tmp_path: Path) -> None:
    cache = Folder("cache", tmp_path / "cache")
    hers, his = put(cache, b"hers, as it was"), put(cache, b"his, as it was")
    listing(cache, {f"{ANN}.png": hers, f"{BOB}.png": his})
    purge_objects([cache], find_objects([cache], traces(ANN), lambda done, total: None))
    assert his in cache.sizes()
    purge_objects([cache], find_objects([cache], traces(BOB), lambda done, total: None))
    assert his not in cache.sizes()


def test_a_damaged_listing_stops_the_withdrawal_before_anything_is_deleted(tmp_path: Path) -> None:
    cache = Folder("cache", tmp_path / "cache")
    put(cache, b"not json", ".dir")
    with pytest.raises(ContractViolation, match="damaged"):
        find_objects([cache], traces(ANN), lambda done, total: None)


def units() -> tuple[Unit, ...]:
    return tuple(
        Unit(unit=f"u{who[1:]}", patient=who, study=f"s{who[1:]}", modality="CT", expected=3, bytes=9, fingerprint="f")
        for who in (ANN, BOB)
    )


def test_a_cohort_keeps_its_sum_and_the_ledger_counts_them_as_withdrawn(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w")
    refused = (Item.refused("i" + "z" * 12, Reason.UNREADABLE), Item.refused(f"{UNIT}-0", Reason.DELETED_AT_SOURCE))
    cohort = Cohort(key_id="k", criteria="c", units=units(), refused=refused)
    left = cohort_without(cohort, traces(ANN))
    assert left.expected == cohort.expected
    assert left.withdrawn == 4
    assert {unit.patient for unit in left.units} == {BOB}
    write_text(workspace.cohort_lock, render(left))
    assert read_cohort(workspace) == left
    with Ledger(Database.open(workspace)) as ledger:
        assert ledger.tally(left).withdrawn == 4


def test_the_register_holds_no_byte_of_them_afterwards_and_all_of_the_others(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w")
    with Ledger(Database.open(workspace)) as ledger:
        ledger.register(Cohort(key_id="k", criteria="c", units=units()))
        register.record_release(ledger, release(1), [item(ANN, "2.25.1"), item(BOB, "2.25.2")])
        model = register.Model(name="m", version="1", run_id="r", release=release(1).tag)
        register.record_model(ledger, model, {ANN: "train", BOB: "test"})
        found = trace(workspace, ledger, {ANN})
        assert (found.series, set(found.releases), found.models) == (1, {release(1).tag}, {("m", "1"): "train"})
        assert leave_register(ledger.database, found) > 0
        assert register.patients_of_release(ledger, release(1).tag) == (BOB,)
    content = b"".join(path.read_bytes() for path in workspace.register.parent.iterdir())
    assert not found.in_bytes(content)
    assert BOB.encode() in content


def test_another_programs_database_loses_the_name_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE tags (key TEXT PRIMARY KEY, value TEXT)")
        database.executemany("INSERT INTO tags VALUES (?, ?)", [("a", f"wrong on {ANN}, {BOB}"), ("b", "fine")])
    assert scrub(path, traces(ANN), dry=True) == 1
    assert ANN.encode() in path.read_bytes()
    assert scrub(path, traces(ANN)) == 1
    assert ANN.encode() not in path.read_bytes()
    with closing(sqlite3.connect(path)) as database:
        assert dict(database.execute("SELECT key, value FROM tags")) == {"a": f"wrong on withdrawn, {BOB}", "b": "fine"}


def test_the_list_in_the_vault_names_nobody_and_forgets_what_the_source_no_longer_has(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w")
    assert add_people(workspace, [ANN]) == 1
    assert add_people(workspace, [ANN]) == 0
    assert note_offered(workspace, {"one": 3}, whole=False) == 3
    assert note_offered(workspace, {"two": 2}, whole=False) == 5
    assert note_offered(workspace, {"two": 2}, whole=True) == 2
    place = workspace.vault / "opt-outs.json"
    assert ANN not in place.read_text()
    assert place.stat().st_mode & 0o077 == 0
    assert len(read_opt_outs(workspace).people) == 1
