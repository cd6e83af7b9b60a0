"""The scorecard: identifiers planted in made-up and in real files, and an independent judge of what comes out.

`python -m tests.scorecard` plants (synthetic.py, corpus.py, burned.py), runs the de-identifier (engine.py) and scores
it (judge.py, judge_pixels.py) by the rules of the MIDI-B challenge. What a category means and the judgement calls are
in docs/scorecard.md. Nothing but engine.py knows the project's own code: who plants and who judges must not.
"""
