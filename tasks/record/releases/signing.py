"""The key that signs releases (Ed25519, RFC 8032), and checking what it signed. The key of the pseudonyms is another.

The private key is in the vault; the public one in data/releases/signer.pub and in each signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import write_text
from tasks.core.guard import check_vault
from tasks.core.workspace import Workspace
from tasks.record.releases.records import Signature, Statement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_RAW_BYTES = 32


def signing_key(workspace: Workspace) -> Ed25519PrivateKey:
    """The workspace's key, made (mode 0600) where there is none; its public half is written to data/releases."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    check_vault(workspace.vault)
    place = key_place(workspace)
    if not place.exists():
        made = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_once(place, made)
    try:
        key = serialization.load_pem_private_key(place.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise ConfigurationError(f"the signing key {place} cannot be read: bring it back from a backup") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"the signing key {place} is no Ed25519 key: move it away, and a new one is made")
    public = workspace.releases / "signer.pub"
    text = _pem(public_half(key))
    if not public.exists() or public.read_text(encoding="ascii") != text:
        write_text(public, text)
    return key


def key_place(workspace: Workspace) -> Path:
    """Where the private key lies."""
    return workspace.vault / "signing-key"


def public_half(key: Ed25519PrivateKey) -> str:
    """The public key in hexadecimal."""
    return key.public_key().public_bytes_raw().hex()


def fingerprint(public_key: str) -> str:
    """A name for a public key (hexadecimal) that people can compare: 16 hex digits of its SHA-256, in fours."""
    digits = hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


def sign(key: Ed25519PrivateKey, statement: Statement) -> Signature:
    """The signed statement; the same key and statement give the same bytes."""
    return Signature(statement=statement, public_key=public_half(key), signature=key.sign(_canonical(statement)).hex())


def check_signature(signed: Signature, pinned: str | None = None) -> None:
    """Raise `ContractViolation` unless `signed` is by its key, and that is `pinned` (hexadecimal) if given."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if pinned is not None and signed.public_key != pinned:
        raise ContractViolation(
            f"{signed.statement.tag} is signed by {fingerprint(signed.public_key)}, not by the key given, "
            f"{fingerprint(pinned)}: ask who released it which is right"
        )
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key))
        public.verify(bytes.fromhex(signed.signature), _canonical(signed.statement))
    except (InvalidSignature, ValueError):
        raise ContractViolation(
            f"the signature of {signed.statement.tag} is not of its key: it was altered, so get the release again"
        ) from None


def read_public_key(path: Path) -> str:
    """The public key in a PEM file, or one line of hexadecimal; returned in hexadecimal."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        content = path.read_bytes()
    except OSError:
        raise ConfigurationError(f"the public key {path} cannot be read: check the path") from None
    try:
        if content.lstrip().startswith(b"-----"):
            key = serialization.load_pem_public_key(content)
        else:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(content.decode("ascii").strip()))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is no Ed25519 public key: data/releases/signer.pub of the workspace is one")
    return key.public_bytes_raw().hex()


def _canonical(statement: Statement) -> bytes:
    return json.dumps(statement.model_dump(mode="json"), sort_keys=True, ensure_ascii=True).encode("ascii")


def _pem(public_key: str) -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, shape).decode("ascii")


def _write_once(place: Path, content: bytes) -> None:
    """Write a secret whole, for the owner alone; one that is there stays."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        if not place.exists():
            draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
