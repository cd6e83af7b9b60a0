"""Padding in a chain: it is no tissue to any step, and what is beside it does not depend on what it held."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.core.settings import TransformSettings
from tasks.transform.decode import decode_frames
from tasks.transform.frames import FrameFinder
from tasks.transform.modality import find_padding
from tasks.transform.pixels import read_pixel_header
from tasks.transform.render import render_frame
from tasks.transform.steps.block import Block
from tasks.transform.steps.chain import chain_for
from tasks.transform.steps.padding import fill
from tasks.transform.volumes.series import find_series
from tasks.transform.volumes.write import write_npy
from tests.support.transform import as_bytes, make_image

AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])


def tissue() -> tuple[Any, Any]:
    """(values, known): noise around two levels in a disc; outside of it nothing is known."""
    random = np.random.default_rng(3)
    _, y, x = np.indices((6, 48, 48))
    values = (np.where(x > 22, 500.0, 300.0) + random.normal(0, 20, x.shape)).astype(np.float32)
    return values, (x - 23.5) ** 2 + (y - 23.5) ** 2 < 19**2


def volume(values: Any, known: Any, *steps: Any) -> Block:
    chain = chain_for(TransformSettings(steps=steps), "MR")
    return chain.on_volume(Block.of(np.where(known, values, np.nan), AFFINE, 2**40))


def test_padding_takes_the_nearest_known_pixel_of_its_plane() -> None:
    values = np.array([[[1.0, np.nan, np.nan, 5.0]], [[np.nan] * 4]], np.float32)
    assert fill(values, np.isfinite(values)).tolist() == [[[1.0, 1.0, 5.0, 5.0]], [[1.0] * 4]]


def test_zscore_is_that_of_the_tissue_alone_and_padding_is_the_lowest() -> None:
    values, known = tissue()
    found = volume(values, known, "zscore")
    own = values[known].astype(np.float64)
    assert np.allclose(found.values[known], (own - own.mean()) / own.std(), atol=1e-4)
    assert found.known is not None
    assert (found.values[~known] == found.values[known].min()).all()


def test_histogram_match_puts_the_percentiles_of_the_tissue_on_the_landmarks() -> None:
    values, known = tissue()
    step = {"histogram-match": {"landmarks": [0, 50, 100], "percentiles": [1, 50, 99]}}
    found = volume(values, known, step)
    assert np.percentile(found.values[known], [1, 50, 99]) == pytest.approx([0, 50, 100], abs=0.1)


def test_crop_takes_no_padding_for_body() -> None:
    values, known = tissue()
    values = np.where(known, np.where(values > 420, 100.0, -900.0), 3000.0).astype(np.float32)  # bright all around
    found = volume(values, known, {"crop-body": {"threshold": -500, "margin": 0}})
    assert found.values.shape[2] < 24
    assert found.known is not None
    assert found.known.shape == found.values.shape
    assert (found.values[found.known] > -1000).all()


def test_n4_fits_no_field_to_padding() -> None:
    values, known = tissue()
    bright = replace(Block.of(np.where(known, values, 9000.0), AFFINE, 2**40), known=None)
    chain = chain_for(TransformSettings(steps=({"n4": {"shrink": 2, "iterations": 10}},)), "MR")
    blind, told = chain.on_volume(bright), volume(values, known, {"n4": {"shrink": 2, "iterations": 10}})

    def off(block: Block) -> float:
        return float(np.abs(block.values[known] / values[known] - 1).mean())

    assert off(told) < 0.05
    assert off(told) < off(blind)


def test_isotropic_voxels_of_padding_stay_padding() -> None:
    values, known = tissue()
    found = volume(values, known, {"isotropic": {"spacing": 1.0}})
    assert found.known is not None
    assert found.known.shape == found.values.shape
    assert abs(found.known.mean() - known.mean()) < 0.02
    assert found.values[found.known].min() > 200  # no value between tissue and what padding held


@pytest.mark.parametrize("step", ["denoise-nlm", "denoise-median", "clahe"])
def test_a_plane_step_makes_the_same_of_tissue_whatever_padding_held(step: str) -> None:
    values, known = tissue()
    chain = chain_for(TransformSettings(steps=(step,)), "MR")
    found = chain.on_plane(np.where(known, values, np.nan)[2])
    inner = known[2] & (values[2] > 0)
    assert np.isfinite(found).all()
    assert (found[~known[2]] == found[known[2]].min()).all()
    noise = np.std(found[inner & (np.arange(48) < 18)])
    assert (noise < 15) if step.startswith("denoise") else (noise > 25)  # of 20: taken off, or spread
    assert found[inner].min() > 200


def test_noise_is_estimated_from_tissue_where_most_is_padding() -> None:
    values, known = tissue()
    wide, mask = np.full((128, 128), np.nan, np.float32), np.zeros((128, 128), bool)
    wide[40:88, 40:88], mask[40:88, 40:88] = np.where(known, values, np.nan)[2], known[2]
    chain = chain_for(TransformSettings(steps=("denoise-nlm",)), "MR")
    alone, among = chain.on_plane(np.where(known, values, np.nan)[2]), chain.on_plane(wide)
    assert np.allclose(among[mask], alone[known[2]], atol=3)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_picture_after_a_chain_has_black_padding_and_does_not_depend_on_its_value(photometric: str) -> None:
    values, known = tissue()
    shown = []
    for padding in (-2000, 3000):
        stored = np.where(known, values, padding)[2].astype(np.int16)
        more = {"PhotometricInterpretation": photometric, "WindowCenter": 400, "WindowWidth": 400, "Modality": "MR"}
        ds = make_image(stored, PixelPaddingValue=padding, **more)
        ds["PixelPaddingValue"].VR = "SS"
        header, settings = read_pixel_header(ds), TransformSettings(steps=("denoise-median",))
        frame = next(decode_frames(ds, header))
        assert find_padding(frame, header, ds) is not None
        layers = FrameFinder(ds).layers(0)
        rendered = render_frame(frame, header, ds, layers, "MR", settings, None, chain_for(settings, "MR"))
        assert (rendered.image[~known[2]] == 0).all()
        shown.append(rendered)
    assert np.array_equal(shown[0].image, shown[1].image)
    assert (shown[0].low, shown[0].mean) == (shown[1].low, shown[1].mean)


@pytest.mark.parametrize("steps", [("denoise-median",), ("zscore",)])  # plane by plane through a file; in memory
def test_a_volume_after_a_chain_does_not_depend_on_what_padding_held(steps: Any, tmp_path: Path) -> None:
    values, known = tissue()
    made = []
    for padding in (-2000, 3000):
        folder = tmp_path / str(padding)
        folder.mkdir()
        for index in range(len(values)):
            ds = make_image(
                np.where(known, values, padding)[index].astype(np.int16),
                PixelPaddingValue=padding,
                Modality="MR",
                SOPInstanceUID=f"2.25.{index + 1}",
                ImagePositionPatient=[0, 0, 2.0 * index],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                PixelSpacing=[1, 1],
                FrameOfReferenceUID="2.25.9",
            )
            ds["PixelPaddingValue"].VR = "SS"
            (folder / f"{index}.dcm").write_bytes(as_bytes(ds))
        settings = TransformSettings(steps=steps)
        (series,) = find_series([folder], settings).series
        write_npy(folder / "made.npy", series.candidates[0], settings)
        made.append(np.load(folder / "made.npy"))
    assert np.array_equal(made[0], made[1])
    heaps = [slice(None)] if steps == ("zscore",) else [slice(index, index + 1) for index in range(len(values))]
    for part in heaps:  # the lowest of the volume, or of the plane where it goes plane by plane
        assert (made[0][part][~known[part]] == made[0][part][known[part]].min()).all()
