"""Curate: join labels, drop exact duplicates, flag quality, and split by patient.

Reads the tables of images and records, writes the index tables of the next release and `data/splits.lock`. Decides
nothing about whether that may be released: that is `tasks.validate`.
"""

VERSION = 2
