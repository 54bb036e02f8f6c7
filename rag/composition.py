"""The composition root of ``rag``: the one place where settings become objects."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from math import ceil
from os import PathLike
from pathlib import Path
from typing import Any

from rag.answering.answerer import Answerer, Search, answering_fingerprint, usual_support
from rag.answering.assistant import Assistant
from rag.answering.openai_model import ModelPin, OpenAIModel
from rag.answering.prompts import load_prompt, packaged_prompt
from rag.answering.setup import AnsweringSetup, PinnedModel
from rag.catalog import Catalog
from rag.embedding import Embedder, SentenceTransformerEmbedder
from rag.errors import CatalogError, IndexStoreError
from rag.identity import TokenVerifier
from rag.index import Bm25Encoder, EdgeStore, IndexStore
from rag.maintenance import MARKER
from rag.retrieval import AccessLog, EncodersOf, QueryCache, RetrievalSettings, Retriever
from rag.settings import EdgeIndex, LanguageModel, Settings, digest, load_settings


def open_retriever(config: str | PathLike[str], *, application: str | None = None) -> Retriever:
    """See ``Retriever.open``."""
    settings = load_settings(Path(config))
    verifier = TokenVerifier.of(settings.identity) if settings.identity else None
    catalog = open_catalog(settings, migrate=False)
    log = access_log(settings, application or Path(sys.argv[0]).name or "python")

    def close() -> None:
        catalog.close()
        if log is not None:
            log.close()

    configured = embedder(settings)
    return Retriever(
        catalog,
        index_store(settings),
        configured,
        bm25(settings),
        RetrievalSettings(candidates=settings.retrieval.candidates, rrf_k=settings.retrieval.rrf_k),
        encoders_of=encoders_of(settings, configured),
        verifier=verifier,
        cache=QueryCache(settings.caches.queries),
        log=log,
        on_close=close,
    )


def open_assistant(config: str | PathLike[str], *, application: str | None = None) -> Assistant:
    """See ``Assistant.open``."""
    settings = load_settings(Path(config))
    retriever = open_retriever(config, application=application)
    catalog = open_catalog(settings, migrate=False)
    closing = ExitStack()
    closing.callback(catalog.close)
    closing.callback(retriever.close)
    configured = embedder(settings)

    def make(setup: AnsweringSetup | None) -> Answerer:
        return answerer(settings, setup or answering_setup(settings), retriever.search_version, configured)

    return Assistant(catalog, make, closing=closing)


def answering_setup(settings: Settings) -> AnsweringSetup:
    """What answers by the settings. Raises ``ConfigurationError`` for a prompt that cannot be used."""
    chosen = settings.answering
    model = chosen.model
    return AnsweringSetup(
        prompt=load_prompt(chosen.prompt) if chosen.prompt else packaged_prompt(),
        model=_pinned(model) if model else None,
        passages=chosen.passages,
        min_support=chosen.min_support,
    )


def answerer(settings: Settings, setup: AnsweringSetup, search: Search, encoder: Embedder) -> Answerer:
    """The answerer of a setup."""
    return Answerer(
        search,
        _model(settings, setup),
        setup.prompt,
        encoder,
        passages=setup.passages,
        min_support=setup.min_support,
    )


def answering_digest(settings: Settings, setup: AnsweringSetup, encoder: Embedder) -> str:
    """The fingerprint of what a setup answers; see ``answering_fingerprint``."""
    model = _model(settings, setup)
    support = usual_support(model) if setup.min_support is None else setup.min_support
    return answering_fingerprint(setup.prompt, model, setup.passages, support, encoder)


def _model(settings: Settings, setup: AnsweringSetup) -> OpenAIModel | None:
    """Key, limits and prices of its model are those of the settings, if they name its endpoint."""
    if setup.model is None:
        return None
    configured = settings.answering.model
    known = configured is not None and configured.url == setup.model.url
    return OpenAIModel(model_pin(setup.model, configured if known else None))


def model_pin(pinned: PinnedModel, configured: LanguageModel | None) -> ModelPin:
    """A model that can be called: what is pinned, with key, limits and prices as configured."""
    limits = configured or LanguageModel(url=pinned.url, name=pinned.name)
    return ModelPin(
        url=pinned.url,
        name=pinned.name,
        api_key=limits.api_key.get_secret_value() if limits.api_key else None,
        timeout_seconds=limits.timeout.total_seconds(),
        attempts=limits.attempts,
        temperature=pinned.temperature,
        seed=pinned.seed,
        max_tokens=pinned.max_tokens,
        prompt_price=limits.prompt_price,
        completion_price=limits.completion_price,
    )


def configured_pin(model: LanguageModel) -> ModelPin:
    """The model of these settings, whole."""
    return model_pin(_pinned(model), model)


def _pinned(model: LanguageModel) -> PinnedModel:
    return PinnedModel(model.url, model.name, model.temperature, model.seed, model.max_tokens)


def access_log(settings: Settings, application: str) -> AccessLog | None:
    """Where an application's searches are noted down; None where the settings turn that off."""
    if not settings.access.log.enabled:
        return None
    return AccessLog(
        access_log_folder(settings),
        application=application,
        questions=settings.access.log.questions,
        retention=settings.access.log.retention,
    )


def access_log_folder(settings: Settings) -> Path:
    """Where the access log lies."""
    return settings.state / "access-log"


def open_catalog(settings: Settings, *, migrate: bool) -> Catalog:
    """The catalog that the settings name; see ``Catalog.open``."""
    marker = vectors_file(settings).with_name(MARKER)
    if marker.exists():
        raise CatalogError(
            "a restore was begun here and not finished",
            where=str(marker),
            state="Nothing is read or written until it is",
            next_step="Run the same lockgate restore again",
        )
    return Catalog.open(catalog_url(settings), migrate=migrate)


def catalog_url(settings: Settings) -> str:
    """The catalog's SQLAlchemy URL; it may hold a password."""
    if settings.uses_sqlite:
        return f"sqlite:///{settings.state / 'catalog.sqlite'}"
    return settings.catalog.get_secret_value()


def vectors_file(settings: Settings) -> Path:
    """Where the vector cache lies."""
    return settings.state / "vectors.sqlite"


def sentences_file(settings: Settings) -> Path:
    """Where the vectors of sentences lie."""
    return settings.state / "sentences.sqlite"


def reports_folder(settings: Settings) -> Path:
    """Where the pages of evaluations lie."""
    return settings.state / "reports"


def index_store(settings: Settings) -> IndexStore:
    """The store that the settings name. No connection is opened before its first call."""
    chosen = settings.index
    if isinstance(chosen, EdgeIndex):
        return EdgeStore(settings.state / "index")
    # Imported here: the client takes a second to import, which those on the embedded store need not wait for.
    from qdrant_client import QdrantClient

    from rag.index.qdrant_server import QdrantServerStore, ServerOptions

    client = QdrantClient(
        url=chosen.url,
        # As a header, for the client warns of every key over http: the settings say what that means.
        headers={"api-key": chosen.api_key.get_secret_value()} if chosen.api_key else None,
        timeout=ceil(chosen.timeout.total_seconds()),
        prefer_grpc=False,
        check_compatibility=False,  # it would connect; the store asks for the release at its first call
    )
    options = ServerOptions(
        address=chosen.url,
        batch_size=chosen.batch_size,
        attempts=chosen.attempts,
        shards=chosen.shards,
        replicas=chosen.replicas,
        write_consistency=chosen.write_consistency,
        quantization=chosen.quantization,
        on_disk=chosen.on_disk,
    )
    return QdrantServerStore(client, prefix=chosen.collection_prefix(settings.project), options=options)


def embedder(settings: Settings) -> SentenceTransformerEmbedder:
    """The embedder that the settings name; its model is loaded at the first text."""
    return SentenceTransformerEmbedder(settings.embedding.model, batch_size=settings.embedding.batch_size)


def encoders_of(settings: Settings, configured: SentenceTransformerEmbedder) -> EncodersOf:
    """Makes the embedder and BM25 of another generation again, or says why that cannot be done.

    Only the model's files must be the same: a newer library goes on serving what an older one embedded.
    """

    def make(made_with: Mapping[str, Any]) -> tuple[SentenceTransformerEmbedder, Bm25Encoder]:
        recipe = made_with.get("recipe")
        if not recipe:
            raise _not_to_be_had(made_with, "it was not noted which model that was")
        made = configured
        if recipe["model_digest"] != configured.model_digest:
            made = SentenceTransformerEmbedder(recipe["model"], batch_size=settings.embedding.batch_size)
        if recipe["model_digest"] != made.model_digest:
            raise _not_to_be_had(made_with, f"the model {recipe['model']} is another one now")
        return made, Bm25Encoder(**recipe["bm25"])

    return make


def _not_to_be_had(made_with: Mapping[str, Any], why: str) -> IndexStoreError:
    return IndexStoreError(
        f"a version cannot be searched with the model that embedded it: {why}",
        where=str(made_with.get("embedder")),
        state="Nothing was searched: vectors of two embedders cannot be compared",
        next_step="Bring that model back, or build and promote a version with the present one",
    )


def recipe(settings: Settings, configured: SentenceTransformerEmbedder) -> dict[str, Any]:
    """What ``encoders_of`` needs to make the configured encoders again."""
    chosen = settings.retrieval.bm25
    return {
        "model": settings.embedding.model,
        "model_digest": configured.model_digest,
        "bm25": {"k1": chosen.k1, "b": chosen.b, "average_tokens": chosen.average_tokens},
    }


def bm25(settings: Settings) -> Bm25Encoder:
    """The sparse encoder, the same for documents and queries."""
    chosen = settings.retrieval.bm25
    return Bm25Encoder(k1=chosen.k1, b=chosen.b, average_tokens=chosen.average_tokens)


def retrieval_fingerprint(settings: Settings) -> str:
    """Digest of everything that turns a question into a ranking."""
    return digest(settings.retrieval)
