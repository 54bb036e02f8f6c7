"""What ``access explain`` says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from rag.access import explain, principal
from rag.catalog import load_access
from rag.catalog.access import rule_at
from rag.catalog.tables import Document, DocumentState
from rag.composition import open_catalog
from rag.errors import UsageError
from rag.settings import Settings


def explain_access(
    settings: Settings, member: str, document: str, *, at: datetime | None = None
) -> dict[str, Any]:
    """The decision on ``document`` (``<source>/<id>``) for ``member``, by the rule in force, with its chain.

    With ``at`` it is the rule that was in force then; who is in which group is known of now alone. Raises
    ``PrincipalError`` and, for a document that the catalog has never seen, ``UsageError``.
    """
    principal(member)
    catalog = open_catalog(settings, migrate=False)
    try:
        with catalog.connect() as connection:
            row = connection.execute(
                select(
                    col(Document.id), col(Document.rule_id), col(Document.state), col(Document.reason)
                ).where(col(Document.key) == document)
            ).first()
            view = load_access(connection)
            in_force = row.rule_id if row is not None else None
            if row is not None and at is not None:
                in_force = rule_at(connection, row.id, at)
    finally:
        catalog.close()
    if row is None:
        raise UsageError(
            f"the catalog knows no document {document!r}",
            next_step="A document is named <source>/<id>, such as handbook/parental-leave.md",
        )
    rule = view.rules[in_force] if in_force is not None else None
    found = explain(member, rule, view.memberships)
    because = list(found.because)
    if at is not None:
        because.append(f"that is the rule of {at.isoformat()}, with the memberships of now")
    if row.state != DocumentState.ACTIVE:
        because.append(f"the document is {row.state}{f': {row.reason}' if row.reason else ''}")
    return {
        "principal": member,
        "document": document,
        "allowed": found.allowed and row.state != DocumentState.PURGED,
        "because": because,
    }
