"""Sluice's tests: unit/ needs no service, integration/ starts real ones, system/ runs the whole flow."""
