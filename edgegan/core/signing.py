"""Who made an artifact: an Ed25519 signature (RFC 8032) over its manifest, which holds the hashes of all its files.

Keys are PEM files, as ``openssl genpkey -algorithm ed25519`` and ``openssl pkey -pubout`` write them; the signature
lies beside the artifact as ``g.tflite.sig``, in base64.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from edgegan.core.errors import ArtifactError, MissingPackageError, UsageError
from edgegan.core.files import write_bytes
from edgegan.core.manifest import manifest_path, signature_path


def private_key(path: Path) -> Any:
    """The key in a PEM file that signs. Raises UsageError for anything else, MissingPackageError."""
    return _key(path, "--sign", private=True)


def sign(artifact: Path, key: Path) -> Path:
    """Write the signature of ``artifact``'s manifest by the private key in ``key``; returns its path."""
    signature = private_key(key).sign(manifest_path(artifact).read_bytes())
    path = signature_path(artifact)
    write_bytes(path, base64.b64encode(signature) + b"\n")
    return path


def verify(artifact: Path, key: Path) -> None:
    """Raises ArtifactError unless the manifest beside ``artifact`` was signed by the key of which ``key`` holds the
    public half. That files are those of the manifest is for ``read_manifest`` to say.
    """
    public, path = _key(key, "--key", private=False), signature_path(Path(artifact))
    from cryptography.exceptions import InvalidSignature

    try:
        signature = base64.b64decode(path.read_bytes(), validate=False)
        public.verify(signature, manifest_path(Path(artifact)).read_bytes())
    except FileNotFoundError as exc:
        raise ArtifactError(f"{artifact} is not signed: there is no {Path(exc.filename).name} beside it") from exc
    except (InvalidSignature, binascii.Error, ValueError) as exc:
        raise ArtifactError(f"{artifact} was not signed by the key {key}, or its manifest was changed since") from exc


def _key(path: Path, option: str, private: bool) -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ModuleNotFoundError as exc:
        raise MissingPackageError("cryptography", "sign", f"{option} {path}") from exc
    kind = "private" if private else "public"
    try:
        content = Path(path).read_bytes()
        key = load_pem_private_key(content, None) if private else load_pem_public_key(content)
    except OSError as exc:
        raise UsageError(f"{option} {path}: {exc.strerror}") from exc
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise UsageError(f"{option} {path} is no {kind} key in PEM without a password") from exc
    if not isinstance(key, Ed25519PrivateKey if private else Ed25519PublicKey):
        raise UsageError(
            f"{option} {path} is no Ed25519 key; make one: openssl genpkey -algorithm ed25519 -out key.pem"
        )
    return key
