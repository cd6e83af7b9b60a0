"""Radiomic features of volumes and regions as the IBSI reference manual defines them, under its tags.

Values are calculated by z-rad; engine.py is the one module that knows it. What is in a table and what each column
means is in dictionary.py and table.py.
"""
