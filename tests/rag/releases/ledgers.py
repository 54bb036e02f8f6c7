"""A small ledger for tests about ledgers."""

from __future__ import annotations

from typing import Literal

from rag.access import AccessRule
from rag.catalog import Catalog, replace_memberships, rule_id
from rag.catalog.tables import Generation, Version, VersionState
from rag.releases import GateDecision, record_decision, roll_back
from rag.releases.ledger import Entry, append

SECRET = AccessRule.of(["group:board"], ["user:eve"])


def write_six(catalog: Catalog) -> None:
    """promote 1, hold 2, promote 2, rollback to 1, access, members: six entries over two versions."""
    with catalog.write() as session:
        session.add(Generation(id=1, digest="d", settings={}))
        session.flush()
        session.add_all(
            Version(number=number, generation_id=1, state=VersionState.CANDIDATE) for number in (1, 2)
        )
    decided: list[tuple[Literal["promote", "hold"], int]] = [("promote", 1), ("hold", 2), ("promote", 2)]
    for decision, version in decided:
        with catalog.write() as session:
            record_decision(
                session,
                GateDecision(
                    decision,
                    version,
                    None,
                    [f"because {version} ü"],
                    [{"name": "nDCG@10", "value": 0.1 + 0.2, "passed": True}],
                    {"golden": "g"},
                ),
            )
    with catalog.write() as session:
        roll_back(session)
        rule_id(session, SECRET)
        append(session, Entry("access", details={"documents": {"s/a": SECRET.digest, "s/b": None}}))
        replace_memberships(session, "groups", {"group:board": {"user:ada"}})
        append(session, Entry("members", details={"origin": "groups"}))
