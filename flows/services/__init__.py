"""The servers that Sluice can start for itself: Orthanc, Prefect and MLflow, on loopback, with passwords of their own."""
