"""Between blocks and SimpleITK, and its filters in one thread: N4's sums over several change the last bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tasks.transform.steps.block import Block, Values


@contextmanager
def one_thread() -> Iterator[None]:
    """All filters that are made in here, those within filters too, use one thread."""
    import SimpleITK as sitk  # noqa: N813 - the name that its own manual gives it

    former = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(former)


def to_image(block: Block) -> Any:
    """The values with their spacing; at the origin and upright, which no filter here looks at."""
    import SimpleITK as sitk  # noqa: N813 - the name that its own manual gives it

    image = sitk.GetImageFromArray(block.values)
    image.SetSpacing(block.spacing[::-1])
    return image


def to_values(image: Any) -> Values:
    """The voxels of an image as float32."""
    import SimpleITK as sitk  # noqa: N813

    return np.asarray(sitk.GetArrayFromImage(image), np.float32)
