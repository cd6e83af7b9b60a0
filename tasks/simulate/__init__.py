"""A synthetic hospital, seeded: patients, studies, reports and records, with a key to every identifier planted in them.

Tests, the scorecard and the demo share it. Nothing here reads real data, and every identifier is invented.
"""
