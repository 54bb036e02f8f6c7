"""What a good ``lockgate.yaml`` becomes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from rag.access import EVERYBODY, NOBODY, AccessRule
from rag.errors import ConfigurationError
from rag.settings import EdgeIndex, QdrantIndex, load_settings
from tests.rag.settings.conftest import MINIMAL, Load

CONTRACT = """\
project: acme
state: .lockgate                       # embedded catalog, index, caches
catalog: sqlite                        # or postgresql+psycopg://...   (secrets by ${ENV_VAR})
index: {store: edge}                   # or {store: qdrant, url: ..., api_key: ${QDRANT_API_KEY}}
embedding: {model: default}
chunking: {max_tokens: 256, overlap_tokens: 32}
groups: data/groups.yaml
sources:
  - name: handbook
    connector: filesystem
    path: data/handbook
    access: {default: deny}
    freshness: {max_lag: 24h}
    owner: docs@acme.example
    schedule: "0 * * * *"
golden: [data/golden/*.jsonl]
gate:
  metrics: {"nDCG@10": {floor: 0.60, margin: 0.02}}
"""


def test_the_example_of_the_contract_loads(load: Load, tmp_path: Path) -> None:
    settings = load(CONTRACT)
    assert settings.project == "acme"
    assert settings.uses_sqlite
    assert settings.groups == tmp_path / "data/groups.yaml"
    assert settings.golden == (f"{tmp_path}/data/golden/*.jsonl",)
    [source] = settings.sources
    assert (source.name, source.connector, source.owner) == ("handbook", "filesystem", "docs@acme.example")
    assert source.schedule == "0 * * * *"
    assert source.freshness.max_lag == timedelta(days=1)
    assert source.options == {"path": "data/handbook"}
    assert (settings.gate.metrics["nDCG@10"].floor, settings.gate.metrics["nDCG@10"].margin) == (0.6, 0.02)


def test_what_is_left_out_has_its_documented_default(load: Load, tmp_path: Path) -> None:
    settings = load(MINIMAL)
    assert settings.state == tmp_path / ".lockgate"
    assert settings.uses_sqlite
    assert settings.index == EdgeIndex()
    assert (settings.embedding.model, settings.embedding.batch_size) == ("default", 32)
    assert (settings.chunking.max_tokens, settings.chunking.overlap_tokens) == (256, 32)
    assert settings.parsing.timeout == timedelta(seconds=60)
    retrieval = settings.retrieval
    assert (retrieval.fusion, retrieval.rrf_k, retrieval.candidates) == ("rrf", 10, 100)
    assert (retrieval.bm25.k1, retrieval.bm25.b, retrieval.bm25.average_tokens) == (0.9, 0.4, 120)
    assert settings.groups is None
    assert settings.golden == ()
    assert {name: (gate.floor, gate.margin) for name, gate in settings.gate.metrics.items()} == {
        "nDCG@10": (0.6, 0.02)
    }
    assert (settings.gate.resamples, settings.gate.confidence, settings.gate.seed) == (2000, 0.95, 0)
    [source] = settings.sources
    assert source.access.rule == NOBODY
    assert source.freshness.max_lag is None
    assert (source.owner, source.schedule, source.options) == (None, None, {})


def test_paths_start_at_the_file_and_not_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/lockgate.yaml").write_text("state: there\ngroups: /etc/groups.yaml\n" + MINIMAL)
    monkeypatch.chdir(tmp_path)
    settings = load_settings("project/lockgate.yaml")
    assert settings.directory == tmp_path / "project"
    assert settings.state == tmp_path / "project/there"
    assert settings.groups == Path("/etc/groups.yaml")


def test_a_folder_with_brackets_in_its_name_is_no_glob(tmp_path: Path) -> None:
    folder = tmp_path / "a[b]"
    folder.mkdir()
    (folder / "lockgate.yaml").write_text(MINIMAL + "golden: ['*.jsonl']\n")
    assert load_settings(folder / "lockgate.yaml").golden == (f"{tmp_path}/a[[]b]/*.jsonl",)


def test_a_model_that_is_plainly_a_path_starts_at_the_file_and_a_name_stays(
    load: Load, tmp_path: Path
) -> None:
    assert load(MINIMAL + "embedding: {model: ./model}\n").embedding.model == f"{tmp_path}/model"
    assert load(MINIMAL + "embedding: {model: org/name}\n").embedding.model == "org/name"


@pytest.mark.parametrize(
    ("default", "rule"),
    [
        ("deny", NOBODY),
        ("public", EVERYBODY),
        ("[]", NOBODY),
        ("[group:eng, 'user:ada']", AccessRule.of(["user:ada", "group:eng"])),
    ],
)
def test_the_default_access_is_a_rule(load: Load, default: str, rule: AccessRule) -> None:
    text = f"project: p\nsources: [{{name: a, connector: c, access: {{default: {default}}}}}]"
    assert load(text).sources[0].access.rule == rule


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
    ],
)
def test_durations_have_four_units(load: Load, text: str, span: timedelta) -> None:
    settings = load(f"project: p\nsources: [{{name: a, connector: c, freshness: {{max_lag: {text}}}}}]")
    assert settings.sources[0].freshness.max_lag == span


def test_a_key_named_options_is_the_connectors_as_well(load: Load) -> None:
    settings = load("project: p\nsources: [{name: a, connector: c, options: {x: 1}, y: [2]}]")
    assert settings.sources[0].options == {"options": {"x": 1}, "y": [2]}


def test_a_qdrant_index_has_a_url_and_a_secret_key(load: Load) -> None:
    settings = load(MINIMAL + "index: {store: qdrant, url: 'http://q:6333', api_key: k3y}\n")
    assert isinstance(settings.index, QdrantIndex)
    assert settings.index.url == "http://q:6333"
    assert settings.index.api_key is not None
    assert settings.index.api_key.get_secret_value() == "k3y"
    assert "k3y" not in repr(settings)


def test_collections_are_named_after_the_project_and_no_two_projects_share_a_name(load: Load) -> None:
    def prefix(project: str, more: str = "") -> str:
        text = (
            f"project: {project}\nindex: {{store: qdrant, url: http://q{more}}}\n" + MINIMAL.split("\n", 1)[1]
        )
        settings = load(text)
        assert isinstance(settings.index, QdrantIndex)
        return settings.index.collection_prefix(settings.project)

    assert prefix("acme") == "lockgate-acme"
    assert prefix("acme", ", prefix: staging") == "staging"
    # SHA-256 of "acme docs" begins with 828c60a8.
    assert prefix("acme docs") == "lockgate-acme-docs-828c60a8"
    assert prefix("acme docs") != prefix("acmé docs") != prefix("acme-docs")


def test_settings_do_not_change(load: Load) -> None:
    settings = load(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        settings.project = "other"  # type: ignore[misc]


def test_settings_know_the_line_of_a_key(load: Load, tmp_path: Path) -> None:
    settings = load(CONTRACT)
    assert settings.where("sources", 0, "path") == f"{tmp_path}/lockgate.yaml:11"
    assert settings.where("sources", 0) == f"{tmp_path}/lockgate.yaml:9"
    assert settings.where("sources", 0, "not there") == f"{tmp_path}/lockgate.yaml:9"


def test_a_source_is_found_by_name_and_the_nearest_is_offered(load: Load) -> None:
    settings = load(CONTRACT)
    assert settings.source("handbook") is settings.sources[0]
    with pytest.raises(ConfigurationError, match="unknown source 'hanbook'; did you mean 'handbook'"):
        settings.source("hanbook")
