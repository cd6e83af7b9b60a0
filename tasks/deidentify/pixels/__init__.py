"""The pixels: how likely they carry text, where it stands, and masking it."""
