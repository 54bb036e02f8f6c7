"""URLs of servers, which hold no secret: they stand in logs and errors."""

from __future__ import annotations

from urllib.parse import urlsplit


def server_url(text: str, *, expected: str) -> str:
    """``text`` if it is an http or https URL of a host, without login, query and fragment; else ``ValueError``,
    which says ``expected``."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        login = parts.username is not None or parts.password is not None
        more = bool(parts.query or parts.fragment)
    except ValueError:
        usable, login, more = False, False, False
    if not usable:
        raise ValueError(f"expected {expected}")
    if login:
        raise ValueError("a URL holds no user name or password; use api_key")
    if more:
        raise ValueError("a URL ends with its path; a key belongs into api_key")
    return text
