"""Which versions made the bytes: Python, the libraries and encoders, and what of the processor changes arithmetic.

Recorded with each release (never in the dataset, whose bytes must not depend on them), and compared by `reproduce`.
"""

from __future__ import annotations

import platform
import re
import zlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "dvc", "great-expectations", "highdicom", "hyperscan", "nibabel", "numpy", "onnxruntime", "opencv-python-headless",
    "pandas", "pillow", "pyarrow", "pydicom", "pyjpegls", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm",
    "rapidfuzz", "rapidocr-onnxruntime", "scikit-image", "scikit-learn", "scipy", "simpleitk", "sluice", "z-rad",
)  # fmt: skip
"""Distributions that read pixels, calculate with them, or write files."""

_ENCODERS = ("ZLib", "PNG", "JPEG", "OpenJPEG", "TIFF")
_FEATURES = ("AVX2", "FMA3", "AVX512F", "AVX512_SKX", "NEON", "ASIMD", "SVE")
"""Of the processor: NumPy and OpenCV choose their loops by these, and sums of floats differ between them."""


def environment() -> dict[str, str]:
    """Name → version, sorted by name; what is not installed is left out."""
    found = {"python": f"{platform.python_implementation()} {platform.python_version()}"}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return dict(sorted({**found, **_encoders(), **_machine()}.items()))


def differences(recorded: Mapping[str, str], here: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What is not the same: name → (recorded, here), with "none" where one side lacks it."""
    return {
        name: (recorded.get(name, "none"), here.get(name, "none"))
        for name in sorted(recorded.keys() | here.keys())
        if recorded.get(name) != here.get(name)
    }


def _encoders() -> dict[str, str]:
    """Libraries in C that write PNG and Parquet, which have versions of their own."""
    import cv2
    import pyarrow as pa

    told = {"zlib": zlib.ZLIB_RUNTIME_VERSION, "arrow-cpp": str(pa.cpp_version)}
    for name in _ENCODERS:
        line = re.search(rf"^\s*{name}:\s*(.+)$", cv2.getBuildInformation(), re.MULTILINE)
        if line:
            # «build (ver 1.3.1)» or «/usr/lib/libpng.so (ver 1.6.50)»: the place is of the machine that built it
            number = re.search(r"ver[a-z ]*([\w.-]+)", line[1])
            told[f"opencv-{name.lower()}"] = number[1] if number else line[1].split("/")[-1].strip()
    return told


def _machine() -> dict[str, str]:
    from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[import-not-found]

    has = [name for name in _FEATURES if __cpu_features__.get(name)]
    return {"machine": platform.machine(), "cpu": " ".join(has) or "baseline"}
