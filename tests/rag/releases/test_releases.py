"""The pointer, the decisions behind it, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.tables import Generation, LedgerEntry, Release, Version, VersionState
from rag.errors import ReleaseError, UnknownVersionError
from rag.releases import GateDecision, promoted, record_decision, roll_back
from tests.rag.catalog.opening import opened

pytestmark = pytest.mark.usefixtures("either_catalog")

Decision = Literal["promote", "hold", "block"]
PRINTS = {"golden": "g", "retrieval": "r"}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Versions 1 to 4, all of them candidates."""
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.add(Generation(id=1, digest="d", settings={}))
            session.flush()
            for number in (1, 2, 3, 4):
                session.add(
                    Version(
                        number=number,
                        generation_id=1,
                        state=VersionState.CANDIDATE,
                        documents=number,
                        chunks=10 * number,
                    )
                )
        yield catalog


def decide(catalog: Catalog, decision: Decision, version: int, **prints: str) -> str | None:
    with catalog.write() as session:
        return record_decision(
            session,
            GateDecision(
                decision, version, None, [f"because {version}"], [{"name": "floor"}], {**PRINTS, **prints}
            ),
        )


def back(catalog: Catalog, to: int | None = None) -> tuple[int, int]:
    with catalog.write() as session:
        return roll_back(session, to=to)


def states(catalog: Catalog) -> dict[int, str]:
    with catalog.read() as session:
        return {row.number: str(row.state) for row in session.scalars(select(Version))}


def now(catalog: Catalog) -> int | None:
    with catalog.read() as session:
        found = promoted(session)
    return found.version if found else None


def decisions(catalog: Catalog) -> list[LedgerEntry]:
    with catalog.read() as session:
        return list(session.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number))))


def test_nothing_is_promoted_at_first(catalog: Catalog) -> None:
    assert now(catalog) is None


def test_a_promotion_moves_the_pointer_and_writes_down_why(catalog: Catalog) -> None:
    digest = decide(catalog, "promote", 2)
    with catalog.read() as session:
        release = promoted(session)
    assert release is not None
    assert (release.version, release.documents, release.chunks) == (2, 2, 20)
    assert release.release == digest
    assert release.fingerprints == PRINTS
    (row,) = decisions(catalog)
    assert (row.kind, row.version, row.reasons) == ("promote", 2, ["because 2"])
    assert (row.checks, row.fingerprints, row.details) == ([{"name": "floor"}], PRINTS, {})
    assert row.release == digest
    assert states(catalog)[2] == "promoted"


def test_the_next_promotion_retires_the_last(catalog: Catalog) -> None:
    decide(catalog, "promote", 1)
    decide(catalog, "promote", 2)
    assert states(catalog) == {1: "retired", 2: "promoted", 3: "candidate", 4: "candidate"}
    assert now(catalog) == 2


def test_a_block_rejects_and_moves_nothing(catalog: Catalog) -> None:
    decide(catalog, "promote", 1)
    assert decide(catalog, "block", 2) is None
    assert states(catalog) == {1: "promoted", 2: "rejected", 3: "candidate", 4: "candidate"}
    assert now(catalog) == 1
    assert [(row.kind, row.release) for row in decisions(catalog)][1] == ("block", None)


def test_a_block_of_what_is_promoted_is_written_down_and_leaves_it(catalog: Catalog) -> None:
    decide(catalog, "promote", 1)
    decide(catalog, "block", 1)
    assert (states(catalog)[1], now(catalog)) == ("promoted", 1)


def test_a_hold_leaves_the_candidate_and_moves_nothing(catalog: Catalog) -> None:
    assert decide(catalog, "hold", 2) is None
    assert states(catalog)[2] == "candidate"
    assert now(catalog) is None
    assert len(decisions(catalog)) == 1


def test_the_digest_of_a_release_is_that_of_version_and_fingerprints(catalog: Catalog) -> None:
    one = decide(catalog, "promote", 1)
    assert decide(catalog, "promote", 1) == one
    assert decide(catalog, "promote", 2) != one
    assert decide(catalog, "promote", 1, golden="other") != one


def test_a_promotion_of_an_unknown_version_leaves_nothing(catalog: Catalog) -> None:
    with pytest.raises(UnknownVersionError, match="no version 99"):
        decide(catalog, "promote", 99)
    assert decisions(catalog) == []
    with catalog.read() as session:
        assert session.scalars(select(Release)).all() == []


def test_a_rollback_goes_to_the_one_promoted_before_and_is_written_down(catalog: Catalog) -> None:
    for version in (1, 2, 3):
        decide(catalog, "promote", version, corpus=f"c{version}")
    assert back(catalog) == (3, 2)
    assert states(catalog) == {1: "retired", 2: "promoted", 3: "retired", 4: "candidate"}
    last = decisions(catalog)[-1]
    assert (last.kind, last.version) == ("rollback", 2)
    assert last.reasons == ["rolled back from version 3 to version 2"]
    assert last.fingerprints == {**PRINTS, "corpus": "c2"}
    with catalog.read() as session:
        release = promoted(session)
    assert release is not None
    assert release.fingerprints["corpus"] == "c2"


def test_rollbacks_go_further_and_further_back_and_then_no_more(catalog: Catalog) -> None:
    for version in (1, 2, 3):
        decide(catalog, "promote", version)
    assert [back(catalog), back(catalog)] == [(3, 2), (2, 1)]
    with pytest.raises(ReleaseError, match="version 1 is the first"):
        back(catalog)
    assert now(catalog) == 1


def test_a_blocked_version_in_between_is_passed_over(catalog: Catalog) -> None:
    decide(catalog, "promote", 1)
    decide(catalog, "block", 2)
    decide(catalog, "promote", 3)
    assert back(catalog) == (3, 1)


def test_a_promotion_after_a_rollback_goes_on_from_there(catalog: Catalog) -> None:
    for version in (1, 2):
        decide(catalog, "promote", version)
    back(catalog)
    decide(catalog, "promote", 3)
    assert now(catalog) == 3
    assert back(catalog, to=1) == (3, 1)
    assert back(catalog, to=3) == (1, 3)


def test_a_version_that_was_left_by_a_rollback_is_not_where_the_next_one_leads(catalog: Catalog) -> None:
    decide(catalog, "promote", 1)
    decide(catalog, "promote", 2)
    assert back(catalog) == (2, 1)  # 2 was bad
    decide(catalog, "promote", 3)
    assert back(catalog) == (3, 1)


def test_a_rollback_to_a_version_takes_its_last_release(catalog: Catalog) -> None:
    decide(catalog, "promote", 1, golden="old")
    decide(catalog, "promote", 1, golden="new")
    decide(catalog, "promote", 2)
    assert back(catalog, to=1) == (2, 1)
    with catalog.read() as session:
        release = promoted(session)
    assert release is not None
    assert release.fingerprints["golden"] == "new"


def test_when_an_older_version_was_promoted_last_the_way_back_leads_to_the_one_before_it(
    catalog: Catalog,
) -> None:
    for version in (2, 3, 1):
        decide(catalog, "promote", version)
    assert back(catalog) == (1, 3)
    assert back(catalog) == (3, 2)


@pytest.mark.parametrize(
    ("to", "words"), [(4, "never promoted"), (99, "never promoted"), (2, "promoted already")]
)
def test_a_rollback_to_what_never_passed_is_refused(catalog: Catalog, to: int, words: str) -> None:
    decide(catalog, "promote", 1)
    decide(catalog, "promote", 2)
    decide(catalog, "block", 4)
    with pytest.raises(UnknownVersionError, match=words):
        back(catalog, to=to)
    assert now(catalog) == 2
    assert len(decisions(catalog)) == 3


@pytest.mark.parametrize("to", [None, 1])
def test_with_nothing_promoted_there_is_no_way_back(catalog: Catalog, to: int | None) -> None:
    with pytest.raises(ReleaseError, match="nothing is promoted"):
        back(catalog, to)


def test_the_first_one_has_nothing_before_it(catalog: Catalog) -> None:
    decide(catalog, "promote", 1)
    with pytest.raises(ReleaseError, match="version 1 is the first"):
        back(catalog)
    assert (now(catalog), len(decisions(catalog))) == (1, 1)
