"""From the catalog to a sealed version: embed what is new, copy the last version, apply the change, seal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select, update
from sqlmodel import col

from rag.catalog import Catalog, utcnow
from rag.catalog.revisions import has_changes, latest_sealed, next_version, readable
from rag.catalog.tables import Erasure, Generation, Source, Version, VersionState
from rag.embedding import Embedder, VectorCache, embed_missing
from rag.errors import IndexCorruptError, IndexMissingError
from rag.index import Bm25Encoder, IndexPoint, IndexStore
from rag.ingestion.corpus import (
    StoredChunk,
    chunks_added,
    chunks_removed,
    corpus_facts,
    text_lengths,
    texts_of,
)
from rag.ingestion.generations import GenerationSpec, generation_id
from rag.ingestion.terms import count_terms

Progress = Callable[[int, int], None]
_POINTS = 1000


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """Numbers of chunks: in the version, embedded for it, and taken over without embedding."""

    total: int
    embedded: int
    reused: int


def needs_version(catalog: Catalog, spec: GenerationSpec) -> bool:
    """Whether there is anything to seal: content that changed, or another embedder or chunker."""
    with catalog.read() as session:
        latest = latest_sealed(session)
        if has_changes(session, next_version(session)):
            return True
        if latest is None:
            return False
        sealed = session.get_one(Version, latest)
        return session.get_one(Generation, sealed.generation_id).digest != spec.digest


def begin_version(catalog: Catalog, spec: GenerationSpec) -> int:
    """Marks the next version as being built; the number is the same until it is sealed."""
    with catalog.write() as session:
        number = next_version(session)
        generation = generation_id(session, spec)
        version = session.get(Version, number)
        if version is None:
            session.add(Version(number=number, generation_id=generation, state=VersionState.BUILDING))
        else:
            version.generation_id = generation
    return number


def choose_base(
    catalog: Catalog, version: int, spec: GenerationSpec, store: IndexStore, *, from_scratch: bool = False
) -> int | None:
    """The sealed version that ``version`` is made from: the last of its generation that is sound, or None.

    A version of that number that an earlier run sealed and never recorded is dropped first.
    """
    store.drop(version)
    if from_scratch:
        return None
    usable = set(store.sealed())
    with catalog.read() as session:
        candidates = session.scalars(
            select(col(Version.number))
            .join(Generation, col(Version.generation_id) == col(Generation.id))
            .where(col(Generation.digest) == spec.digest, col(Version.number) < version, readable())
            .order_by(col(Version.number).desc())
        ).all()
    for number in candidates:
        if number in usable:
            try:
                store.verify(number)
            except (IndexCorruptError, IndexMissingError):
                continue  # a damaged version is not copied; an older one, or none, costs time only
            return number
    return None


def embed_version(
    catalog: Catalog,
    version: int,
    *,
    base: int | None,
    embedder: Embedder,
    cache: VectorCache,
    progress: Progress,
) -> int:
    """Embeds every text that ``version`` needs beyond ``base`` and the cache lacks; returns how many."""

    def texts(hashes: Sequence[str]) -> dict[str, str]:
        with catalog.connect() as connection:
            return texts_of(connection, hashes)

    with catalog.connect() as connection:
        lengths = text_lengths(connection, version, above=base or 0)
    return embed_missing(lengths, texts, embedder=embedder, cache=cache, progress=progress)


def build_version(
    catalog: Catalog,
    version: int,
    *,
    base: int | None,
    spec: GenerationSpec,
    store: IndexStore,
    cache: VectorCache,
    bm25: Bm25Encoder,
) -> None:
    """Builds and seals the index of ``version``, then says so in the catalog: it is a candidate.

    It costs the change since ``base``, or the whole where there is none.
    """
    builder = store.build(version, dimension=spec.dimension, base=base)
    try:
        with catalog.connect() as connection:
            facts = corpus_facts(connection, version)
            if base is not None:
                builder.delete(chunks_removed(connection, version, above=base))
                # Purged, and not yet erased from the version that this one is made from.
                purged = connection.scalars(select(col(Erasure.document_id))).all()
                if purged:
                    builder.erase(purged)
            builder.upsert(_points(chunks_added(connection, version, above=base or 0), cache, bm25))
        count_terms(catalog, version, bm25)
        builder.seal(expected_points=facts.chunks)
    finally:
        builder.abandon()
    with catalog.write() as session:
        session.execute(
            update(Version)
            .where(col(Version.state) == VersionState.CANDIDATE)
            .values(state=VersionState.RETIRED)
        )
        row = session.get_one(Version, version)
        row.state, row.sealed_at = VersionState.CANDIDATE, utcnow()
        row.documents, row.chunks, row.corpus = facts.documents, facts.chunks, facts.digest


def record_listings(catalog: Catalog, version: int) -> None:
    """Notes at ``version`` when each source's listing was taken that it is complete against."""
    with catalog.write() as session:
        row = session.get_one(Version, version)
        row.listings = {
            source.name: source.listed_at.isoformat()
            for source in session.scalars(select(Source))
            if source.listed_at is not None
        }


def _points(chunks: Iterator[StoredChunk], cache: VectorCache, bm25: Bm25Encoder) -> Iterator[IndexPoint]:
    while batch := list(islice(chunks, _POINTS)):
        vectors = cache.get([chunk.text_hash for chunk in batch])
        for chunk in batch:
            yield IndexPoint(
                id=chunk.id,
                dense=vectors[chunk.text_hash],
                sparse=bm25.document(chunk.text),
                rule=chunk.rule,
                document=chunk.document,
                keys=chunk.keys,
            )
