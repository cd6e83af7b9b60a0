"""Helpers that several tests share. Fixtures are in tests/conftest.py."""
