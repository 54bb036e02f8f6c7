"""From ``lockgate.yaml`` to a retriever."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Retriever
from rag.composition import open_catalog, retrieval_fingerprint
from rag.errors import CatalogError, ConfigurationError, ReleaseError
from rag.settings import load_settings

CONFIG = """\
project: tiny
sources:
  - {name: pages, connector: filesystem, path: pages, access: {default: public}}
"""


def written(folder: Path, more: str = "") -> Path:
    path = folder / "lockgate.yaml"
    path.write_text(CONFIG + more)
    return path


def test_a_project_that_was_never_ingested_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="lockgate ingest"):
        Retriever.open(written(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["lockgate.yaml"]


def test_a_project_without_a_promotion_says_so_and_closes_what_it_opened(tmp_path: Path) -> None:
    config = written(tmp_path)
    open_catalog(load_settings(config), migrate=True).close()
    with Retriever.open(config) as retriever, pytest.raises(ReleaseError, match="lockgate run"):
        retriever.search("anything", principal="public", mode="sparse")


def test_a_missing_configuration_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Retriever.open(tmp_path / "nowhere.yaml")


def test_the_fingerprint_of_retrieval_follows_its_settings_alone(tmp_path: Path) -> None:
    plain = retrieval_fingerprint(load_settings(written(tmp_path)))
    assert retrieval_fingerprint(load_settings(written(tmp_path, "state: elsewhere\n"))) == plain
    assert retrieval_fingerprint(load_settings(written(tmp_path, "retrieval: {rrf_k: 60}\n"))) != plain
