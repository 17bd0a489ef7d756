"""Ed25519 keys in PEM files, as openssl makes them, and what a signature over a manifest is worth."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from conformance.errors import UsageError
from conformance.report.manifest import MANIFEST_FILE, SIGNATURE_FILE


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file. UsageError says what else it is."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UsageError(f"Cannot read the key {path}: {error.strerror}.") from None
    except TypeError:
        raise UsageError(f"The key {path} is encrypted. Give one without a passphrase.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(
            f"{path} is not a private key in PEM. Make one: openssl genpkey -algorithm ed25519 -out {path.name}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"The key {path} is not an Ed25519 key: openssl genpkey -algorithm ed25519 makes one.")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a PEM file. UsageError says what else it is."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"Cannot read the key {path}: {error.strerror}.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{path} is not a public key in PEM: openssl pkey -in KEY -pubout makes one.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"The key {path} is not an Ed25519 key.")
    return key


def check_signature(
    manifest: bytes, signature: bytes | None, key: Ed25519PublicKey | None
) -> tuple[str, tuple[str, ...]]:
    """A sentence about the signature of a manifest, and what is wrong with it, which is nothing when it is right, or
    when no key was given to check it with."""
    if signature is None:
        said = "It is not signed."
        return said, (f"{said} A signature by the given key was expected.",) if key else ()
    if key is None:
        return "It is signed; by whom was not checked: give the public key with --key.", ()
    try:
        key.verify(signature, manifest)
    except InvalidSignature:
        return "Its signature is wrong.", (f"{SIGNATURE_FILE} is not a signature of {MANIFEST_FILE} by the given key.",)
    return "It is signed by the given key.", ()
