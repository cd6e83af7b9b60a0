"""One CT with a canary in every attribute of E.1-1 and in every side channel, and who sings in the output."""
