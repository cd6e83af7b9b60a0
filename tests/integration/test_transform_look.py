"""Contact sheets and reports: the right slices, outlines where regions are, findings in words, and no name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.core.errors import ConfigurationError
from tasks.core.settings import TransformSettings
from tasks.transform.look import canvas
from tasks.transform.look.canvas import ALARM, OUTLINES, Canvas, wrap
from tasks.transform.look.chart import bin_values, ticks
from tasks.transform.look.folder import describe_stacks, look
from tasks.transform.look.outlines import Laid, choose_evenly, lay
from tasks.transform.look.sheet import CELL, Panel, Tile, Told, draw_sheet, fit_tile, outlined
from tasks.transform.look.slices import View, sample_series, sides_of
from tasks.transform.roi.model import make_roi
from tasks.transform.series import Plane
from tasks.transform.volumes.series import find_series
from tests.support import flawed
from tests.support.flawed import slice_at, write_series

SETTINGS = TransformSettings()


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is written on pages, as it is drawn."""
    said: list[str] = []
    draw = Canvas.text

    def text(self: Canvas, place: Any, words: str, *args: Any, **kwargs: Any) -> int:
        said.append(words)
        return draw(self, place, words, *args, **kwargs)

    monkeypatch.setattr(Canvas, "text", text)
    return said


def test_slices_are_evenly_spaced_and_give_way_to_where_a_region_is_largest() -> None:
    assert choose_evenly(5, 6) == [0, 1, 2, 3, 4]
    assert choose_evenly(60, 6) == [5, 15, 25, 35, 45, 55]
    assert Laid(largest={1: 33}).choose(60, 6) == [5, 15, 25, 33, 45, 55]
    assert Laid(largest={1: 33, 2: 34, 3: 25}).choose(60, 6) == [5, 15, 25, 33, 34, 55]
    assert Laid(largest=dict(enumerate(range(20)))).choose(60, 2) == [0, 1]


def test_a_region_is_outlined_where_it_lies_whatever_the_shape_of_the_pixels() -> None:
    mask = np.zeros((20, 40), bool)
    mask[10:, :20] = True  # the lower left quarter
    picture, masks = fit_tile(np.full((20, 40), 90, np.uint8), {1: mask}, aspect=2.0)
    assert picture.shape == (CELL, CELL)
    expected = np.zeros((CELL, CELL), bool)
    expected[CELL // 2 :, : CELL // 2] = True
    assert (masks[1] != expected).mean() < 0.01
    drawn = outlined(Tile(picture, "", masks))
    coloured = (drawn != 90).any(axis=2)
    rows, columns = np.nonzero(coloured)
    assert np.abs(rows.min() - CELL // 2) <= 2
    assert np.abs(columns.max() - CELL // 2) <= 2
    assert not coloured[CELL * 3 // 4, CELL // 4], "the inside stays as it is"
    assert np.abs(drawn[CELL - 40, CELL // 2 - 1].astype(int) - OUTLINES[0]).max() < 40


def test_a_region_is_counted_in_millilitres_and_kept_on_shown_slices_only(tmp_path: Path) -> None:
    candidate = find_series([write_series(tmp_path, flawed.stack())], SETTINGS).series[0].candidates[0]
    mask = np.zeros((flawed.SLICES, flawed.ROWS, flawed.COLUMNS), bool)
    mask[3:8, 4:8, 5:9] = True
    mask[6, :, 10:] = True
    laid = lay([make_roi("seg", 7, "Doe", "grid", mask, {})], candidate, 2)
    voxels = int(mask.sum())
    assert laid.legend == {1: f"region 7: {voxels * 2.5 * 0.8 * 0.7 / 1000:.3g} ml"}
    assert laid.largest == {1: 6}
    assert set(laid.masks) == {3, 6}  # 3 is evenly spaced, 9 has none of it
    assert (laid.masks[6][1] == mask[6]).all()


def test_a_flawed_series_shows_its_finding_and_no_name(tmp_path: Path, words: list[str]) -> None:
    series = flawed.missing_slice()
    for one in series:
        one.PatientName, one.PatientID, one.SeriesDescription = "Doe^Jane", "MRN-4711", "Doe abdomen"
    done = look(write_series(tmp_path / "in", series), tmp_path / "out", SETTINGS)
    assert done.files == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "patient-01.png",
        "series-001-report.png",
        "series-001.png",
    ]
    assert any(line.startswith("missing-slice 1 – no volume") for line in words)
    assert "+100.0 mm" in words
    told = " ".join(words)
    assert not [name for name in ("Doe", "Jane", "MRN", "2.25.", "2020") if name in told]
    report = cv2.imread(str(tmp_path / "out" / "series-001-report.png"))[..., ::-1]
    assert (report == ALARM).all(axis=2).sum() > 40, "the odd distance is marked"


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    place = write_series(tmp_path / "in", flawed.by("EchoTime", (2.3, 4.6))())
    for name in ("one", "two"):
        look(place, tmp_path / name, SETTINGS)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("name", sorted({**flawed.FLAWED, **flawed.TOLD}))
def test_no_flaw_stops_a_sheet(name: str, tmp_path: Path) -> None:
    make, finding = {**flawed.FLAWED, **flawed.TOLD}[name]
    (series, *_) = find_series([write_series(tmp_path / "in", make())], SETTINGS).series
    stacks = describe_stacks(series)
    assert len(stacks) == len(series.candidates)
    if finding == "missing-slice":
        assert max(np.diff(stacks[0].positions)) == pytest.approx(5.0, abs=2.6)


def test_what_cannot_be_decoded_is_told_and_leaves_a_gap(tmp_path: Path) -> None:
    (series,) = find_series([write_series(tmp_path, flawed.truncated_pixels())], SETTINGS).series
    sample = sample_series(series, View(SETTINGS))
    assert sum(sample.reasons.values()) == 1
    assert sample.values.size > 0


def test_the_percentile_window_is_that_of_the_transform(tmp_path: Path) -> None:
    (series,) = find_series([write_series(tmp_path, flawed.stack())], SETTINGS).series
    window = sample_series(series, View(SETTINGS)).percentiles
    values = np.stack([flawed.pixels(index) for index in range(flawed.SLICES)]) - 1024.0
    assert window is not None
    low, high = np.percentile(values, SETTINGS.percentiles)
    assert (window.center, window.width) == pytest.approx(((low + high) / 2, high - low))


def test_sides_are_those_of_the_patient() -> None:
    assert sides_of(Plane("", 1, None, (1, 0, 0, 0, 1, 0), (0, 0, 0))) == ("L", "P")
    assert sides_of(Plane("", 1, None, (1, 0, 0, 0, 0, -1), (0, 0, 0))) == ("L", "F")
    assert sides_of(Plane("", 1, None, None, None)) is None


def test_bins_hold_every_value_and_are_no_comb_on_whole_numbers() -> None:
    values = np.arange(0, 1000, dtype=np.float32)
    edges, counts = bin_values(values, 0.0, 999.0)
    assert counts.sum() == 1000
    assert set(counts[:-1]) == {counts[0]}
    assert edges[0] < 0
    assert edges[-1] > 999


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-1024, 1024) == [-1000.0, -500.0, 0.0, 500.0, 1000.0]
    assert ticks(0, 1)[1] == 0.2


def test_a_sheet_without_findings_or_tiles_is_drawn_too() -> None:
    panel = Panel("t", "f", [Told("n", "a sentence " * 40, refuses=True)], [])
    picture = cv2.imdecode(np.frombuffer(draw_sheet("h", [panel]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == canvas.width_of("", 14) + 2 * 18 + 6 * 202 - 6
    assert len(wrap("a " * 400, 14, 600)) > 1


def test_a_folder_in_use_or_without_images_is_refused(tmp_path: Path) -> None:
    place = write_series(tmp_path / "in", [slice_at(0)])
    with pytest.raises(ConfigurationError, match="not empty"):
        look(place, place, SETTINGS)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ConfigurationError, match="no images"):
        look(tmp_path / "nothing", tmp_path / "out", SETTINGS)


def test_the_command_draws_and_names_a_wrong_option_in_one_line(tmp_path: Path) -> None:
    place = write_series(tmp_path / "in", flawed.stack(3))
    run = CliRunner().invoke(app, ["look", str(place), str(tmp_path / "out"), "--slices", "2", "--window", "40,400"])
    assert run.exit_code == 0, run.output
    assert (tmp_path / "out" / "patient-01.png").read_bytes()[:4] == b"\x89PNG"
    assert CliRunner().invoke(app, ["look", str(place), str(tmp_path / "no"), "--window", "lungs"]).exit_code == 2
