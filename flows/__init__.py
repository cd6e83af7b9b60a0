"""Prefect flows and the `sluice` command: what runs after what, and nothing of how a stage works."""
