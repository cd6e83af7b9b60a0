"""What a file costs: this engine, a plain copy and other de-identifiers, round after round on the same files."""
