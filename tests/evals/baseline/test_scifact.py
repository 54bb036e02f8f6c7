import csv
import json
from pathlib import Path

import pytest

from evals.baseline import Bm25Baseline, Passage
from evals.metrics import score_rankings

SCIFACT = Path(__file__).parents[4] / "shared" / "data" / "scifact"


@pytest.mark.skipif(not SCIFACT.is_dir(), reason="BEIR SciFact is not on this machine")
def test_on_scifact_the_baseline_reaches_what_is_published_for_bm25() -> None:
    def lines(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (SCIFACT / name).read_text(encoding="utf-8").splitlines()]

    corpus = [Passage(one["_id"], f"{one['title']} {one['text']}", 1) for one in lines("corpus.jsonl")]
    queries = {one["_id"]: one["text"] for one in lines("queries.jsonl")}
    qrels: dict[str, dict[str, int]] = {}
    with (SCIFACT / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    baseline = Bm25Baseline(corpus)
    found = score_rankings(qrels, {one: baseline.rank(queries[one], frozenset({1})) for one in qrels})[
        "nDCG@10"
    ]
    assert len(found) == 300
    # BEIR (Thakur et al., 2021) reports 0.665 for Anserini's BM25, which stems and has other parameters
    assert sum(found.values()) / len(found) == pytest.approx(0.665, abs=0.015)
