"""Ed25519 signatures of a bundle's manifest. Needs the extra `sign`; keys come from files or the environment, never from a flag's text."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY, PASSWORD = "VIDEOSCAN_SIGNING_KEY", "VIDEOSCAN_SIGNING_PASSWORD"

_HINT = "make one with: openssl genpkey -algorithm ed25519 -out key.pem (or ssh-keygen -t ed25519)"


def private_key(path: str | None) -> Ed25519PrivateKey | None:
    """The key of a file, or the one whose text stands in `VIDEOSCAN_SIGNING_KEY`; `None` without either.

    PEM or OpenSSH's format; a password comes from `VIDEOSCAN_SIGNING_PASSWORD`. Raises `ConfigError`, which never shows the key.
    """
    text = os.environ.get(KEY)
    if path is None and not text:
        return None
    where = path if path is not None else f"the variable {KEY}"
    data = _read(path) if path is not None else (text or "").encode()
    _needed()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    password = os.environ.get(PASSWORD)
    secret = password.encode() if password else None
    load = serialization.load_ssh_private_key if b"OPENSSH" in data[:64] else serialization.load_pem_private_key
    try:
        key: Any = load(data, secret)
    except (ValueError, TypeError) as fault:
        asks = "password" in str(fault).lower() or "encrypted" in str(fault).lower()
        hint = f"its password belongs into {PASSWORD}" if asks else _HINT
        raise ConfigError(f"{where} holds no private key that can be read", hint=hint) from None
    except Exception as fault:  # what it does not support has errors of its own
        raise ConfigError(f"{where}: this key cannot be used ({type(fault).__name__})", hint=_HINT) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{where} holds a key of another kind than Ed25519", hint=_HINT)
    return key


def public_key(data: bytes, where: str) -> Ed25519PublicKey:
    """A public key out of PEM or OpenSSH's one line. Raises `ConfigError`."""
    _needed()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    load = serialization.load_ssh_public_key if data.startswith(b"ssh-") else serialization.load_pem_public_key
    try:
        key: Any = load(data)
    except Exception as fault:  # a stranger's bytes: whatever the library makes of them
        raise ConfigError(f"{where} holds no public key that can be read", hint="openssl pkey -in key.pem -pubout") from fault
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{where} holds a key of another kind than Ed25519")
    return key


def public_key_of(path: str) -> Ed25519PublicKey:
    """The public key of a file. Raises `ConfigError`."""
    return public_key(_read(path), path)


def pem(key: Ed25519PublicKey) -> bytes:
    """The key's text."""
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """As ``ssh-keygen -l`` shows it: ``SHA256:`` and Base64 without padding."""
    from cryptography.hazmat.primitives import serialization

    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether the holder of `key` signed exactly `data`."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _read(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as fault:
        raise ConfigError(f"the key {path} cannot be read: {fault.strerror or fault}") from fault
    return data


def _needed() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as fault:
        raise ConfigError("signatures need the library cryptography", hint="pip install 'videoscan[sign]'") from fault
