"""The composition root of ``rag``: the one place where settings become objects."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from rag.catalog import Catalog
from rag.embedding import SentenceTransformerEmbedder
from rag.errors import ConfigurationError
from rag.index import Bm25Encoder, EdgeStore, IndexStore
from rag.retrieval import RetrievalSettings, Retriever
from rag.settings import EdgeIndex, Settings, digest, load_settings


def open_retriever(config: str | PathLike[str]) -> Retriever:
    """See ``Retriever.open``."""
    settings = load_settings(Path(config))
    catalog = open_catalog(settings, migrate=False)
    return retriever(settings, catalog, on_close_catalog=True)


def retriever(settings: Settings, catalog: Catalog, *, on_close_catalog: bool = False) -> Retriever:
    """A retriever over a catalog that is open already; it closes that one only if told to."""
    return Retriever(
        catalog,
        index_store(settings),
        embedder(settings),
        bm25(settings),
        RetrievalSettings(candidates=settings.retrieval.candidates, rrf_k=settings.retrieval.rrf_k),
        on_close=catalog.close if on_close_catalog else lambda: None,
    )


def open_catalog(settings: Settings, *, migrate: bool) -> Catalog:
    """The catalog that the settings name; see ``Catalog.open``."""
    if settings.uses_sqlite:
        return Catalog.open(f"sqlite:///{settings.state / 'catalog.sqlite'}", migrate=migrate)
    return Catalog.open(settings.catalog.get_secret_value(), migrate=migrate)


def index_store(settings: Settings) -> IndexStore:
    """The store that the settings name."""
    if not isinstance(settings.index, EdgeIndex):
        raise ConfigurationError(
            "this release has the embedded store only",
            where=settings.where("index", "store"),
            next_step="Write index: {store: edge}",
        )
    return EdgeStore(settings.state / "index")


def embedder(settings: Settings) -> SentenceTransformerEmbedder:
    """The embedder that the settings name; its model is loaded at the first text."""
    return SentenceTransformerEmbedder(settings.embedding.model, batch_size=settings.embedding.batch_size)


def bm25(settings: Settings) -> Bm25Encoder:
    """The sparse encoder, the same for documents and queries."""
    chosen = settings.retrieval.bm25
    return Bm25Encoder(k1=chosen.k1, b=chosen.b, average_tokens=chosen.average_tokens)


def retrieval_fingerprint(settings: Settings) -> str:
    """Digest of everything that turns a question into a ranking."""
    return digest(settings.retrieval)
