"""Text that is written in another way than as its letters: percent signs, entities, base64, code extensions, documents.

A quick search says whether there is anything of the kind; only then is it looked for and undone. What is undone is
searched as the output is. Documents within are documents.py.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes

from tasks.deidentify.residual import documents
from tasks.deidentify.residual.charsets import ESCAPE, unescaped

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}(?:\r?\n[A-Za-z0-9+/]{4,})*={0,2}")
_QUOTED = re.compile(rb"=([0-9A-F]{2})")
_CODE = re.compile(rb"\\u([0-9a-fA-F]{4})")
_TEXT = re.compile(rb"[\t\n\r\x0e\x0f\x1b\x20-\x7e\x80-\xff]{4,}")
_CODED, _DOCUMENT = 5, 6
_SIGNS = {
    0: rb"%[0-9A-Fa-f]{2}",
    1: rb"&(?:#[0-9xX]|[A-Za-z]{2,8};)",
    2: rb"=[C-F][0-9A-F](?:=[89AB][0-9A-F]|[a-z])",
    3: rb"\\u[0-9a-fA-F]{4}",
    4: ESCAPE.pattern,
    _CODED: rb"[A-Za-z+/][A-Za-z0-9+/]{18,}[A-Za-z+/=]",
    _DOCUMENT: rb"\x25PDF-|PK\x03\x04|\x1f\x8b\x08",
}
_DEEPEST = 4

_one_at_a_time = threading.Lock()  # the compiled signs have one working memory, and refuse a second thread


@cache
def _signs() -> Any:
    import hyperscan  # here, because commands that look nothing through should not load it

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
    database.compile(
        expressions=list(_SIGNS.values()), ids=list(_SIGNS), elements=len(_SIGNS), flags=[flags] * len(_SIGNS)
    )
    return database


def signs(content: bytes | memoryview) -> set[int]:
    """Which ways of writing there are signs of."""
    met: set[int] = set()
    if content:
        with _one_at_a_time:
            _signs().scan(content, match_event_handler=_remember, context=met)
    return met


def _remember(number: int, _start: int, _end: int, _flags: int, met: set[int]) -> None:
    met.add(number)


def undone(content: bytes, found: set[int], depth: int = 0) -> Iterator[bytes]:
    """What `content` says beneath the ways of writing that were `found` in it, and beneath those of that.

    Raises `documents.Closed` for a document that cannot be looked into.
    """
    if depth >= _DEEPEST:
        if _DOCUMENT in found:
            raise documents.Closed("documents within documents")
        return
    for text in _once(content, found):
        yield text
        if deeper := signs(text):
            yield from undone(text, deeper, depth + 1)


def _once(content: bytes, found: set[int]) -> Iterator[bytes]:
    for run in _TEXT.findall(content):
        for number in found & _UNDO.keys():
            if (text := _UNDO[number](run)) != run:
                yield text
    if _CODED in found:
        for run in _BASE64.findall(content):
            # A length before it may look like one letter of it more.
            yield from (text for start in range(4) if (text := _from_base64(run[start:])))
    if _DOCUMENT in found:
        yield from documents.contents(content)


def _without_entities(text: bytes) -> bytes:
    return html.unescape(text.decode("latin-1")).encode("utf-8")


def _without_quotes(text: bytes) -> bytes:
    joined = text.replace(b"=\r\n", b"").replace(b"=\n", b"")
    return _QUOTED.sub(lambda sign: bytes.fromhex(sign[1].decode()), joined)


def _without_codes(text: bytes) -> bytes:
    return _CODE.sub(lambda sign: chr(int(sign[1], 16)).encode("utf-8", "ignore"), text)


def _from_base64(run: bytes) -> bytes:
    text = re.sub(rb"\s", b"", run).rstrip(b"=")
    if text.isdigit():
        return b""
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


_UNDO: dict[int, Callable[[bytes], bytes]] = {
    0: unquote_to_bytes,
    1: _without_entities,
    2: _without_quotes,
    3: _without_codes,
    4: unescaped,
}
