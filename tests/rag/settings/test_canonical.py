"""Equal settings have equal canonical texts."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from rag.settings import Chunking, Gate, MetricGate, Parsing, canonical, digest
from tests.rag.settings.conftest import MINIMAL, Load


def test_keys_are_sorted_and_there_is_no_space() -> None:
    assert canonical(Chunking()) == '{"max_tokens":256,"overlap_tokens":32}'


def test_durations_are_seconds() -> None:
    assert canonical(Parsing(timeout=timedelta(minutes=2), max_bytes=1)) == '{"max_bytes":1,"timeout":120.0}'


def test_the_order_of_metrics_does_not_matter() -> None:
    one = Gate(metrics={"MRR": MetricGate(floor=0.1), "P@5": MetricGate(floor=0.2)})
    other = Gate(metrics={"P@5": MetricGate(floor=0.2), "MRR": MetricGate(floor=0.1)})
    assert canonical(one) == canonical(other)
    assert digest(one) == digest(other)


def test_secrets_are_left_out(load: Load) -> None:
    text = (
        MINIMAL
        + "index: {store: qdrant, url: http://q, api_key: k3y}\ncatalog: postgresql+psycopg://u:pw@h/d\n"
    )
    canonical_text = canonical(load(text))
    assert '"store":"qdrant","timeout":10.0,"url":"http://q","write_consistency":1}' in canonical_text
    assert "api_key" not in canonical_text
    assert "k3y" not in canonical_text
    assert "pw" not in canonical_text


def test_a_digest_is_the_sha256_of_the_canonical_texts_as_a_json_list() -> None:
    listed = '["{\\"max_tokens\\":256,\\"overlap_tokens\\":32}"]'
    assert digest(Chunking()) == hashlib.sha256(listed.encode()).hexdigest()
    assert digest(Chunking()) != digest(Chunking(), Chunking())
    assert digest(Chunking()) != digest(Chunking(max_tokens=255))
