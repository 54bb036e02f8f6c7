"""What should not be there: everything in index, catalog and vector cache that no version needs."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.revisions import next_version, readable
from rag.catalog.tables import ChunkRow, Revision, Version
from rag.embedding import VectorCache
from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore
from tests.support.memory_store import MemoryStore


def orphans(catalog: Catalog, store: IndexStore, cache: VectorCache) -> list[str]:
    """A sentence for each; none where all is well. Written apart from what removes them."""
    with catalog.read() as session:
        versions = set(session.scalars(select(col(Version.number)).where(readable())))
        coming = next_version(session)
        revisions = session.scalars(select(Revision)).all()
        chunks = session.execute(select(col(ChunkRow.revision_id), col(ChunkRow.text_hash))).all()
    found = [f"index of version {number}" for number in store.sealed() if number not in versions]
    found += [f"left in the index: {name}" for name in _left(store)]
    known = {revision.id for revision in revisions}
    found += [f"chunk without revision {id}" for id, _ in chunks if id not in known]
    for revision in revisions:
        until = coming + 1 if revision.until is None else revision.until
        # One that ends in the version to come says that there is something to build.
        if until != coming and not any(revision.since <= number < until for number in {*versions, coming}):
            found.append(f"revision {revision.id} of [{revision.since}, {revision.until})")
    texts = {text_hash for _, text_hash in chunks}
    found += [f"vector of {hash}" for hashes in cache.stored() for hash in hashes if hash not in texts]
    return found


def _left(store: IndexStore) -> list[str]:
    if isinstance(store, EdgeStore):
        sealed = {f"{version:08d}" for version in store.sealed()}
        names = [path.name for path in store.root.iterdir()] if store.root.exists() else []
        bases = [name.partition(".")[0] for name in names]
        return [
            name
            for name, base in zip(names, bases, strict=True)
            if base not in sealed or bases.count(base) > 1
        ]
    if isinstance(store, MemoryStore):
        return [f"unfinished version {version}" for version in sorted(store.unfinished)]
    if isinstance(store, QdrantServerStore):
        return store.tidy()  # it looks through every collection, and says what it had to remove
    raise TypeError(type(store))
