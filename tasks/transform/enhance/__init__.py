"""Enhancement with proof: a small super-resolution network, what each method changed, and whether a lesion suffered.

The network's weights and how they are applied: weights.py, srcnn.py. Training it on a release: examples.py, network.py
(the only module that needs PyTorch), training.py, quality.py. Judging a method: methods.py, cases.py, changes.py,
report.py. Nothing here is ever on by default; CLAHE and non-local means themselves are steps of the chain.
"""
