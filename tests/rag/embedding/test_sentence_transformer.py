"""The real model: all-MiniLM-L6-v2, from the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import SentenceTransformerEmbedder
from rag.errors import ConfigurationError


@pytest.fixture(scope="module")
def minilm() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder()


def test_vectors_have_unit_length_and_the_order_of_the_texts(minilm: SentenceTransformerEmbedder) -> None:
    texts = ["The cat sleeps.", "word " * 200, "Quarterly revenue rose by a tenth."]
    vectors = minilm.embed_documents(texts)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert float(vector @ minilm.embed_queries([text])[0]) == pytest.approx(1, abs=1e-4)


def test_a_question_is_nearest_to_the_text_that_answers_it(minilm: SentenceTransformerEmbedder) -> None:
    documents = minilm.embed_documents(["A cat is asleep on the sofa.", "The company's revenue rose."])
    assert np.argmax(documents @ minilm.embed_queries(["Where does the kitten nap?"])[0]) == 0
    assert np.argmax(documents @ minilm.embed_queries(["How did sales develop?"])[0]) == 1


def test_no_texts_give_no_vectors_of_the_right_width(minilm: SentenceTransformerEmbedder) -> None:
    assert minilm.embed_documents([]).shape == (0, 384)
    assert minilm.dimension == 384


def test_the_window_is_256_tokens(minilm: SentenceTransformerEmbedder) -> None:
    assert minilm.window_tokens == 256


def test_offsets_cover_every_word_and_are_never_cut_off(minilm: SentenceTransformerEmbedder) -> None:
    text = "Unbelievable naïveté: 3.14 " + "again " * 1000
    spans = minilm.offsets(text)
    covered = {position for start, end in spans for position in range(start, end)}
    assert covered == {position for position, letter in enumerate(text) if not letter.isspace()}
    assert len(spans) > 1000
    assert minilm.offsets("") == []


def test_equal_models_have_equal_fingerprints_and_others_have_not(
    minilm: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    assert SentenceTransformerEmbedder().fingerprint == minilm.fingerprint
    assert SentenceTransformerEmbedder(batch_size=1).fingerprint == minilm.fingerprint
    small = tmp_path / "model"
    small.mkdir()
    (small / "config.json").write_text('{"hidden_size": 4}')
    before = SentenceTransformerEmbedder(str(small)).fingerprint
    copied = shutil.copytree(small, tmp_path / "elsewhere")
    assert SentenceTransformerEmbedder(str(copied)).fingerprint == before
    (small / "config.json").write_text('{"hidden_size": 8}')
    assert SentenceTransformerEmbedder(str(small)).fingerprint != before


def test_a_directory_that_is_no_model_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no config\.json") as caught:
        _ = SentenceTransformerEmbedder(str(tmp_path)).dimension
    assert caught.value.where == str(tmp_path)


def test_a_name_that_is_no_model_is_a_configuration_error_without_a_network() -> None:
    script = (
        "from rag.embedding import SentenceTransformerEmbedder\n"
        "from rag.errors import ConfigurationError\n"
        "try:\n"
        "    SentenceTransformerEmbedder('nobody/no-such-model')\n"
        "except ConfigurationError as error:\n"
        "    print(error.where, '|', error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ended.stdout.startswith("embedding.model |")
    assert "nobody/no-such-model" in ended.stdout


def test_importing_the_package_does_not_load_torch() -> None:
    script = "import sys, rag.embedding; rag.embedding.SentenceTransformerEmbedder(); print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
