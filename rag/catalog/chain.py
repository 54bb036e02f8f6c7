"""The hash that chains the ledger's entries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

GENESIS = ""
"""What the first entry has in place of a hash before it."""


def entry_hash(
    *,
    number: int,
    kind: str,
    version: int | None,
    release: str | None,
    reasons: Sequence[str],
    checks: Sequence[Mapping[str, Any]],
    fingerprints: Mapping[str, str],
    details: Mapping[str, Any],
    decided_at: datetime,
    previous: str,
) -> str:
    """SHA-256, in hex, over all of an entry in one canonical form: JSON, keys sorted, the time in UTC."""
    parts = {
        "number": number,
        "kind": kind,
        "version": version,
        "release": release,
        "reasons": list(reasons),
        "checks": [dict(check) for check in checks],
        "fingerprints": dict(fingerprints),
        "details": dict(details),
        "decided_at": decided_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "previous": previous,
    }
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
