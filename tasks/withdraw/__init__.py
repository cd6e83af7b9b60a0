"""Withdrawal: finding every trace of a patient that the workspace keeps, and taking it away. Knows no stage."""
