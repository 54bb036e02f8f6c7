"""Measuring one version as one release would serve it: its retrieval settings, its prompt and model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from evals.answers import measure_answers
from evals.evaluate import evaluate as measure
from evals.fingerprints import evaluator_fingerprint
from evals.gate import Latency
from evals.latency import compare_latency
from evals.measurement import Measurement
from evals.systems import (
    BASELINE,
    FUSED,
    RememberingEmbedder,
    baseline_system,
    catalog_oracle,
    measuring_retriever,
    retriever_systems,
)
from flows.judging import judge_of, remembering
from flows.project import Project
from rag.answering.setup import AnsweringSetup
from rag.releases import PromotedRelease
from rag.retrieval import Hit, RetrievalSettings, Retriever

DEPTH = 10
"""Documents looked at for each question: the deepest cutoff of the metrics."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How questions are searched and answered, with the digests that a release names them by."""

    retrieval: RetrievalSettings
    answering: AnsweringSetup
    fingerprints: dict[str, str]
    """``golden``, ``evaluator``, ``retrieval``, ``answering``."""


def configured_setup(project: Project) -> Setup:
    """As the settings say."""
    return Setup(project.retrieval, project.answering, fingerprints(project))


def setup_of(project: Project, release: PromotedRelease) -> Setup:
    """As a release says; what one of old does not say is as configured."""
    now = fingerprints(project)
    retrieval = RetrievalSettings.of(release.settings.get("retrieval")) or project.retrieval
    answering = AnsweringSetup.of(release.settings.get("answering")) or project.answering
    own = {name: release.fingerprints.get(name) or now[name] for name in ("retrieval", "answering")}
    return Setup(retrieval, answering, {**now, **own})


def fingerprints(project: Project) -> dict[str, str]:
    """What a measurement rests on, besides the version."""
    answers = project.settings.evaluation.answers
    return {
        "golden": project.golden.fingerprint,
        "evaluator": evaluator_fingerprint(DEPTH, judge_of(project).fingerprint if answers else ""),
        "retrieval": project.retrieval_fingerprint,
        "answering": project.answering_fingerprint,
    }


def measure_setup(
    project: Project, version: int, setup: Setup, progress: Callable[[int, int], None]
) -> Measurement:
    """Asks every golden question of every system, and has it answered and the answers judged."""
    questions = [question.question for question in project.golden.questions]
    embedder = RememberingEmbedder(project.sentence_embedder, questions)
    retriever = measuring_retriever(
        project.catalog,
        project.store,
        embedder,
        project.bm25,
        setup.retrieval,
        questions,
        project.encoders_of,
    )
    with closing(retriever):
        may_read = catalog_oracle(project.catalog)
        systems = retriever_systems(retriever, version)
        systems[BASELINE] = baseline_system(project.catalog, version)
        measurement = measure(
            project.golden, systems, main=FUSED, may_read=may_read, limit=DEPTH, progress=progress
        )
        if not project.settings.evaluation.answers:
            return measurement

        def find(question: str, *, principal: str) -> Sequence[Hit]:
            return retriever.search(
                question, principal=principal, limit=setup.answering.passages, version=version
            )

        with remembering(project) as (judge, supports):
            found = measure_answers(
                project.golden,
                measurement,
                find=find,
                answer_all=project.answer_all(setup.answering, retriever.search_version),
                judge=judge,
                supports=supports,
                may_read=may_read,
            )
    # what judged is part of what measured
    evaluator = setup.fingerprints["evaluator"]
    return replace(found, fingerprints={**found.fingerprints, "evaluator": evaluator})


def latency_beside(
    project: Project, version: int, setup: Setup, incumbent: int, theirs: Setup
) -> Latency | None:
    """How long a search of ``version`` takes beside one of the promoted release; None without a question."""
    gate = project.settings.gate
    asked = [
        (question.question, question.principal)
        for question in project.golden.questions[: project.settings.evaluation.latency_questions]
    ]
    if not asked:
        return None
    questions = [question for question, _ in asked]
    embedder = RememberingEmbedder(project.sentence_embedder, questions)

    def searching(number: int, chosen: Setup) -> tuple[Retriever, Callable[[str, str], Any]]:
        retriever = measuring_retriever(
            project.catalog,
            project.store,
            embedder,
            project.bm25,
            chosen.retrieval,
            questions,
            project.encoders_of,
        )
        return retriever, lambda question, principal: retriever.search(
            question, principal=principal, limit=DEPTH, version=number
        )

    ours, ask_ours = searching(version, setup)
    other, ask_theirs = searching(incumbent, theirs)
    with closing(ours), closing(other):
        return compare_latency(
            ask_ours,
            ask_theirs,
            asked,
            resamples=gate.resamples,
            confidence=gate.confidence,
            seed=gate.seed,
        )
