"""A method over a folder of pictures: the same names, and a page that says what was done to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_directory, write_json
from tasks.core.pictures import as_floats
from tasks.transform.enhance.methods import Method
from tasks.transform.png import encode_png

Progress = Callable[[int, int], None]


def apply_to_folder(source: Path, target: Path, method: Method, progress: Progress = lambda *_: None) -> int:
    """Write what `method` makes of every PNG under `source` to the new folder `target`, in the same bit depth.

    All or nothing. method.json holds the method, its parameters and the weights' digest. Raises `ConfigurationError`
    where there is nothing to do, a picture is in colour, or `target` is in use. Returns how many were written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError("the destination is not empty: give a new folder")
    if target.resolve().is_relative_to(source.resolve()):
        raise ConfigurationError("the destination lies in the source: give a folder beside it")
    found = sorted(source.rglob("*.png"))
    if not found:
        raise ConfigurationError("there is no PNG in the source: give a folder such as data/images/CT")

    with atomic_directory(target) as draft:
        for done, path in enumerate(found, start=1):
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            if image is None or image.ndim != 2:
                raise ConfigurationError(f"picture {done} of {len(found)} is damaged or in colour: take it out")
            content, _ = encode_png(method.run(as_floats(image)), 8 * image.dtype.itemsize)
            goal = draft / path.relative_to(source)
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_bytes(content)
            progress(done, len(found))
        write_json(
            draft / "method.json",
            {
                "method": method.name,
                "scale": method.scale,
                "parameters": dict(method.parameters),
                "pictures": len(found),
            },
        )
    return len(found)
