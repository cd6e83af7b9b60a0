"""The table of docs/enhancement.md: what each method does to lesions whose places are known."""
