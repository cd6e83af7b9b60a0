"""The servers that Sluice can start for itself: Orthanc, Prefect and MLflow, on loopback, each with a password."""
