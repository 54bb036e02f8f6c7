"""Which model answers, and how it is asked."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rag.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ModelPin:
    """A language model behind an endpoint that speaks OpenAI's chat completions.

    ``url`` ends before ``/chat/completions``. ``timeout_seconds`` bounds one attempt from its first byte to the
    last byte of the answer; a call takes no longer than ``attempts`` times that, waits between attempts included.
    ``temperature`` and ``seed`` are not sent where they are ``None``; ``max_tokens`` bounds the answer. Prices are
    for a million tokens, in any one currency. Raises ``ConfigurationError`` for a value outside its range, and for
    a URL with a name, a password or a query, which end in logs.
    """

    url: str
    name: str
    api_key: str | None = field(default=None, repr=False)
    timeout_seconds: float = 60.0
    attempts: int = 3
    temperature: float | None = 0.0
    seed: int | None = None
    max_tokens: int = 1024
    prompt_price: float = 0.0
    completion_price: float = 0.0

    def __post_init__(self) -> None:
        if problem := self._problem():
            raise ConfigurationError(problem, where=f"model {self.name!r}" if self.name else "model")

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of endpoint, name and the settings of its answers; not of the key or the limits."""
        parts = [self.url.rstrip("/"), self.name, self.temperature, self.seed, self.max_tokens]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def where(self) -> str:
        return f"model {self.name!r} at {self.url}"

    @property
    def longest_seconds(self) -> float:
        """How long a call can take, all attempts and the waits between them."""
        return self.attempts * self.timeout_seconds

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6

    def _problem(self) -> str:
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "its URL cannot be read"
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return "its URL does not begin with http:// or https:// and a host"
        if "@" in parts.netloc or parts.query or parts.fragment:
            return "its URL holds a name, a password or a query, which would end in logs"
        if not self.name.strip():
            return "it has no name"
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            return "its API key holds a character that cannot be sent (a line break at its end?)"
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds > 0):
            return f"timeout_seconds is {self.timeout_seconds}, not more than 0"
        if self.attempts < 1 or self.max_tokens < 1:
            return f"attempts ({self.attempts}) and max_tokens ({self.max_tokens}) must be 1 or more"
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            return f"temperature is {self.temperature}, not from 0 to 2"
        if not all(
            math.isfinite(price) and price >= 0 for price in (self.prompt_price, self.completion_price)
        ):
            return "its prices must be 0 or more"
        return ""
