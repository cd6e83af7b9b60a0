"""Torture: runs that are killed, cut off, starved and raced; each must end as an undisturbed one (`make torture`)."""
