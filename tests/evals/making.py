"""Short ways to make golden questions and measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.golden import GoldenSet, Kind, Question
from evals.measurement import Asked, Failure, Leak, Measurement, Score

ADA = "user:ada@acme.example"


def question(
    identity: str,
    expected: Mapping[str, int] | None = None,
    *,
    kind: Kind = "answerable",
    text: str = "",
    asker: str = ADA,
) -> Question:
    """An answerable question expects ``s/<identity>`` unless told otherwise."""
    if expected is None:
        expected = {} if kind == "unanswerable" else {f"s/{identity}": 1}
    return Question(identity, text or f"about {identity}", asker, kind, expected, None, (), "q.jsonl:1")


def golden(*questions: Question) -> GoldenSet:
    return GoldenSet(questions)


def measured(
    main: Sequence[float],
    *,
    bm25: Sequence[float] | None = None,
    metric: str = "nDCG@10",
    names: Sequence[str] | None = None,
    contents: str = "c",
    leaks: Sequence[Leak] = (),
    failures: Sequence[Failure] = (),
    evaluator: str = "e1",
) -> Measurement:
    """Answerable questions ``q0``, ``q1``, … with these values of one metric; BM25 scores 0 unless told."""
    ids = list(names) if names is not None else [f"q{number}" for number in range(len(main))]
    base = list(bm25) if bm25 is not None else [0.0] * len(main)
    rows = [("fused", main), ("bm25", base)]
    scores = [Score(i, system, metric, v, False) for system, vs in rows for i, v in zip(ids, vs, strict=True)]
    return Measurement(
        main="fused",
        systems=("fused", "bm25"),
        asked=tuple(Asked(one, "answerable", f"{contents}-{one}") for one in ids),
        scores=tuple(scores),
        leaks=tuple(leaks),
        failures=tuple(failures),
        fingerprints={"golden": "g", "evaluator": evaluator},
    )
