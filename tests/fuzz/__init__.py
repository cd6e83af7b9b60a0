"""Damaged and made-up input for the engine: no crash, no hang, no leak, memory bounded, always an outcome."""
