"""The issuer's keys, kept for a while: fetched anew when they are old or when a token names an unknown one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rag.errors import KeysUnavailableError, TokenError
from rag.identity.jwks import read_jwks
from rag.identity.keys import ListedKey, key_set
from rag.settings import Oidc


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Held:
    """A set of keys as it was at ``since``."""

    keys: Mapping[str, tuple[ListedKey, ...]]
    since: datetime


class KeyRing:
    """The issuer's keys by name. Fetches nothing before it is asked. Safe to share between threads.

    Fetches lie ``min_refresh`` apart, those that fail counted in. Keys older than ``max_age`` are used only
    while they cannot be fetched, and no longer than ``grace``. A key that is gone from a fetched set is gone.
    """

    def __init__(self, settings: Oidc, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._now = now
        self._lock = threading.Lock()  # held by the one thread that fetches; readers of a fresh set need none
        self._held: _Held | None = None
        self._tried: datetime | None = None
        self._failure: KeysUnavailableError | None = None  # of the last try

    def find(self, kid: str) -> tuple[ListedKey, ...]:
        """The keys of that name, one at least.

        Raises ``TokenError`` if the issuer lists none, ``KeysUnavailableError`` if that cannot be known now.
        """
        held = self._held
        if held is None or not self._younger(held, self._settings.max_age) or kid not in held.keys:
            held = self._renewed()
        if kid in held.keys:
            return held.keys[kid]
        if (failure := self._failure) is not None:
            raise _again(failure)
        raise TokenError(
            "the token names a key that the issuer does not list",
            next_step=f"If it is new, try again in {self._settings.min_refresh.total_seconds():.0f} seconds.",
        )

    def _renewed(self) -> _Held:
        """The set after a fetch, which may be the one that another thread has just made."""
        with self._lock:
            self._fetch_unless_too_soon()
            held = self._held
            if held is None or not self._younger(held, self._settings.max_age + self._settings.grace):
                raise _again(self._failure or _TOO_OLD, state="No token is taken")
            return held

    def _fetch_unless_too_soon(self) -> None:
        now = self._now()
        # A clock that was set back must not put the next fetch off.
        if self._tried is not None and timedelta(0) <= now - self._tried < self._settings.min_refresh:
            return
        self._tried = now
        try:
            self._held = _Held(key_set(read_jwks(self._settings.jwks)), now)
            self._failure = None
        except KeysUnavailableError as error:
            self._failure = error
        except ValueError as error:
            self._failure = KeysUnavailableError(
                f"the issuer's keys cannot be read: {error}", next_step="See what identity.jwks leads to."
            )

    def _younger(self, held: _Held, age: timedelta) -> bool:
        # Of a set that seems to come from the future, nobody can say how old it is.
        return timedelta(0) <= self._now() - held.since < age


_TOO_OLD = KeysUnavailableError("the issuer's keys are older than they may be")


def _again(error: KeysUnavailableError, *, state: str = "") -> KeysUnavailableError:
    """A new one like ``error``: threads must not share one, and so its traceback."""
    return KeysUnavailableError(error.what, where=error.where, state=state, next_step=error.next_step)
