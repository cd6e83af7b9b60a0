"""The books: ledger and register (SQL), DVC and git versions, MLflow lineage. Holds pseudonyms only."""
