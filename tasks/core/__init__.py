"""What every stage stands on: typed models, errors, settings, keys, places and safe file writing.

Nothing here knows what a stage does, and nothing here imports one.
"""
