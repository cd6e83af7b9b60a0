"""`make gates`: defects seeded into good tables, each to be stopped by its rule, and variants to be stopped by none."""
