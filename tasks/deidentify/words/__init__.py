"""Free text: what may stay in a description, and what in a report tells who somebody is."""
