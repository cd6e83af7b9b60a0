"""Servers that a test puts in front of, or instead of, a real one: a fixed answer, a TLS relay with its certificate."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@contextlib.contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """The port of a server that says `reply` to whatever it is asked."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(reply)

    with _listening(serve) as port:
        yield port


@contextlib.contextmanager
def relaying_tls(certificate: Path, port: int) -> Iterator[int]:
    """The port of a server that speaks TLS with `certificate` and passes everything to `port`, as a gateway does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as inside,
            socket.create_connection(("127.0.0.1", port)) as outside,
        ):
            threading.Thread(target=_pump, args=(outside, inside), daemon=True).start()
            _pump(inside, outside)

    with _listening(serve) as relay:
        yield relay


def make_certificate(path: Path) -> Path:
    """A PEM at `path` with key and certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    secret = key.private_bytes(encoding, form, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(encoding))
    return path


@contextlib.contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
