"""What ``golden check``, ``stats`` and ``suggest`` say; worked out from files and catalog, without Prefect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals import store
from evals.gate.bars import DEFAULT_METRIC
from evals.golden import KINDS, CatalogCorpus, findings
from evals.golden.coverage import POWER, coverage, detectable, slices
from evals.golden.suggestions import from_corpus, from_log
from evals.measurement import Measurement
from flows.project import Project, using
from rag.access import principal as as_principal
from rag.composition import access_log_folder
from rag.errors import ConfigurationError, UsageError
from rag.retrieval.access_log import entries
from rag.settings import Settings


def check_golden(settings: Settings) -> dict[str, Any]:
    """``questions`` by kind, and ``findings``, errors and warnings. Raises ``ConfigurationError`` for files that
    cannot be read as golden questions, and for a set in which no question is answerable."""
    with using(settings) as project:
        golden = project.golden
        if not golden.of_kind("answerable"):
            raise ConfigurationError(
                f"none of {len(golden.questions)} golden questions is answerable, so nothing can be measured",
                where="golden",
                next_step="Add some, or see what lockgate golden suggest proposes.",
            )
        found = findings(golden, CatalogCorpus(project.catalog))
    return {
        "questions": {kind: len(golden.of_kind(kind)) for kind in KINDS},
        "fingerprint": golden.fingerprint,
        "errors": sum(one.severity == "error" for one in found),
        "warnings": sum(one.severity == "warning" for one in found),
        "findings": [asdict(one) for one in found],
    }


def golden_stats(settings: Settings) -> dict[str, Any]:
    """Coverage by source, numbers by kind, persona and slice, and for each metric of the gate the smallest fall
    that would be noticed in all questions and in each slice, from the latest measurements there are."""
    with using(settings) as project:
        golden, corpus = project.golden, CatalogCorpus(project.catalog)
        now, before = _latest(project)
        metrics = list(project.policy.metrics or (DEFAULT_METRIC,))
        confidence = project.policy.confidence
    principals = sorted({question.principal for question in golden.questions})
    return {
        "questions": {kind: len(golden.of_kind(kind)) for kind in KINDS},
        "principals": {
            one: sum(question.principal == one for question in golden.questions) for one in principals
        },
        "sources": {
            source: asdict(found)
            for source, found in coverage(golden, corpus.source_of, corpus.active()).items()
        },
        "slices": {name: len(questions) for name, questions in slices(golden).items()},
        "power": POWER,
        "confidence": confidence,
        "detectable": {
            metric: {
                name: asdict(
                    detectable(
                        _of(now, metric, [question.id for question in questions]),
                        _of(before, metric, [question.id for question in questions]) if before else None,
                        confidence=confidence,
                    )
                )
                for name, questions in slices(golden).items()
            }
            for metric in metrics
            if now is not None and metric in now.metrics
        },
    }


def suggest_golden(
    settings: Settings, file: Path, *, principal: str, most: int, seed: int = 0
) -> dict[str, Any]:
    """Writes at most ``most`` candidates from the access log and as many from the corpus, asked as ``principal``,
    to ``file``, which must not be there. Raises ``PrincipalError``, and ``UsageError`` if it is."""
    as_principal(principal)
    if file.exists():
        raise UsageError(
            f"{file} is there already, and somebody may be at work on it",
            next_step="Name another file with --out, or move that one away.",
        )
    with using(settings) as project:
        golden, corpus = project.golden, CatalogCorpus(project.catalog)
        readable = {
            document: corpus.source_of[document]
            for document in corpus.active()
            if corpus.may_read(principal, document)
        }
        unasked = from_corpus(
            golden, principal, readable, corpus.passages_with_headings, most=most, seed=seed
        )
        logged = (entry for entry in entries(access_log_folder(settings)) if entry is not None)
        asked = from_log(golden, logged, most=most)
    lines = [one.line(f"suggested-{number:03d}") for number, one in enumerate((*asked, *unasked), start=1)]
    file.touch(mode=0o600)  # it holds text of documents that not everybody may read
    file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
    return {
        "file": str(file),
        "from_log": len(asked),
        "from_corpus": len(unasked),
        "log_has_questions": settings.access.log.enabled and settings.access.log.questions == "text",
    }


def _latest(project: Project) -> tuple[Measurement | None, Measurement | None]:
    """The latest measurement with the present golden set, and the latest of another version beside it."""
    with project.catalog.read() as session:
        found = store.latest_two(session, golden=project.golden.fingerprint)
        loaded = [store.load(session, one) for one in found]
    return (*loaded, None, None)[0], (*loaded, None, None)[1]


def _of(measurement: Measurement | None, metric: str, ids: list[str]) -> Mapping[str, float]:
    if measurement is None or metric not in measurement.metrics:
        return {}
    values = measurement.values(measurement.main, metric)
    return {one: values[one] for one in ids if one in values}
