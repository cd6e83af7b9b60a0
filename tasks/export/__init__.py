"""The release: a tidy folder with images, objects, index tables, a card for people and machines, and checksums."""

VERSION = 2
"""Rises whenever the same input would give other bytes."""
