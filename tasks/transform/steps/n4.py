"""N4 bias field correction (Tustison et al. 2010, doi 10.1109/TMI.2010.2046908), by SimpleITK: for MR.

The field is estimated on a reduced volume within what Otsu's threshold calls foreground, and divided out in full.
"""

from __future__ import annotations

from pydantic import Field

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block, CannotStep, Values
from tasks.transform.steps.sitk import one_thread, to_image, to_values


class N4Parameters(Parameters):
    """As in N4's paper and filter."""

    shrink: int = Field(4, ge=1, le=16, description="the field is estimated on every so-manieth voxel along each axis")
    levels: int = Field(4, ge=1, le=8, description="levels of the fit, each with twice the control points")
    iterations: int = Field(50, ge=1, le=1000, description="iterations at each level at most")
    threshold: float = Field(0.001, gt=0, le=1, description="change of the field at which a level ends")


def run(block: Block, parameters: N4Parameters) -> Block:
    """`block` without its bias field. Values of 0 and below are no signal and are left as they are."""
    counted = block.counted()
    if not (counted > 0).any() or counted.min() == counted.max():
        raise CannotStep("there is no signal")
    try:
        with one_thread():
            return block.with_values(block.values / _field(block, parameters))
    except RuntimeError:  # SimpleITK's for all that ITK throws: too few slices, an empty mask
        raise CannotStep("the field cannot be fitted") from None


def _field(block: Block, parameters: N4Parameters) -> Values:
    import SimpleITK as sitk  # noqa: N813 - the name that its own manual gives it

    full = to_image(block)
    factors = [min(parameters.shrink, max(1, size // 4)) for size in full.GetSize()]
    small = sitk.Shrink(full, factors)
    mask = sitk.And(sitk.OtsuThreshold(small, 0, 1), sitk.Cast(small > 0, sitk.sitkUInt8))
    if block.known is not None:
        known = to_image(block.with_values(block.known))
        mask = sitk.And(mask, sitk.Cast(sitk.Shrink(known, factors) > 0, sitk.sitkUInt8))
    correct = sitk.N4BiasFieldCorrectionImageFilter()
    correct.SetMaximumNumberOfIterations([parameters.iterations] * parameters.levels)
    correct.SetConvergenceThreshold(parameters.threshold)
    correct.Execute(small, mask)
    return to_values(sitk.Exp(correct.GetLogBiasFieldAsImage(full)))


STEP = Step(
    "n4",
    "volume",
    "N4 bias field correction, for MR",
    N4Parameters,
    run,
    version=2,
    packages=("SimpleITK",),
    needs_unit=True,
)
