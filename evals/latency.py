"""How long a search takes beside the same search of another release, measured in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from evals.gate.policy import Latency
from evals.statistics import CONFIDENCE, RESAMPLES, SEED, bootstrap_interval
from rag.errors import EvaluationError

ROUNDS = 5
Ask = Callable[[str, str], object]
"""``ask(question, principal)``: a search whose result does not matter here."""


def compare_latency(
    candidate: Ask,
    incumbent: Ask,
    asked: Sequence[tuple[str, str]],
    *,
    rounds: int = ROUNDS,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """The geometric mean, over the questions, of the candidate's time over the incumbent's, with its interval.

    Both are asked each question once to warm up, then ``rounds`` times in turn, the first one changing; the
    shortest time of each counts, as whatever else the machine does can only add to it. Raises ``EvaluationError``
    without a question; what a search raises goes through.
    """
    if not asked:
        raise EvaluationError("there is no question to compare the time of a search with")
    logs = []
    for number, (question, principal) in enumerate(asked):
        best = [math.inf, math.inf]
        for turn in range(rounds + 1):
            order = (0, 1) if (turn + number) % 2 else (1, 0)
            for which in order:
                started = clock()
                (candidate, incumbent)[which](question, principal)
                if turn:
                    best[which] = min(best[which], clock() - started)
        logs.append(math.log(max(best[0], _TICK) / max(best[1], _TICK)))
    found = bootstrap_interval(logs, resamples, confidence, seed)
    return Latency(math.exp(found.mean), math.exp(found.low), math.exp(found.high), found.n)


_TICK = 1e-7  # a clock may not have moved at all
