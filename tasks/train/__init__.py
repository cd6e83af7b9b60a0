"""The baseline: a scikit-learn model on a release, to prove that the release can be learned from. Knows no tracker."""
