"""Regions of interest: contours, segmentations and masks of any source, as boolean arrays on the grid of one volume.

Each source has a module: rtstruct.py, seg.py, nifti.py, brush.py. `load.py` tells them apart by content. What a region
is used for (features, crops, overlays) belongs elsewhere.
"""
