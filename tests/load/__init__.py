"""`make load`: a backfill of many instances, with the memory of every process and what orchestration costs."""
