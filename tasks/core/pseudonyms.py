"""Pseudonyms, new UIDs and date shifts, derived from the workspace key alone.

HMAC-SHA256 under per-purpose subkeys (HKDF, RFC 5869): no table to keep, so any worker on any machine gives the same
answer, and without the key nothing can be turned back. Names the key file in errors, never its content.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tasks.core.errors import ConfigurationError

KEY_BYTES = 32
MAX_SHIFT_DAYS = 3652
_ID_CHARS = 12  # 60 bits of base32
_ID_BYTES = 10  # as many of the digest as those characters take, and no more are encoded
_NONCE_BYTES = 12  # NIST SP 800-38D 8.2


def new_key(path: Path) -> None:
    """Write a fresh random key to `path`, readable by the owner alone; never overwrites one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{path} exists already; a workspace keeps its key for life") from None
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_hex(KEY_BYTES) + "\n")


def load_key(path: Path) -> bytes:
    """The key at `path`: 64 hexadecimal digits, readable by nobody but the owner."""
    try:
        text = path.read_text(encoding="ascii", errors="strict").strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ConfigurationError(f"no key at {path}: make one with `sluice init`, or set SLUICE_KEY_FILE") from None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"the key at {path} cannot be read: check its owner and that it is text") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"the key at {path} can be read by others: run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ConfigurationError(f"the key at {path} is not hexadecimal: it must be 64 hex digits") from None
    if len(key) < KEY_BYTES:
        raise ConfigurationError(f"the key at {path} is too short: it must be {KEY_BYTES * 2} hex digits")
    return key


class Pseudonymiser:
    """Turns source identifiers into pseudonyms; one instance a workspace key. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._subkeys: dict[str, bytes] = {}

    @classmethod
    def from_file(cls, path: Path) -> Pseudonymiser:
        """The pseudonymiser of the key at `path`."""
        return cls(load_key(path))

    @property
    def key_id(self) -> str:
        """16 hex digits that name the key without telling it; recorded with each release."""
        return self._mac("key-id", "").hex()[:16]

    def patient(self, patient_id: str, study_uid: str = "") -> str:
        """`p` + 12 characters. Without a PatientID the study stands for the patient, so strangers never merge."""
        return self._short("p", "patient", self._patient_identity(patient_id, study_uid))

    def study(self, patient_id: str, study_uid: str) -> str:
        """`s` + 12 characters."""
        return self._short("s", "study", f"{self._patient_identity(patient_id, study_uid)}\0{study_uid.strip()}")

    def unit(self, patient_id: str, study_uid: str, series_uid: str) -> str:
        """`u` + 12 characters: a series."""
        identity = self._patient_identity(patient_id, study_uid)
        return self._short("u", "unit", f"{identity}\0{study_uid.strip()}\0{series_uid.strip()}")

    def item(self, locator: str) -> str:
        """`i` + 12 characters, from where the source keeps the item (an Orthanc id, a path relative to the folder)."""
        return self._short("i", "item", locator)

    def token(self, purpose: str, value: str, prefix: str = "x") -> str:
        """A pseudonym for anything else, e.g. an accession number; `purpose` keeps the namespaces apart."""
        return self._short(prefix, f"token:{purpose}", value.strip())

    def uid(self, uid: str) -> str:
        """The new UID for `uid`: `2.25.` + a 128-bit number (PS3.5 B.2), at most 44 characters."""
        return _uid(self._subkey("uid"), uid.strip(" \0"))

    def shift_days(self, patient_id: str, study_uid: str = "") -> int:
        """How many days to add to each date of this patient: -3652 to -1."""
        number = int.from_bytes(self._mac("date-shift", self._patient_identity(patient_id, study_uid))[:8], "big")
        return -1 - number % MAX_SHIFT_DAYS

    def fingerprint(self, *parts: str) -> str:
        """A keyed digest (32 hex digits) of identifying `parts`, safe to store and compare."""
        return self._mac("fingerprint", "\0".join(parts)).hex()[:32]

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """`plain` encrypted (AES-256-GCM) so that only this key and `purpose` open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._subkey(f"seal:{purpose}")).encrypt(nonce, plain, None)

    def unseal(self, purpose: str, sealed: bytes) -> bytes | None:
        """What `seal` was given; None if it was another key, another purpose, or the bytes were changed."""
        try:
            return AESGCM(self._subkey(f"seal:{purpose}")).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            return None

    @staticmethod
    def _patient_identity(patient_id: str, study_uid: str) -> str:
        return patient_id.strip(" \0") or f"study:{study_uid.strip()}"

    def _short(self, prefix: str, purpose: str, value: str) -> str:
        encoded = base64.b32encode(self._mac(purpose, value)[:_ID_BYTES]).decode("ascii").lower()
        return prefix + encoded[:_ID_CHARS]

    def _mac(self, purpose: str, value: str) -> bytes:
        return hmac.digest(self._subkey(purpose), value.encode("utf-8", "surrogateescape"), "sha256")

    def _subkey(self, purpose: str) -> bytes:
        if purpose not in self._subkeys:
            derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"sluice", info=purpose.encode())
            self._subkeys[purpose] = derivation.derive(self._key)
        return self._subkeys[purpose]


@lru_cache(maxsize=65536)
def _uid(subkey: bytes, uid: str) -> str:
    digest = hmac.digest(subkey, uid.encode("utf-8", "surrogateescape"), hashlib.sha256)
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
