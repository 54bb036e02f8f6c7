"""Filtered hybrid search against the bare engine: what access costs, in the filter, in IDF, and at the re-check."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import qdrant_edge as edge

from rag.access import Subject
from rag.catalog import replace_memberships
from rag.index import IndexQuery, Visibility
from rag.index.edge_query import DENSE, SPARSE, visibility_filter
from rag.retrieval import Retriever
from rag.retrieval.scopes import Scope, Scopes
from tests.bench.corpus import MadeUpProject, MadeUpSource, build, vector_of

_QUERIES, _WARM_UP = 400, 20
_COMPARED = 100
_CHUNKS_A_DOCUMENT = 5
_RULES = 100
_MOST_GROUPS = 5000
_Query = Callable[..., IndexQuery]


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


class _Bench:
    """A project of made-up chunks, and readers of some of its groups."""

    def __init__(self, root: Path, chunks: int, rules: int, readers: dict[str, int]) -> None:
        """``readers`` are names, and in how many of the groups each is."""
        documents = chunks // _CHUNKS_A_DOCUMENT
        self.project: MadeUpProject = build(root, documents=documents, chunks=_CHUNKS_A_DOCUMENT, rules=rules)
        with self.project.catalog.write() as session:
            for name, groups in readers.items():
                members = {f"group:g{number}": frozenset({f"user:{name}"}) for number in range(groups)}
                replace_memberships(session, name, members)
        self._bare = edge.EdgeShard.load(str(root / "index" / "00000001"))
        self._retriever = Retriever(self.project.catalog, self.project.store, NoEmbedder(), self.project.bm25)
        source = MadeUpSource(1, 1, 1)
        words = [source.fetch(str(1_000_000 + number)).data.decode() for number in range(_QUERIES + _WARM_UP)]
        self._queries: list[_Query] = [
            partial(
                IndexQuery,
                dense=vector_of(each),
                sparse=self.project.bm25.query(" ".join(each.split()[:8])),
            )
            for each in words
        ]

    def compare(self, reader: str, said: str) -> None:
        """Prints p50 and p95 in milliseconds, and their ratios to the bare engine's."""
        subject = Subject(f"user:{reader}")
        scopes = Scopes(self.project.catalog)
        with closing(self.project.store.open(1)) as index:

            def scoped() -> Scope:
                return scopes.of(1, self.project.bm25.fingerprint, epoch=0, subject=subject)

            def search(query: _Query) -> object:
                scope = scoped()
                return index.query(scope.query(query(visibility=scope.visibility, limit=10)))

            visible = scoped().visibility
            calls: dict[str, Callable[[_Query], object]] = {
                "engine": lambda query: self._bare.query(_bare(query, visible, corpus=False)),
                "search": search,
                "search, judged, with text": lambda query: self._retriever.search_prepared(
                    query, principal=subject.principal, limit=10
                ),
                "engine, IDF over the filter": lambda query: self._bare.query(
                    _bare(query, visible, corpus=True)
                ),
            }
            taken: dict[str, list[float]] = {name: [] for name in calls}
            # In turns, so that all meet the same machine. The last one reads so much that it empties the
            # processor's caches for whoever comes next: it comes alone.
            *beside, alone = calls
            for names in (beside, [alone]):
                for number, query in enumerate(self._queries):
                    for name in names:
                        started = time.perf_counter()
                        calls[name](query)
                        if number >= _WARM_UP:
                            taken[name].append(time.perf_counter() - started)
        base = np.percentile(taken["engine"], [50, 95])
        for name, times in taken.items():
            p50, p95 = np.percentile(times, [50, 95])
            ratio = f"{p50 / base[0]:5.2f} x {p95 / base[1]:5.2f} x"
            print(f"  {said:<22} {name:<28} p50 {p50 * 1000:6.2f} ms  p95 {p95 * 1000:6.2f} ms  {ratio}")
        print(f"  {said:<22} rankings as by IdfParams: {self._equal(reader, visible)} of {_COMPARED}")

    def _equal(self, reader: str, visible: Visibility) -> int:
        """How many rankings are those of the engine that counts over what is visible; equal scores may swap."""
        same = 0
        with closing(self.project.store.open(1)) as index:
            for query in self._queries[:_COMPARED]:
                expected = index.query(query(visibility=visible, limit=10))
                found = self._retriever.search_prepared(query, principal=f"user:{reader}", limit=10).hits
                same += [round(each.score, 5) for each in expected] == [round(hit.score, 5) for hit in found]
        return same

    def regroup(self, documents: int) -> None:
        """Puts so many documents under another rule, and prints how long that took."""
        self.project.source.regrouped = documents
        started = time.perf_counter()
        changed = self.project.sync()
        print(f"  {changed} documents put under other rules in {time.perf_counter() - started:.2f} s")

    def close(self) -> None:
        self._retriever.close()
        self._bare.close()
        self.project.close()


def main(chunks: int = 20_000) -> None:
    """Prints times and ratios for readers of 1, 50 and 100 %, for one in thousands of groups, and after a change
    of half of the rules."""
    print(f"hybrid search over {chunks} chunks, {_QUERIES} queries, embedding of the query excluded")
    with tempfile.TemporaryDirectory() as root:
        bench = _Bench(
            Path(root), chunks, _RULES, {f"r{share}": _RULES * share // 100 for share in (1, 50, 100)}
        )
        for share in (1, 50, 100):
            bench.compare(f"r{share}", f"{share} % visible")
        bench.regroup(chunks // _CHUNKS_A_DOCUMENT // 2)
        bench.compare("r50", "50 % visible, moved")
        bench.close()
    with tempfile.TemporaryDirectory() as root:
        groups = min(_MOST_GROUPS, chunks // _CHUNKS_A_DOCUMENT // 2)
        bench = _Bench(Path(root), chunks, 2 * groups, {"many": groups})
        bench.compare("many", f"in {groups} groups")
        bench.close()


def _bare(asked: _Query, visibility: Visibility, *, corpus: bool) -> edge.QueryRequest:
    """What somebody would write who uses the engine alone: filter in both legs, engine's fusion."""
    query = asked(visibility=visibility, limit=10)
    assert query.dense is not None
    assert query.sparse is not None
    visible = visibility_filter(query.visibility, {})
    terms = edge.SparseVector(indices=list(query.sparse.indices), values=list(query.sparse.values))
    counted = edge.SearchParams(idf=edge.IdfParams(corpus=visible)) if corpus else None
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
            params=counted,
        ),
    ]
    fusion = edge.Fusion.Rrf(query.rrf_k)
    return edge.QueryRequest(limit=query.limit, query=fusion, prefetches=legs, with_payload=False)  # type: ignore[arg-type]  # the stub forgets Fusion
