"""The main job on the sample company in data/, and strangers at its door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.project import opened
from rag import Retriever
from tests.flows.commands import lockgate

ROOT = Path(__file__).parents[2]
PUBLIC = ("handbook/careers/", "files/sales/public/")
"""The folders that their access files open to everybody."""
STRANGERS = ("user:visitor@partner.example", "user:nobody@nowhere.example")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own settings, with another state folder."""
    settings = yaml.safe_load((ROOT / "lockgate.yaml").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("acme")
    settings["groups"] = str(ROOT / settings["groups"])
    settings["golden"] = [str(ROOT / glob) for glob in settings["golden"]]
    for source in settings["sources"]:
        source["path"] = str(ROOT / source["path"])
    path = folder / "lockgate.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def first_run(prefect_api: str, config: Path) -> dict[str, Any]:
    ended = lockgate("run", "--json", "--config", str(config))
    assert ended.code == 0, ended.err
    return ended.json


@pytest.fixture(scope="module")
def retriever(first_run: dict[str, Any], config: Path) -> Iterator[Retriever]:
    with Retriever.open(config) as opened_retriever:
        yield opened_retriever


def test_the_sample_company_is_ingested_measured_and_promoted(first_run: dict[str, Any]) -> None:
    assert first_run["ingest"]["documents"]["quarantined"] == 0
    assert first_run["ingest"]["documents"]["seen"] >= 60
    assert first_run["evaluate"]["leaks"] == []
    assert first_run["evaluate"]["failures"] == []
    fused, plain = (first_run["evaluate"][each]["nDCG@10"]["mean"] for each in ("metrics", "baseline"))
    assert fused > plain
    assert first_run["promote"]["decision"] == "promote"


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_gets_what_is_public_whatever_is_asked(
    config: Path, retriever: Retriever, stranger: str
) -> None:
    with opened(config) as project:
        questions = [question.question for question in project.golden.questions]
    found = {
        hit.document for each in questions for hit in retriever.search(each, principal=stranger, limit=10)
    }
    assert found
    assert {document for document in found if not document.startswith(PUBLIC)} == set()


def test_the_example_of_the_readme_finds_the_page_on_parental_leave(retriever: Retriever) -> None:
    hits = retriever.search("How long is parental leave?", principal="user:ada@acme.example", limit=5)
    assert "handbook/parental-leave.md" in [hit.document for hit in hits]
