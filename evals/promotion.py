"""Asking the gate, and doing what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from evals import store
from evals.gate import Candidate, Check, CorpusState, GatePolicy, Latency, Reason, Verdict, decide
from evals.measurement import Measurement
from rag.catalog import Catalog, utcnow
from rag.catalog.revisions import is_readable, unknown_version
from rag.catalog.tables import Document, DocumentState, Erasure, Version
from rag.ingestion.corpus import corpus_facts
from rag.maintenance.vector_audit import VectorAudit
from rag.releases import GateDecision, PromotedRelease, promoted, record_decision


@dataclass(frozen=True, slots=True)
class Outcome:
    """The gate's verdict on a version, and the release that readers see after it."""

    version: int
    verdict: Verdict
    release: str | None


def ask_gate(
    catalog: Catalog,
    version: int,
    *,
    policy: GatePolicy,
    fingerprints: Mapping[str, str],
    approve: bool,
    by: str | None = None,
    settings: Mapping[str, Any] | None = None,
    indexed: int,
    limits: Mapping[str, timedelta | None],
    vectors: VectorAudit | None = None,
    latency: Latency | None = None,
) -> Outcome:
    """Decides on ``version`` by its measurement under ``fingerprints``, records that, and moves the pointer.

    ``indexed`` is the number of passages in its index; ``limits`` says how old the listing of each source may be;
    ``vectors`` and ``latency`` are what was found of its vectors, and of its searches beside the promoted one's.

    ``fingerprints`` name golden, evaluator, retrieval and whatever else makes the release. ``approve`` turns a
    hold into a promotion in the name of ``by``; it never overrides a block. ``settings`` are what readers follow
    once it is promoted. A version that is promoted
    already, as that very release, stays so and nothing is written.
    """
    with catalog.write() as session:
        incumbent = promoted(session)
        if incumbent is not None and incumbent.version == version and incumbent.fingerprints == fingerprints:
            return Outcome(version, _unchanged(version), incumbent.release)
        if not is_readable(session, version):
            raise unknown_version(version)
        row = session.get_one(Version, version)
        measured = {name: fingerprints[name] for name in ("golden", "evaluator", "retrieval", "answering")}
        evaluation = store.find(session, version, corpus=row.corpus or "", **measured)
        if evaluation is None:
            verdict = _unmeasured(version)
        else:
            candidate = Candidate(
                version,
                row.documents,
                row.chunks,
                store.load(session, evaluation),
                _state(session, row, indexed, limits, vectors or VectorAudit(0, ())),
                _changed(incumbent, fingerprints),
                latency,
            )
            verdict = decide(
                policy, candidate, _measured(session, incumbent, fingerprints, evaluation.access_epoch)
            )
        approved = approve and verdict.decision == "hold" and evaluation is not None
        if approved:
            verdict = _approved(verdict)
        release = record_decision(
            session,
            GateDecision(
                decision=verdict.decision,
                version=version,
                evaluation_id=evaluation.id if evaluation else None,
                reasons=[reason.sentence for reason in verdict.reasons],
                checks=[
                    {"name": check.name, "outcome": check.outcome, "figure": check.figure}
                    for check in verdict.checks
                ],
                fingerprints=fingerprints,
                settings=settings or {},
                approved_by=(by or "not said") if approved else None,
            ),
        )
        still = incumbent.release if incumbent else None
    return Outcome(version, verdict, release or still)


def _state(
    session: Session,
    version: Version,
    indexed: int,
    limits: Mapping[str, timedelta | None],
    vectors: VectorAudit,
) -> CorpusState:
    by_state = select(col(Document.state), func.count()).group_by(col(Document.state))
    documents: dict[str, int] = dict(session.execute(by_state).tuples().all())
    now = utcnow()
    stale: dict[str, tuple[float | None, float]] = {}
    for source, limit in limits.items():
        listed = version.listings.get(source)
        lag = (now - datetime.fromisoformat(listed)).total_seconds() if listed else None
        if limit is not None and (lag is None or lag > limit.total_seconds()):
            stale[source] = (lag, limit.total_seconds())
    return CorpusState(
        indexed=indexed,
        expected=corpus_facts(session.connection(), version.number).chunks,
        erasing=session.scalar(select(func.count()).select_from(Erasure)) or 0,
        active=documents.get(DocumentState.ACTIVE, 0),
        quarantined=documents.get(DocumentState.QUARANTINED, 0),
        stale=stale,
        compared=vectors.looked,
        misplaced=vectors.wrong,
    )


def _changed(incumbent: PromotedRelease | None, fingerprints: Mapping[str, str]) -> frozenset[str]:
    """The parts of the release that are not those of the promoted one."""
    if incumbent is None:
        return frozenset({"first"})
    parts = ("generation", "retrieval", "answering", "golden", "gate")
    return frozenset(part for part in parts if fingerprints.get(part) != incumbent.fingerprints.get(part))


def _measured(
    session: Session, incumbent: PromotedRelease | None, fingerprints: Mapping[str, str], epoch: int
) -> Measurement | None:
    """The promoted release's measurement: as it is now, with the same golden set, evaluator and access, if there
    is one; else what comes nearest."""
    if incumbent is None:
        return None
    same_questions = {"golden": fingerprints["golden"], "evaluator": fingerprints["evaluator"]}
    same_corpus = {**same_questions, "corpus": session.get_one(Version, incumbent.version).corpus or ""}
    # releases of old say nothing of answers: those are measured as they are answered now
    answering = incumbent.fingerprints.get("answering") or fingerprints["answering"]
    settings = {"retrieval": incumbent.fingerprints["retrieval"], "answering": answering}
    nearest = (
        store.find(session, incumbent.version, access_epoch=epoch, **settings, **same_corpus)
        or store.find(session, incumbent.version, **settings, **same_corpus)
        or store.find(session, incumbent.version, **settings, **same_questions)
        or store.find(session, incumbent.version, retrieval=settings["retrieval"])
    )
    return store.load(session, nearest) if nearest is not None else None


def _unchanged(version: int) -> Verdict:
    reason = f"Version {version} is promoted already, and nothing it rests on has changed."
    return Verdict("promote", (Reason("summary", "pass", reason),), ())


def _unmeasured(version: int) -> Verdict:
    sentence = (
        f"Version {version} has not been measured with the present golden questions and settings. "
        f"Run lockgate evaluate --version {version}."
    )
    check = Check("measured", "hold", "no measurement", {}, sentence)
    return Verdict("hold", (Reason("measured", "hold", sentence),), (check,))


def _approved(verdict: Verdict) -> Verdict:
    held = " ".join(reason.sentence for reason in verdict.reasons)
    reason = Reason("approval", "pass", f"A person approved what the gate held: {held}")
    return Verdict("promote", (reason,), verdict.checks)
