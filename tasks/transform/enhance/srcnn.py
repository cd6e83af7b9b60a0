"""Applying the network, and what it is measured against: bicubic enlargement. NumPy and OpenCV only, no PyTorch.

Who only applies weights needs neither the extra nor a GPU. A test holds that the result is PyTorch's to 1e-5.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from tasks.transform.enhance.weights import MARGIN, Weights
from tasks.transform.windows import Image

_STRIP = 2**16
"""Pixels that are worked at a time: 64 maps of them are 16 MB, however large the image is."""


def degrade(image: Image, scale: int) -> Image:
    """A coarser image, (rows / scale, columns / scale), as a coarser detector sees it: means over scale x scale pixels.

    Rows and columns that fill no whole square are cut off (`crop`).
    """
    whole = crop(image, scale)
    size = (whole.shape[1] // scale, whole.shape[0] // scale)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)


def crop(image: Image, scale: int) -> Image:
    """`image` without the last rows and columns that make its sides no multiple of `scale`."""
    rows, columns = (side - side % scale for side in image.shape[:2])
    return image[:rows, :columns]


def enlarge(image: Image, scale: int) -> Image:
    """`image` enlarged by bicubic interpolation (Keys 1981, a = -0.5), clipped to [0, 1]; what SRCNN must beat."""
    rows, columns = image.shape
    made = Pillow.fromarray(np.ascontiguousarray(image)).resize(
        (columns * scale, rows * scale), Pillow.Resampling.BICUBIC
    )
    return np.clip(np.asarray(made, np.float32), 0.0, 1.0)


def super_resolve(image: Image, weights: Weights) -> Image:
    """`image`, grey in [0, 1], `weights.scale` times finer: enlarged, then sharpened by the network."""
    return apply_network(enlarge(image, weights.scale), weights)


def apply_network(image: Image, weights: Weights) -> Image:
    """The three layers over an image in [0, 1] of any shape (rows, columns); the edge is repeated outwards."""
    rows = len(image)
    padded = np.pad(image.astype(np.float32), MARGIN, mode="edge")
    height = max(1, _STRIP // padded.shape[1])
    made = np.empty_like(image, np.float32)
    for top in range(0, rows, height):
        bottom = min(rows, top + height)
        made[top:bottom] = _strip(padded[top : bottom + 2 * MARGIN], weights)
    return np.clip(made, 0.0, 1.0, out=made)


def _strip(padded: Image, weights: Weights) -> Image:
    """The result without the margin."""
    layer = weights.layers
    maps = [
        np.maximum(_filter(padded, kernel) + bias, 0.0)
        for kernel, bias in zip(layer["features"], layer["features_bias"], strict=True)
    ]
    shape = maps[0].shape
    stacked = np.stack(maps).reshape(len(maps), -1)
    mapped = np.maximum(layer["mapping"] @ stacked + layer["mapping_bias"][:, None], 0.0)
    total = np.full((shape[0] - 4, shape[1] - 4), layer["reconstruction_bias"][0], np.float32)
    for one, kernel in zip(mapped, layer["reconstruction"], strict=True):
        total += _filter(one.reshape(shape), kernel)
    return total


def _filter(image: Image, kernel: npt.NDArray[np.float32]) -> Image:
    """Correlation without padding: the result is smaller by the kernel's size less one."""
    half = kernel.shape[0] // 2
    made = cv2.filter2D(np.ascontiguousarray(image), cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(made[half:-half, half:-half], np.float32)
