"""The header: parsed, rewritten at every depth, and written again around pixel bytes that stay as they are."""
