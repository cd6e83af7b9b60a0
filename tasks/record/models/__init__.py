"""Models: their runs and versions in MLflow, which release and whose scans they learned from, and who may be used."""
