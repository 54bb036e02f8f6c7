"""One line of JSON as one document."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.duplicates import JsonObject, parse_line
from rag.access import AccessRule, parse_rule
from rag.errors import PrincipalError

MAX_ID_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Record:
    """A document; ``modified_at`` is in UTC, and a ``problem`` says why there is nothing else."""

    id: str
    text: str = ""
    title: str | None = None
    uri: str | None = None
    modified_at: datetime | None = None
    access: AccessRule | None = None
    problem: str | None = None


def parse_record(line: str) -> Record:
    """The document in ``line``; if it has an id but something else is wrong, then with a ``problem``.

    Raises ``ValueError`` for a line that is no JSON object or has no usable ``_id``: text or a number, of 1
    to 512 characters, without control characters.
    """
    value, duplicates = parse_line(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    if "_id" in duplicates.keys:
        raise ValueError("_id is there twice")
    id = _id(value.get("_id"))
    try:
        if duplicates.keys:
            raise ValueError(f"the key {duplicates.keys[0]!r} is there twice")
        return _record(id, value)
    except (ValueError, PrincipalError) as error:
        return Record(id, problem=error.what if isinstance(error, PrincipalError) else str(error))


def _id(value: object) -> str:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        value = None
    text = str(value) if isinstance(value, str | int | float) else ""
    if not 0 < len(text) <= MAX_ID_LENGTH or _unprintable(text):
        raise ValueError(f"_id is not a number or a text of 1 to {MAX_ID_LENGTH} printable characters")
    return text


def _record(id: str, value: JsonObject) -> Record:
    text = value.get("text")
    if not isinstance(text, str):
        raise ValueError("text is missing or not a string")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text has half a character in it (a lone surrogate)") from error
    metadata = value.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise ValueError("metadata is not an object")
    return Record(
        id=id,
        text=text,
        title=_short_text("title", value.get("title")),
        uri=_short_text("metadata.uri", metadata.get("uri")),
        modified_at=_instant(metadata.get("modified_at")),
        # A null is not the same as no key: whoever wrote it had a rule in mind.
        access=parse_rule(metadata["access"], where="") if "access" in metadata else None,
    )


def _short_text(key: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string")
    text = " ".join(value.split())
    if _unprintable(text):
        raise ValueError(f"{key} has a control character in it")
    return text or None


def _instant(value: object) -> datetime | None:
    if value is None:
        return None
    wrong = "metadata.modified_at is not a date and time in ISO 8601"
    if not isinstance(value, str):
        raise ValueError(wrong)
    try:
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(wrong) from error


def _unprintable(text: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cs") for char in text)
