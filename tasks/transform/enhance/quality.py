"""How near an image is to the true one: PSNR and SSIM, and their means over patients with intervals of confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.transform.windows import Image

_RESAMPLES = 2000
_BEST = 100.0
"""PSNR in dB of equal images, which would be infinite."""


@dataclass(frozen=True)
class Estimate:
    """A mean over patients, and the 95 % interval of a percentile bootstrap that draws patients, not images."""

    mean: float
    low: float
    high: float
    patients: int


def psnr(image: Image, truth: Image) -> float:
    """Peak signal-to-noise ratio in dB for images in [0, 1]: 10 log10(1 / mean squared error), in float64."""
    error = float(np.mean((image.astype(np.float64) - truth.astype(np.float64)) ** 2))
    return min(_BEST, 10.0 * float(np.log10(1.0 / error))) if error > 0 else _BEST


def ssim(image: Image, truth: Image) -> float:
    """Mean structural similarity of images in [0, 1] as Wang et al. (2004) define it: Gaussian window of 1.5 pixels,
    11 wide, K1 = 0.01, K2 = 0.03, in float64. Images are at least 11 pixels a side."""
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            image.astype(np.float64),
            truth.astype(np.float64),
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def estimate(values: Mapping[str, Sequence[float]], seed: int = 0) -> Estimate:
    """The mean over patients of their means over images; `values` maps patient to values, at least one each.

    With one patient there is nothing to draw from, so the interval is not a number.
    """
    means = np.array([np.mean(values[patient], dtype=np.float64) for patient in sorted(values)])
    if len(means) < 2:
        return Estimate(float(means.mean()), float("nan"), float("nan"), len(means))
    drawn = np.random.default_rng(seed).integers(0, len(means), (_RESAMPLES, len(means)))
    low, high = np.percentile(means[drawn].mean(axis=1), (2.5, 97.5))
    return Estimate(float(means.mean()), float(low), float(high), len(means))
