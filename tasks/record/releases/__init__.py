"""Releases: publishing them by git and DVC, signing, comparing, copying and making them again. Pseudonyms only."""
