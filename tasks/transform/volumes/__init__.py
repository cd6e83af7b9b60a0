"""Series of DICOM slices to volumes with a right geometry, or to a named finding (tasks/core/findings.py).

`load_volumes` is what other modules use; `find_series` looks at headers alone.
"""

from tasks.transform.volumes.noted import Note, VolumeRefused
from tasks.transform.volumes.series import find_series
from tasks.transform.volumes.volume import Volume, iterate_volumes, load_volumes

__all__ = ["Note", "Volume", "VolumeRefused", "find_series", "iterate_volumes", "load_volumes"]
