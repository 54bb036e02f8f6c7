"""Who asks, proven by a token that the organisation's issuer has signed (OpenID Connect, JWT)."""

from rag.identity.identity import Identity
from rag.identity.key_ring import KeyRing
from rag.identity.verifier import TokenVerifier

__all__ = ["Identity", "KeyRing", "TokenVerifier"]
