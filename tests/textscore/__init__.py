"""How well text is cleaned: recall and precision by category, on annotated notes, on real reports and on planted names.

`python -m tests.textscore [--data FOLDER]` prints all of it. Rules are tuned on one half of each set; both are shown.
"""
