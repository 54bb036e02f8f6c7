"""What measured: values from different evaluators are not compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version

from evals.metrics import METRICS

EVALUATOR_VERSION = 3
"""Raised by hand whenever a change to this package changes a value that it measures, or what it notes of a
question: 2 notes its tags, without which no slice can be compared; 3 measures passages and answers too."""
_PACKAGES = ("ir-measures", "pytrec-eval-terrier", "rank-bm25")
_OF_ANSWERS = ("ragas",)


def evaluator_fingerprint(limit: int, judge: str = "") -> str:
    """SHA-256, in hex, of the metric definitions, the packages that compute them, this package's version,
    ``limit``, the number of documents asked for (MRR looks at all of them), and ``judge``, the fingerprint of the
    judge of answers, or empty where only rankings are measured."""
    parts = {
        "version": EVALUATOR_VERSION,
        "limit": limit,
        "metrics": [asdict(one) for one in METRICS.values()],
        "judge": judge,
        "packages": {name: version(name) for name in (*_PACKAGES, *(_OF_ANSWERS if judge else ()))},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
