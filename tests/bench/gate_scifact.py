"""SciFact as a project of its own: 5,183 abstracts, 300 questions, and versions of it with vectors mixed up.

The vectors are kept in ``$LOCKGATE_BENCH_CACHE`` (``~/.cache/lockgate-bench`` unless told), so that a second run
embeds nothing.
"""

from __future__ import annotations

import csv
import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from flows.project import Project
from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Revision
from rag.composition import vectors_file
from rag.embedding import VectorCache, Vectors
from rag.ingestion import begin_version, build_version, record_listings, writer_lock

SCIFACT = Path(__file__).parents[3] / "shared" / "data" / "scifact"
GOLDEN = "golden.jsonl"
SETTINGS = """\
project: scifact
sources:
  - {{name: corpus, connector: jsonl, path: corpus.jsonl, access: {{default: public}}}}
golden: [{golden}]
evaluation: {{answers: {answers}}}
retrieval: {{rrf_k: {rrf_k}}}
gate:
  metrics:
    "nDCG@10": {{floor: 0.60, margin: 0.02}}
    "Recall@10": {{floor: 0.70, margin: 0.03}}
"""
"""With the bars of the sample company."""


def write_project(root: Path) -> Path:
    """The folder of a project with SciFact's corpus and test questions; its settings file."""
    (root / "corpus.jsonl").symlink_to(SCIFACT / "corpus.jsonl")
    questions = {one["_id"]: one["text"] for one in _lines("queries.jsonl")}
    expected: dict[str, dict[str, int]] = {}
    with (SCIFACT / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            expected.setdefault(row["query-id"], {})[f"corpus/{row['corpus-id']}"] = int(row["score"])
    golden = [
        {"id": id, "question": questions[id], "principal": "public", "kind": "answerable", "expected": grades}
        for id, grades in expected.items()
    ]
    text = "".join(f"{json.dumps(one)}\n" for one in golden)
    (root / GOLDEN).write_text(text, encoding="utf-8")
    state = root / ".lockgate"
    state.mkdir()
    kept = Path(os.environ.get("LOCKGATE_BENCH_CACHE") or Path.home() / ".cache" / "lockgate-bench")
    kept.mkdir(parents=True, exist_ok=True)
    (state / "vectors.sqlite").symlink_to(kept / "scifact-vectors.sqlite")
    return write_settings(root, "lockgate.yaml")


def write_settings(
    root: Path, name: str, *, answers: bool = False, rrf_k: int = 10, golden: str = GOLDEN
) -> Path:
    """Settings for the same state; their file."""
    file = root / name
    text = SETTINGS.format(answers=str(answers).lower(), rrf_k=rrf_k, golden=golden)
    file.write_text(text, encoding="utf-8")
    return file


class MixedUp(VectorCache):
    """A cache that gives some texts the vectors of others: ``{text hash: whose vector it gets}``."""

    def __init__(self, path: Path, *, fingerprint: str, moved: dict[str, str]) -> None:
        super().__init__(path, fingerprint=fingerprint)
        self._moved = moved

    def get(self, text_hashes: Sequence[str]) -> dict[str, Vectors]:
        found = super().get([self._moved.get(hash, hash) for hash in text_hashes])
        return {hash: found[self._moved.get(hash, hash)] for hash in text_hashes}


def mix_up(project: Project, version: int, share: float, seed: int) -> int:
    """Builds a version of the present corpus in which ``share`` of the texts have each other's vectors."""
    with project.catalog.connect() as connection:
        hashes = connection.scalars(
            select(col(ChunkRow.text_hash))
            .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
            .where(alive_at(version))
        ).all()
    distinct = sorted(set(hashes))
    chosen = random.Random(seed).sample(distinct, round(share * len(distinct)))
    # each gets the next one's, so that none keeps its own
    moved = dict(zip(chosen, [*chosen[1:], *chosen[:1]], strict=True))
    cache = MixedUp(vectors_file(project.settings), fingerprint=project.embedder.fingerprint, moved=moved)
    try:
        with writer_lock(project.settings.state, project.catalog):
            number = begin_version(project.catalog, project.generation)
            build_version(
                project.catalog,
                number,
                base=None,
                spec=project.generation,
                store=project.store,
                cache=cache,
                bm25=project.bm25,
            )
            record_listings(project.catalog, number)
    finally:
        cache.close()
    return number


def _lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (SCIFACT / name).read_text(encoding="utf-8").splitlines()]
