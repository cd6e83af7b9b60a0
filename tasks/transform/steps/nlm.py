"""Denoising by non-local means (Buades et al. 2005, doi 10.1109/CVPR.2005.38), plane by plane, by scikit-image."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.padding import Mask, Values


class NlmParameters(Parameters):
    """How alike patches must be, and where they are looked for."""

    strength: float = Field(
        0.8, gt=0, le=10, description="cut-off distance of patches, in standard deviations of noise"
    )
    patch: int = Field(5, ge=3, le=15, description="pixels on a side of a patch")
    distance: int = Field(6, ge=1, le=30, description="how far away patches are looked for, in pixels")
    sigma: float | None = Field(
        None, gt=0, description="standard deviation of the noise, in output units; null estimates it from each plane"
    )


def run(plane: Values, parameters: NlmParameters) -> Values:
    """`plane` with each pixel the mean of those whose surroundings look alike; itself where there is no noise."""
    from skimage.restoration import estimate_sigma

    if plane.min() == plane.max():
        return plane
    return _denoise(plane, parameters, parameters.sigma or float(np.mean(estimate_sigma(plane))))


def run_known(plane: Values, parameters: NlmParameters, known: Mask) -> Values:
    """As `run`, where the noise is estimated from what is no padding: scikit-image's estimator over fewer places."""
    if parameters.sigma is not None or plane.min() == plane.max():
        return run(plane, parameters)
    from pywt import dwt2
    from scipy.stats import norm

    details = np.abs(dwt2(plane, "db2")[1][2])
    whole = dwt2((~known).astype(np.float32), "db2")[0] < 1e-3  # no padding under the wavelet
    chosen = details[whole & (details > 0)]
    return _denoise(plane, parameters, float(np.median(chosen) / norm.ppf(0.75)) if chosen.size else 0.0)


def _denoise(plane: Values, parameters: NlmParameters, sigma: float) -> Values:
    from skimage.restoration import denoise_nl_means

    if sigma <= 0:
        return plane
    found = denoise_nl_means(
        plane,
        patch_size=parameters.patch,
        patch_distance=parameters.distance,
        h=parameters.strength * sigma,
        sigma=sigma,
        fast_mode=True,
    )
    return np.asarray(found, np.float32)


STEP = Step(
    "denoise-nlm",
    "plane",
    "denoise by non-local means",
    NlmParameters,
    run,
    version=2,
    packages=("scikit-image", "PyWavelets"),
    run_known=run_known,
)
