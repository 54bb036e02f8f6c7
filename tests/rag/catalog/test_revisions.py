"""Which revisions a version holds, against plain Python, a million times."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlmodel import col

from rag.access import EVERYBODY
from rag.catalog import rule_id
from rag.catalog.revisions import alive_at
from rag.catalog.tables import Document, DocumentState, Revision
from tests.rag.catalog.opening import opened

SPANS = VERSIONS = 1000


def spans(seed: int) -> list[tuple[int, int | None]]:
    """Random ``[since, until)``; a third of them last."""
    chance = random.Random(seed)
    found: list[tuple[int, int | None]] = []
    for _ in range(SPANS):
        since = chance.randint(1, VERSIONS)
        until = chance.randint(since + 1, VERSIONS + 1) if chance.random() < 2 / 3 else None
        found.append((since, until))
    return found


def holds(since: int, until: int | None, version: int) -> bool:
    """The words of DESIGN: ``since <= v`` and not ``until <= v``."""
    if version < since:
        return False
    return not (until is not None and version >= until)


@pytest.mark.usefixtures("either_catalog")
def test_a_million_decisions_are_the_oracles(tmp_path: Path) -> None:
    chosen = spans(seed=7)
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            rule = rule_id(session, EVERYBODY)
            session.add(
                Document(
                    id=1,
                    key="s/a",
                    source="s",
                    external_id="a",
                    state=DocumentState.ACTIVE,
                    fingerprint="",
                    pipeline="",
                )
            )
            session.flush()
            rows = [
                {
                    "id": number,
                    "document_id": 1,
                    "content_hash": "",
                    "pipeline": "",
                    "title": "",
                    "format": "",
                    "indexed_rule_id": rule,
                    "since": since,
                    "until": until,
                    "chunks": 1,
                }
                for number, (since, until) in enumerate(chosen, start=1)
            ]
            session.execute(insert(Revision), rows)
        with catalog.connect() as connection:
            for version in range(1, VERSIONS + 1):
                alive = set(connection.scalars(select(col(Revision.id)).where(alive_at(version))))
                expected = {
                    number
                    for number, (since, until) in enumerate(chosen, start=1)
                    if holds(since, until, version)
                }
                assert alive == expected
