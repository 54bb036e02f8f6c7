"""Asking the gate, and doing what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from evals import store
from evals.gate import Bar, GatePolicy
from evals.measurement import Leak, Measurement
from evals.promotion import Outcome, ask_gate
from rag.catalog import Catalog
from rag.catalog.tables import Generation, LedgerEntry, Version, VersionState
from rag.releases import promoted
from tests.evals.making import measured
from tests.rag.catalog.opening import opened

POLICY = GatePolicy({"nDCG@10": Bar(floor=0.6, margin=0.02)}, resamples=200)
PRINTS = {"golden": "g", "evaluator": "e1", "retrieval": "r", "answering": "a", "corpus": "c"}
GOOD, BAD = measured([0.8] * 10), measured([0.1] * 10)
LEAKING = measured([0.8] * 10, leaks=[Leak("q3", "user:bob", "s/secret", ("fused",))])
FEW = measured([0.8])


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.add(Generation(id=1, digest="d", settings={}))
            session.flush()
            for number in (1, 2, 3):
                session.add(
                    Version(
                        number=number,
                        generation_id=1,
                        state=VersionState.CANDIDATE,
                        documents=3,
                        chunks=9,
                    )
                )
        yield catalog


def measure(catalog: Catalog, version: int, measurement: Measurement) -> int:
    with catalog.write() as session:
        return store.save(session, version, measurement, retrieval="r", answering="a")


def ask(
    catalog: Catalog, version: int, *, approve: bool = False, by: str | None = None, **prints: str
) -> Outcome:
    return ask_gate(
        catalog,
        version,
        policy=POLICY,
        fingerprints={**PRINTS, **prints},
        approve=approve,
        by=by,
        indexed=0,
        limits={},
    )


def decisions(catalog: Catalog) -> list[LedgerEntry]:
    with catalog.read() as session:
        return list(session.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number))))


def state(catalog: Catalog, version: int) -> str:
    with catalog.read() as session:
        return str(session.get_one(Version, version).state)


def now(catalog: Catalog) -> int | None:
    with catalog.read() as session:
        found = promoted(session)
    return found.version if found else None


def test_a_good_version_is_promoted_and_all_that_it_rests_on_is_written_down(catalog: Catalog) -> None:
    evaluation = measure(catalog, 1, GOOD)
    outcome = ask(catalog, 1)
    assert outcome.verdict.decision == "promote"
    assert outcome.release is not None
    assert (now(catalog), state(catalog, 1)) == (1, "promoted")
    (row,) = decisions(catalog)
    assert (row.kind, row.version, row.details) == ("promote", 1, {"evaluation": evaluation})
    assert row.fingerprints == PRINTS
    assert row.reasons == [reason.sentence for reason in outcome.verdict.reasons]
    assert row.reasons[0].startswith("Version 1 passed all")
    assert {check["outcome"] for check in row.checks} == {"pass"}


@pytest.mark.parametrize("measurement", [BAD, LEAKING], ids=["below the floor", "leaking"])
@pytest.mark.parametrize("approve", [False, True])
def test_a_block_rejects_whoever_asks(catalog: Catalog, measurement: Measurement, approve: bool) -> None:
    measure(catalog, 1, GOOD)
    before = ask(catalog, 1).release
    measure(catalog, 2, measurement)
    outcome = ask(catalog, 2, approve=approve)
    assert outcome.verdict.decision == "block"
    assert outcome.release == before
    assert (now(catalog), state(catalog, 2)) == (1, "rejected")
    last = decisions(catalog)[-1]
    assert (last.kind, last.release) == ("block", None)
    assert last.reasons
    assert "block" in {check["outcome"] for check in last.checks}


def test_too_little_evidence_is_held_until_a_person_approves(catalog: Catalog) -> None:
    measure(catalog, 1, FEW)
    held = ask(catalog, 1)
    assert (held.verdict.decision, held.release) == ("hold", None)
    assert (now(catalog), state(catalog, 1)) == (None, "candidate")
    approved = ask(catalog, 1, approve=True, by="ops@acme.example")
    assert approved.verdict.decision == "promote"
    assert now(catalog) == 1
    first, second, third = decisions(catalog)
    assert [row.kind for row in (first, second, third)] == ["hold", "approve", "promote"]
    assert second.details["by"] == "ops@acme.example"
    assert second.reasons == [f"A person approved what the gate held: {' '.join(first.reasons)}"]
    assert third.reasons == second.reasons


def test_approving_what_would_pass_anyway_is_no_approval(catalog: Catalog) -> None:
    measure(catalog, 1, GOOD)
    assert ask(catalog, 1, approve=True).verdict.decision == "promote"
    assert [row.kind for row in decisions(catalog)] == ["promote"]


@pytest.mark.parametrize("approve", [False, True])
@pytest.mark.parametrize("changed", ["golden", "evaluator", "retrieval"])
def test_what_was_not_measured_as_it_is_now_is_held_even_with_approval(
    catalog: Catalog, approve: bool, changed: str
) -> None:
    measure(catalog, 1, GOOD)
    outcome = ask(catalog, 1, approve=approve, **{changed: "another"})
    assert outcome.verdict.decision == "hold"
    assert "lockgate evaluate --version 1" in outcome.verdict.reasons[0].sentence
    assert now(catalog) is None
    (row,) = decisions(catalog)
    assert (row.kind, row.details) == ("hold", {})


def test_what_is_promoted_already_stays_so_and_nothing_is_written(catalog: Catalog) -> None:
    measure(catalog, 1, GOOD)
    first = ask(catalog, 1)
    again = ask(catalog, 1)
    assert again.verdict.decision == "promote"
    assert again.release == first.release
    assert "promoted already" in again.verdict.reasons[0].sentence
    assert len(decisions(catalog)) == 1


def test_the_same_version_with_other_settings_is_another_release(catalog: Catalog) -> None:
    measure(catalog, 1, GOOD)
    first = ask(catalog, 1)
    second = ask(catalog, 1, gate="stricter")
    assert second.verdict.decision == "promote"
    assert second.release != first.release
    assert len(decisions(catalog)) == 2


def test_a_version_worse_than_the_promoted_one_does_not_pass(catalog: Catalog) -> None:
    measure(catalog, 1, measured([0.95] * 10))
    ask(catalog, 1)
    measure(catalog, 2, measured([0.7] * 10))
    outcome = ask(catalog, 2)
    assert outcome.verdict.decision == "block"
    assert now(catalog) == 1


def test_the_latest_measurement_decides(catalog: Catalog) -> None:
    measure(catalog, 1, BAD)
    later = measure(catalog, 1, GOOD)
    assert ask(catalog, 1).verdict.decision == "promote"
    assert decisions(catalog)[0].details == {"evaluation": later}
