"""What a run over many files stands on: finding them, workers, where an output goes, and what became of each."""
