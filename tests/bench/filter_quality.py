"""What a filter costs in quality: recall against exact search among what the reader may see."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from rag.embedding import Vectors
from rag.index import IndexQuery, IndexReader, Visibility
from tests.bench.corpus import MadeUpSource, build, vector_of

_RULES = 100
_CHUNKS_A_DOCUMENT = 5
_LIMIT = 10
_QUERIES = 200


def main(chunks: int = 20_000) -> None:
    """Prints recall@10 for readers of 1, 10, 50 and 100 %: filtered within the search, and after it."""
    documents = chunks // _CHUNKS_A_DOCUMENT
    print(f"recall@{_LIMIT} of dense search over {chunks} chunks against exact search, {_QUERIES} queries")
    with tempfile.TemporaryDirectory() as root:
        project = build(Path(root), documents=documents, chunks=_CHUNKS_A_DOCUMENT, rules=_RULES)
        try:
            reader = project.store.open(1)
            vectors = _vectors(project.source, documents)
            queries = [vector_of(f"query {number}") for number in range(_QUERIES)]
            for share in (1, 10, 50, 100):
                _report(reader, vectors, queries, share)
            reader.close()
        finally:
            project.close()


def _vectors(source: MadeUpSource, documents: int) -> Vectors:
    """Of every chunk. The one in row n has the id n + 1, as documents were taken in as they are listed."""
    texts = [source.fetch(f"{number:06d}.txt").data.decode() for number in range(documents)]
    return np.stack([vector_of(chunk) for text in texts for chunk in text.split("\n\n")])


def _report(reader: IndexReader, vectors: Vectors, queries: list[Vectors], share: int) -> None:
    rules = _RULES * share // 100
    visible = np.flatnonzero(np.arange(len(vectors)) // _CHUNKS_A_DOCUMENT % _RULES < rules) + 1
    seen = Visibility(frozenset(range(1, rules + 1)))
    everything = Visibility(frozenset(range(1, _RULES + 1)))
    within, after, long_after = [], [], []
    for query in queries:
        best = visible[np.argsort(-(vectors[visible - 1] @ query), kind="stable")[:_LIMIT]]
        exact = {int(id) for id in best}
        found = [hit.id for hit in reader.query(IndexQuery(seen, _LIMIT, dense=query))]
        assert set(found) <= {int(id) for id in visible}
        whole = [hit.id for hit in reader.query(IndexQuery(everything, 10 * _LIMIT, dense=query))]
        within.append(len(exact.intersection(found)) / _LIMIT)
        after.append(len(exact.intersection(whole[:_LIMIT])) / _LIMIT)
        long_after.append(len(exact.intersection(whole)) / _LIMIT)
    print(
        f"  {share:>3} % visible  within the search {np.mean(within):.4f}"
        f"   after it {np.mean(after):.4f}   after one of {10 * _LIMIT} {np.mean(long_after):.4f}"
    )


if __name__ == "__main__":
    import sys

    main(*map(int, sys.argv[1:2]))
