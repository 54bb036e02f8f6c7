"""What ``access log`` says; read from the files of the log, without Prefect."""

from __future__ import annotations

from typing import Any

from rag.access import principal as as_principal
from rag.composition import access_log_folder
from rag.retrieval.access_log import entries
from rag.settings import Settings


def access_log_of(
    settings: Settings, *, principal: str | None, document: str | None, limit: int
) -> dict[str, Any]:
    """The latest searches, at most ``limit``, of this principal and that were given this document.

    ``unreadable`` counts the lines that were cut off among those that had to be read. Raises ``PrincipalError``
    and ``AccessLogError``.
    """
    if principal is not None:
        as_principal(principal)
    found: list[dict[str, Any]] = []
    unreadable = 0
    for entry in entries(access_log_folder(settings)):
        if entry is None:
            unreadable += 1
            continue
        if principal is not None and entry["principal"] != principal:
            continue
        if document is not None and document not in {each["document"] for each in entry["returned"]}:
            continue
        found.append(entry)
        if len(found) == limit:
            break
    return {"entries": found, "unreadable": unreadable}
