"""The self-test itself: promotes the project as it is, then has the gate judge each candidate beside that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from evals.golden import CatalogCorpus
from evals.nearest import nearest
from flows.evaluate import evaluate_project
from flows.ingest import ingest_project
from flows.progress import advance
from flows.project import Project
from flows.promote import promote_project
from flows.selftest.candidates import CANDIDATES, Candidate
from flows.selftest.edit import harmless_edit
from flows.selftest.scratch import Material, Rehearsal, Scratch, scratch
from rag.answering.sentences import sentences
from rag.errors import EvaluationError, LockgateError, UsageError
from rag.settings import Settings

NOT_ASKED = "error"
"""Instead of a decision, where a candidate could not be built or measured."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one candidate: the gate's decision, the names of the checks that did not pass, the first
    sentence of each reason. ``advice`` says what to change where it is not ``passed``."""

    name: str
    what: str
    bad: bool
    decision: str
    passed: bool
    checks: tuple[str, ...]
    reasons: tuple[str, ...]
    advice: str | None


Try = Callable[[Scratch, Material, Candidate], Tried]


def try_candidate(shared: Scratch, material: Material, candidate: Candidate) -> Tried:
    """Builds the candidate on a copy of the base, has it measured, and asks the gate."""
    try:
        with shared.copied() as state:
            settings = shared.settings(state)
            with closing(candidate.built(settings, shared, material)) as project:
                version = ingest_project(project, rebuild=candidate.rebuild)["version"]
                candidate.after(project, version)
            with closing(candidate.measured(settings, shared, material)) as project:
                evaluate_project(project, version=version)
                asked = promote_project(project, version=version)
                return tried(candidate, project, asked)
    except LockgateError as error:
        advice = error.next_step or None
        said = (str(error),)
        return Tried(candidate.name, candidate.what, candidate.bad, NOT_ASKED, False, (), said, advice)


def tried(candidate: Candidate, project: Project, asked: dict[str, Any]) -> Tried:
    """What the gate said, and whether that is what it should."""
    checks = tuple(check["name"] for check in asked["checks"] if check["outcome"] != "pass")
    decision = str(asked["decision"])
    caught = decision != "promote" and any(name.startswith(candidate.own) for name in checks)
    passed = caught if candidate.bad else decision == "promote"
    return Tried(
        candidate.name,
        candidate.what,
        candidate.bad,
        decision,
        passed,
        checks,
        tuple(_first_sentence(reason) for reason in asked["reasons"]),
        None if passed else candidate.advice(project),
    )


def selftest(own: Settings, *, only: Collection[str] = (), trying: Try = try_candidate) -> dict[str, Any]:
    """Tries every candidate, or ``only`` those of these names, and says whether the gate is caught out.

    Nothing of the user's state is changed. Raises ``EvaluationError`` where the gate blocks the project as it is,
    ``UsageError`` for a name that no candidate has, and whatever ingesting and measuring the project raise.
    """
    started = time.monotonic()
    chosen = _chosen(only)
    with scratch(own) as shared:
        material = promoted_base(shared)
        found = []
        for done, candidate in enumerate(chosen):
            advance("self-test", done, len(chosen))
            found.append(trying(shared, material, candidate))
        advance("self-test", len(chosen), len(chosen))
    return {
        "caught": all(one.passed for one in found),
        "candidates": [asdict(one) for one in found],
        "seconds": round(time.monotonic() - started, 3),
    }


def promoted_base(shared: Scratch) -> Material:
    """Ingests, measures and promotes the project as it is, and finds what candidates can be made of.

    What the gate only holds is approved. Raises ``EvaluationError`` for what it blocks.
    """
    with closing(Rehearsal(shared.settings(shared.base), shared, Material())) as project:
        version = ingest_project(project)["version"]
        evaluate_project(project, version=version)
        asked = promote_project(project, version=version, approve=True, by="gate selftest")
        if asked["decision"] != "promote":
            raise EvaluationError(
                f"the gate blocks the project as it is: {' '.join(asked['reasons'])}",
                where="gate",
                state="No candidate was tried, and nothing of the project was changed",
                next_step="Put that right until lockgate run promotes, then run the self-test again",
            )
        corpus = CatalogCorpus(project.catalog)
        seed = project.settings.gate.seed
        return Material(
            len(corpus.active()),
            _doomed(project, corpus, seed),
            harmless_edit(project.catalog, version, project.golden, seed=seed),
        )


def _doomed(project: Project, corpus: CatalogCorpus, seed: int) -> tuple[str, ...]:
    """The documents that may vanish, as drawn by ``seed``: all but one of each source, and one that each persona
    may read, for without those neither would be measured at all."""
    active = corpus.active()
    drawn = random.Random(seed).sample(active, len(active))
    kept = {corpus.source_of[document]: document for document in drawn}
    for question in project.golden.questions:
        if question.principal not in kept:
            readable = (one for one in drawn if corpus.may_read(question.principal, one))
            kept[question.principal] = next(readable, "")
    spared = set(kept.values())
    return tuple(document for document in drawn if document not in spared)


def _chosen(only: Collection[str]) -> Sequence[Candidate]:
    names = [candidate.name for candidate in CANDIDATES]
    for name in only:
        if name not in names:
            raise UsageError(f"there is no candidate {name!r}; the nearest known is {nearest(name, names)!r}")
    return [candidate for candidate in CANDIDATES if not only or candidate.name in only]


def _first_sentence(reason: str) -> str:
    start, end = next(iter(sentences(reason)), (0, len(reason)))
    return reason[start:end]
