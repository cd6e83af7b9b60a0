"""How a release of 10,000 instances behaves: status, one study more, the difference, lineage. See `__main__`."""
