"""Filtered hybrid search against the bare engine: what the access re-check and the passages cost."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import qdrant_edge as edge

from rag.catalog import replace_memberships
from rag.index import IndexQuery, Visibility
from rag.index.edge_query import DENSE, SPARSE
from rag.retrieval import Retriever
from tests.bench.corpus import MadeUpProject, MadeUpSource, build, vector_of

_QUERIES = 400
_RULES = 100


class NoEmbedder:
    """Queries come with their vectors: embedding them is not what is measured."""

    fingerprint = "made up"
    dimension = 384
    window_tokens = 256

    def offsets(self, text: str) -> list[tuple[int, int]]:
        raise AssertionError("nothing is tokenised here")

    def embed_documents(self, texts: object) -> np.ndarray:
        raise AssertionError("nothing is embedded here")

    def embed_queries(self, texts: object) -> np.ndarray:
        raise AssertionError("nothing is embedded here")


def main(chunks: int = 20_000) -> None:
    """Prints p50 and p95 of both, in milliseconds, and their ratios, for readers of 1, 50 and 100 %."""
    with tempfile.TemporaryDirectory() as root:
        project = build(Path(root), documents=chunks // 5, chunks=5, rules=_RULES)
        for share in (1, 50, 100):
            with project.catalog.write() as session:
                members = {f"group:g{n}": frozenset({f"user:r{share}"}) for n in range(_RULES * share // 100)}
                replace_memberships(session, f"r{share}", members)
        bare = edge.EdgeShard.load(str(Path(root) / "index" / "00000001"))
        retriever = Retriever(project.catalog, project.store, NoEmbedder(), project.bm25)
        print(f"hybrid search over {chunks} chunks, {_QUERIES} queries, embedding of the query excluded")
        for share in (1, 50, 100):
            _compare(project, retriever, bare, share)
        retriever.close()
        bare.close()
        project.close()


def _compare(project: MadeUpProject, retriever: Retriever, bare: edge.EdgeShard, share: int) -> None:
    source = MadeUpSource(1, 1, 1)
    visible = frozenset(range(1, _RULES * share // 100 + 1))
    ours, theirs = [], []
    for number in range(_QUERIES + 20):
        words = source.fetch(str(1_000_000 + number)).data.decode()
        query = partial(
            IndexQuery, dense=vector_of(words), sparse=project.bm25.query(" ".join(words.split()[:8]))
        )
        started = time.perf_counter()
        found = bare.query(_bare_request(query(visibility=Visibility(visible), limit=10)))
        between = time.perf_counter()
        hits = retriever.search_prepared(query, principal=f"user:r{share}", limit=10).hits
        ended = time.perf_counter()
        assert len(hits) == len(found)
        if number >= 20:  # the first ones warm both up
            theirs.append(between - started)
            ours.append(ended - between)
    for name, times in (("bare engine", theirs), ("retriever", ours)):
        p50, p95 = np.percentile(times, [50, 95]) * 1000
        print(f"  {share:>3} % visible  {name:<12} p50 {p50:6.2f} ms   p95 {p95:6.2f} ms")
    ratio50 = np.percentile(ours, 50) / np.percentile(theirs, 50)
    ratio95 = np.percentile(ours, 95) / np.percentile(theirs, 95)
    print(f"  {share:>3} % visible  ratio        p50 {ratio50:6.2f}      p95 {ratio95:6.2f}")


def _bare_request(query: IndexQuery) -> edge.QueryRequest:
    """What somebody would write who uses the engine alone: filter in both legs, IDF over it, engine's fusion."""
    assert query.dense is not None
    assert query.sparse is not None
    visible = edge.Filter(
        must=[edge.FieldCondition(key="rule", match=edge.MatchAny(sorted(query.visibility.rules)))]
    )
    terms = edge.SparseVector(indices=list(query.sparse.indices), values=list(query.sparse.values))
    legs = [
        edge.Prefetch(
            limit=query.candidates,
            query=edge.Query.Nearest(query.dense.tolist(), using=DENSE),
            filter=visible,
        ),
        edge.Prefetch(
            limit=query.candidates,
            query=edge.Query.Nearest(terms, using=SPARSE),
            filter=visible,
            params=edge.SearchParams(idf=edge.IdfParams(corpus=visible)),
        ),
    ]
    fusion = edge.Fusion.Rrf(query.rrf_k)
    return edge.QueryRequest(limit=query.limit, query=fusion, prefetches=legs, with_payload=False)  # type: ignore[arg-type]  # the stub forgets Fusion
