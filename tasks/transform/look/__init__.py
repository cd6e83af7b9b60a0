"""Pictures for people: contact sheets with outlines, histograms and geometry. Nothing of it is part of the dataset.

Shows pixels, positions, sizes, findings and numbers of regions; no name, date, UID or other text of a header.
"""
