"""Looking for other ways to write a text, from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tasks.deidentify.residual.escapes import signs


def test_threads_may_look_at_the_same_time() -> None:
    content = b"a%41b &amp; " + bytes(range(256)) * 4_000
    alone = signs(content)
    assert alone
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(signs, [content] * 64)) == [alone] * 64
