"""How likely chance puts a text among binary numbers: what is found in pixel values counts where that is unthinkable.

Each letter's chance is how often its byte stands in the neighbourhood, for odd and even places apart (16-bit values
have one sort of bytes at each). So four letters are nothing in a noisy 8-bit image, and eleven are a name in any. A
text is believed where chance would put it into fewer than one in 1e9 such files, whatever else is searched for in
them.
"""

from __future__ import annotations

BELIEVED = 1e-9
NEIGHBOURHOOD = 2**15


def expected(found: bytes, before: bytes, after: bytes, places: int, searches: int) -> float:
    """How often chance would put `found`, letter case ignored, or another of `searches` texts, at one of `places`.

    `before` and `after` are the bytes around it.
    """
    # The neighbourhood's bytes by whether they stand at an odd or an even distance from the find's first byte.
    samples = [before[::-1][1::2] + after[len(found) % 2 :: 2], before[::-1][::2] + after[1 - len(found) % 2 :: 2]]
    likely = float(places) * searches
    for at, byte in enumerate(found):
        sample = samples[at % 2]
        cases = {byte, *bytes([byte]).swapcase()} if bytes([byte]).isalpha() else {byte}
        likely *= (sum(sample.count(case) for case in cases) + 0.5 * len(cases)) / (len(sample) + 128)
        if likely < BELIEVED * 1e-30:
            break
    return likely
