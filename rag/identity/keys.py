"""The issuer's public keys, from a JSON web key set (RFC 7517)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

LEAST_RSA_BITS = 2048

FITTING: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""The type (``kty``) and curve (``crv``) of the key for each algorithm. All are asymmetric."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    """One key of the set: its ``public`` part and the ``algorithms`` that it may be used with, or the
    ``problem`` for which it is not used at all, to be read after "the key"."""

    public: PublicKey | None = None
    algorithms: frozenset[str] = frozenset()
    problem: str = ""


def key_set(data: bytes) -> dict[str, tuple[ListedKey, ...]]:
    """The keys of a set by their ``kid``; those without one are left out, as no token can name them.

    Raises ``ValueError``, in words that hold nothing of ``data``, if that is no set of keys. A key that is
    damaged, or not meant for signatures, is listed with its problem and spoils no other.
    """
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it is not a JSON web key set")
    keys: dict[str, tuple[ListedKey, ...]] = {}
    for jwk in listed:
        kid = jwk.get("kid") if isinstance(jwk, dict) else None
        if isinstance(kid, str) and kid:
            keys[kid] = (*keys.get(kid, ()), _listed(jwk))
    return keys


def _listed(jwk: dict[str, object]) -> ListedKey:
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return ListedKey(problem="is not meant for signatures")
    if "d" in jwk or "k" in jwk:
        return ListedKey(problem="is no secret: its private part is published")
    fitting = frozenset(
        name
        for name, (kind, curve) in FITTING.items()
        if jwk.get("kty") == kind and curve in (None, jwk.get("crv")) and jwk.get("alg", name) == name
    )
    if not fitting:
        return ListedKey(problem="is of a kind that is not taken")
    return _loaded(jwk, fitting)


def _loaded(jwk: dict[str, object], fitting: frozenset[str]) -> ListedKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt import PyJWK, PyJWTError

    try:
        # Any of them does: they differ in how a signature is made, not in how the key is written.
        public: object = PyJWK(jwk, min(fitting)).key
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        return ListedKey(problem="is damaged in the issuer's list")
    if isinstance(public, RSAPublicKey) and public.key_size < LEAST_RSA_BITS:
        return ListedKey(problem=f"is too short: RSA needs {LEAST_RSA_BITS} bits")
    if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        return ListedKey(problem="is of a kind that is not taken")
    return ListedKey(public, fitting)
