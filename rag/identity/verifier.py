"""Verifies a token, and says who it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module

from rag.errors import ConfigurationError, TokenError
from rag.identity.claims import identity_of
from rag.identity.identity import Identity
from rag.identity.key_ring import KeyRing, utc_now
from rag.identity.keys import FITTING, ListedKey
from rag.settings import Oidc

MOST_CHARACTERS = 16 << 10

# Three parts, the signature among them: what is unsigned or encrypted looks otherwise.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_UNREADABLE = "the token cannot be read as a signed JSON web token"
_SIGN_IN = "Sign in again."


class TokenVerifier:
    """Turns a token of the configured issuer into an ``Identity``. Safe to share between threads."""

    def __init__(self, settings: Oidc, keys: KeyRing, *, now: Callable[[], datetime] = utc_now) -> None:
        """Raises ``ConfigurationError`` if the libraries of the extra ``oidc`` are not installed."""
        for library in ("cryptography", "jwt"):
            try:
                import_module(library)
            except ModuleNotFoundError as error:
                raise ConfigurationError(
                    f"the library that checks tokens is not installed ({error.name})",
                    next_step="Install it with: pip install 'lockgate[oidc]'.",
                ) from error
        self._settings = settings
        self._keys = keys
        self._now = now
        # Whatever the settings say, no algorithm without a public key is ever tried.
        self._algorithms = frozenset(settings.algorithms) & FITTING.keys()

    @classmethod
    def of(cls, settings: Oidc) -> TokenVerifier:
        """One with a key ring of its own."""
        return cls(settings, KeyRing(settings))

    def verify(self, token: str) -> Identity:
        """Who ``token`` says is asking.

        Raises ``TokenError`` for any token that does not prove it, and its kind ``KeysUnavailableError`` where
        the token may be good but cannot be judged now. Nothing of the token is in the message.
        """
        if not isinstance(token, str) or not token:
            raise TokenError("a token is needed", next_step=_SIGN_IN)
        if len(token) > MOST_CHARACTERS:
            raise TokenError(
                f"the token is longer than {MOST_CHARACTERS:,} characters",
                next_step="Have the issuer put less into its tokens, such as fewer groups.",
            )
        if _SHAPE.fullmatch(token) is None:
            raise TokenError(_UNREADABLE)
        algorithm, kid = self._named(token)
        claims = self._claims(token, algorithm, self._keys.find(kid))
        return identity_of(claims, self._settings.claims, self._until(claims))

    def _named(self, token: str) -> tuple[str, str]:
        """The algorithm and the key that the header names. It is not yet known who wrote it."""
        import jwt

        try:
            header: Mapping[str, object] = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenError(_UNREADABLE) from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise TokenError("the token is signed in a way that identity.algorithms does not allow")
        if not isinstance(kid, str) or not kid:
            raise TokenError("the token does not say which key it is signed with")
        return algorithm, kid

    def _claims(self, token: str, algorithm: str, keys: Sequence[ListedKey]) -> Mapping[str, object]:
        """What the token asserts, by a signature of one of ``keys``, from the issuer, to the audience."""
        import jwt

        usable = [key.public for key in keys if key.public is not None and algorithm in key.algorithms]
        if not usable:
            problem = keys[0].problem or "is not meant for its algorithm"
            raise TokenError(f"the key that the token names {problem}")
        for public in usable:
            try:
                return jwt.decode(
                    token,
                    public,
                    algorithms=[algorithm],
                    issuer=self._settings.issuer,
                    audience=self._settings.audience,
                    # Times are checked below, by our own clock; who is the user, by the configured claim.
                    options={
                        "verify_exp": False,
                        "verify_nbf": False,
                        "verify_iat": False,
                        "verify_sub": False,
                        "verify_jti": False,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidIssuerError:
                raise TokenError("the token is of another issuer") from None
            except jwt.InvalidAudienceError:
                raise TokenError("the token is for another audience, not for this application") from None
            except jwt.MissingRequiredClaimError:
                raise TokenError("the token does not say who issued it, or for which audience") from None
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
                raise TokenError(_UNREADABLE) from None
        raise TokenError("the token's signature is not the issuer's", next_step=_SIGN_IN)

    def _until(self, claims: Mapping[str, object]) -> datetime:
        """When the token expires, if it is valid now."""
        now, leeway = self._now(), self._settings.leeway
        expires_at = _moment(claims, "exp")
        if expires_at is None:
            raise TokenError("the token does not say when it expires")
        if expires_at <= now - leeway:
            raise TokenError("the token has expired", next_step=_SIGN_IN)
        for claim in ("nbf", "iat"):
            begins = _moment(claims, claim)
            if begins is not None and begins > now + leeway:
                raise TokenError(
                    "the token is not valid yet", next_step="Compare the issuer's clock with ours."
                )
        return expires_at


def _moment(claims: Mapping[str, object], name: str) -> datetime | None:
    """A time claim, in seconds since 1970 (RFC 7519); ``None`` if there is none."""
    if name not in claims:
        return None
    seconds = claims[name]
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            pass
    raise TokenError(f"the token's time {name} is no time")
