"""The stages of Sluice: one room each, meeting only through `tasks.core` and `tasks.record`."""
