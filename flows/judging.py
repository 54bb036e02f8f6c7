"""The judge of a project, and whether it may decide; wired from settings, without Prefect."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from evals.answers import Supports
from evals.judges import store
from evals.judges.cache import CachedJudge, JudgementCache
from evals.judges.calibration import Calibration, calibrate, from_scores, why_no_vote
from evals.judges.drift import drift
from evals.judges.labels import LabelledSet, load_labels
from evals.judges.llm import LlmJudge
from evals.judges.port import Case, Judge, Judgement
from evals.judges.support import SupportJudge, packaged_calibration
from flows.project import Project
from rag.composition import configured_pin
from rag.embedding.sentence_transformer import DEFAULT
from rag.errors import ConfigurationError

SUPPORT = "support"


def support_judge(project: Project) -> SupportJudge:
    """The offline judge, which also says whether citations hold whoever judges the rest."""
    return SupportJudge(project.sentence_embedder)


def judge_of(project: Project) -> Judge:
    """The configured judge, asked anew each time."""
    chosen = project.settings.evaluation.judge
    if chosen.model is None:
        return support_judge(project)
    pin = configured_pin(chosen.model)
    return LlmJudge(pin, chosen.model.parallel, json_schema=chosen.model.json_schema)


@contextmanager
def remembering(project: Project) -> Iterator[tuple[Judge, Supports]]:
    """The configured judge, and how far passages bear a statement out by the offline one; both remember."""
    cache = JudgementCache(project.settings.state / "judgements.sqlite")
    offline = CachedJudge(support_judge(project), cache)

    def supports(statements: Sequence[tuple[str, Sequence[str]]]) -> list[float]:
        verdicts = offline.judge([Case("", text, tuple(passages)) for text, passages in statements])
        return [one.scores["Faithfulness"] if isinstance(one, Judgement) else 0.0 for one in verdicts]

    with closing(cache):
        yield CachedJudge(judge_of(project), cache), supports


def calibration_of(project: Project, judge: Judge) -> Calibration | None:
    """The project's latest calibration of the judge, or else the one that ``support`` is shipped with."""
    own = own_calibration(project, judge)
    if own is not None and own.judge_fingerprint == judge.fingerprint:
        return own
    if judge.name == SUPPORT and project.embedder.name == DEFAULT:
        shipped = packaged_calibration()
        gate = project.settings.gate
        return from_scores(
            judge,
            hashlib.sha256(shipped.data.encode()).hexdigest(),
            [score for score, _ in shipped.pairs],
            [label for _, label in shipped.pairs],
            resamples=gate.resamples,
            confidence=gate.confidence,
            seed=gate.seed,
        )
    return own


def own_calibration(project: Project, judge: Judge) -> Calibration | None:
    """The project's latest calibration of the judge; of what it was before, where it changed since."""
    with project.catalog.read() as session:
        return store.latest(session, judge.name, judge.fingerprint)


def check_vote(project: Project) -> None:
    """Raises ``ConfigurationError`` where a metric of the gate is a judge's that may not decide."""
    judged = project.policy.judged
    if not judged:
        return
    floor = project.settings.evaluation.judge.floor
    # whether citations hold is said by the offline judge, the rest by the one that is configured
    for judge, metrics in (
        (judge_of(project), [name for name in judged if name != "Citations"]),
        (support_judge(project), [name for name in judged if name == "Citations"]),
    ):
        if not metrics:
            continue
        why = why_no_vote(calibration_of(project, judge), judge.fingerprint, floor)
        if why is not None:
            raise ConfigurationError(
                f"{', '.join(metrics)} cannot decide in the gate: {why}",
                where="gate.metrics",
                state="Nothing was measured",
                next_step="Run lockgate judge calibrate --labels FILE, or take it out of gate.metrics.",
            )


def labels_of(project: Project, file: Path | None) -> LabelledSet:
    """The labels in ``file``, or those that the settings name. Raises ``ConfigurationError``."""
    path = file or project.settings.evaluation.judge.labels
    if path is None:
        raise ConfigurationError(
            "there are no labels to calibrate a judge with",
            where="evaluation.judge.labels",
            next_step="Name a file there, or with --labels.",
        )
    return load_labels(path)


def calibrate_judge(project: Project, file: Path | None = None) -> dict[str, Any]:
    """Measures the configured judge against people's labels, keeps that, and says what it is worth."""
    labelled = labels_of(project, file)
    judge = judge_of(project)
    gate = project.settings.gate
    found = calibrate(judge, labelled, resamples=gate.resamples, confidence=gate.confidence, seed=gate.seed)
    with project.catalog.write() as session:
        store.save(session, found)
    floor = project.settings.evaluation.judge.floor
    return calibration_summary(found, why_no_vote(found, judge.fingerprint, floor), floor)


def judge_status(project: Project) -> dict[str, Any]:
    """The configured judge, its calibration, and whether it may decide."""
    judge = judge_of(project)
    found = calibration_of(project, judge)
    floor = project.settings.evaluation.judge.floor
    why = why_no_vote(found, judge.fingerprint, floor)
    if found is None:
        return {
            "judge": judge.name,
            "fingerprint": judge.fingerprint,
            "votes": False,
            "why": why,
            "floor": floor,
        }
    return calibration_summary(found, why, floor)


def calibration_summary(found: Calibration, why: str | None, floor: float) -> dict[str, Any]:
    """A calibration as a command says it."""
    return {
        "judge": found.judge,
        "fingerprint": found.judge_fingerprint,
        "labels": found.n,
        "grounded": found.n_grounded,
        "failures": found.failures,
        "auroc": {"mean": found.auroc.mean, "low": found.auroc.low, "high": found.auroc.high, "n": found.n},
        "balanced_accuracy": found.balanced_accuracy,
        "kappa": found.kappa,
        "calibration_error": found.calibration_error,
        "brier": found.brier,
        "curve": [
            {"score": one.mean_score, "grounded": one.share_grounded, "n": one.n} for one in found.curve
        ],
        "votes": why is None,
        "why": why,
        "floor": floor,
        "usage": {
            "calls": found.usage.calls,
            "prompt_tokens": found.usage.prompt_tokens,
            "completion_tokens": found.usage.completion_tokens,
            "cost": found.usage.cost,
        },
    }


def judge_drift(project: Project) -> dict[str, Any]:
    """Has the judge score its labels again, and compares with its calibration, answer by answer.

    Raises ``ConfigurationError`` where it was not calibrated with the labels that the settings name.
    """
    labelled = labels_of(project, None)
    judge = judge_of(project)
    with project.catalog.read() as session:
        before = store.latest(session, judge.name, judge.fingerprint)
    if before is None or before.labels_fingerprint != labelled.fingerprint:
        raise ConfigurationError(
            f"the judge {judge.name} was not calibrated with these labels, so that nothing can be compared",
            where="evaluation.judge.labels",
            next_step="Run lockgate judge calibrate.",
        )
    gate = project.settings.gate
    now = calibrate(judge, labelled, resamples=gate.resamples, confidence=gate.confidence, seed=gate.seed)
    chosen = project.settings.evaluation.judge
    found = drift(
        before,
        now,
        tolerance=chosen.drift.tolerance,
        floor=chosen.floor,
        resamples=gate.resamples,
        seed=gate.seed,
    )
    return {
        "judge": judge.name,
        "fingerprint": judge.fingerprint,
        "labels": now.n,
        "difference": {
            "mean": found.difference.mean,
            "low": found.difference.low,
            "high": found.difference.high,
        },
        "moved": found.moved,
        "failures": now.failures,
        "auroc": {"before": before.auroc.mean, "now": now.auroc.mean},
        "drifted": bool(found.reasons),
        "reasons": list(found.reasons),
    }
