"""The main job with the catalog on PostgreSQL and the index on a Qdrant server, over real connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import ADA, CLEO, NOTES, STRANGER, TinyProject, tiny_project
from tests.support.qdrant_http import KEY, Fault, QdrantHttp

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


@pytest.fixture
def qdrant() -> Iterator[QdrantHttp]:
    with QdrantHttp() as server:
        yield server


@pytest.fixture
def project(
    tmp_path: Path, qdrant: QdrantHttp, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> TinyProject:
    """The tiny project on both servers, with nothing ingested."""
    project = tiny_project(tmp_path / "tiny")
    monkeypatch.setenv("LOCKGATE_CATALOG", postgres_url)
    monkeypatch.setenv("LOCKGATE_KEY", KEY)
    project.replace_in_config(
        "state: .lockgate\n",
        "state: .lockgate\ncatalog: ${LOCKGATE_CATALOG}\n"
        f"index: {{store: qdrant, url: '{qdrant.url}', api_key: '${{LOCKGATE_KEY}}', timeout: 2s, attempts: 2}}\n"
        "retention: {promoted: 2, younger_than: 0s}\n",
    )
    return project


def documents(project: TinyProject, query: str, reader: str) -> list[str]:
    ended = lockgate("search", query, "--as", reader, "-k", "100", "--json", project=project)
    assert ended.code == 0, ended.err
    return [hit["document"] for hit in ended.json["hits"]]


def test_the_whole_life_of_a_project_on_servers(project: TinyProject, tmp_path: Path) -> None:
    first = lockgate("run", "--json", project=project)
    assert first.code == 0, first.err
    assert not (project.state / "catalog.sqlite").exists()
    assert not (project.state / "index").exists()
    assert documents(project, "parental leave", ADA)[0] == "pages/leave.md"
    assert "pages/board/salaries.txt" in documents(project, "salaries", CLEO)
    assert set(documents(project, "salaries", STRANGER)) == {f"notes/{id}" for id in NOTES}

    project.write_notes({**NOTES, "lift": "The lift is serviced every spring by the caretaker."})
    second = lockgate("run", "--json", project=project)
    assert second.code == 0, second.err
    assert (second.json["promote"]["version"], second.json["ingest"]["chunks"]["embedded"]) == (2, 1)
    unchanged = lockgate("ingest", "--json", project=project)
    assert (unchanged.code, unchanged.json["built"]) == (0, False)

    assert lockgate("purge", "notes/coffee", "--json", project=project).json["erased"] is True
    (project.pages / "board" / ".access.yaml").write_text("allow: []\n", encoding="utf-8")
    assert lockgate("ingest", project=project).code == 0
    assert lockgate("rollback", "--to", "1", "--json", project=project).json == {"from": 2, "to": 1}
    assert "notes/coffee" not in documents(project, "coffee beans", ADA)
    assert "pages/board/salaries.txt" not in documents(project, "salaries", CLEO)
    assert "notes/lift" not in documents(project, "lift", ADA)

    backup = lockgate("backup", str(tmp_path / "backup"), "--json", project=project)
    assert backup.code == 0, backup.err
    assert lockgate("sweep", project=project).code == 0
    assert lockgate("ledger", "verify", project=project).code == 0
    status = lockgate("status", "--json", project=project).json
    assert (status["promoted"]["version"], status["erasing"], status["writing"]) == (1, 0, False)


def test_a_server_that_fails_leaves_the_promoted_version_and_the_next_run_completes(
    project: TinyProject, qdrant: QdrantHttp
) -> None:
    assert lockgate("run", project=project).code == 0
    project.write_notes({**NOTES, "lift": "The lift is serviced every spring by the caretaker."})
    qdrant.order(Fault.HALF, times=100)
    failed = lockgate("ingest", project=project)
    assert failed.code == 1
    assert "the promoted version is untouched" in failed.err
    assert KEY not in failed.err
    assert "notes/lift" not in documents(project, "lift", ADA)
    assert documents(project, "coffee beans", ADA)[0] == "notes/coffee"
    qdrant.heal()
    again = lockgate("run", "--json", project=project)
    assert again.code == 0, again.err
    assert again.json["promote"]["version"] == 2
    assert documents(project, "who services the lift", ADA)[0] == "notes/lift"


def test_a_server_that_is_not_there_is_named_without_its_key(
    project: TinyProject, qdrant: QdrantHttp
) -> None:
    assert lockgate("run", project=project).code == 0
    qdrant.stop()
    ended = lockgate("search", "coffee", "--as", ADA, project=project)
    assert ended.code == 1
    assert qdrant.url in ended.err
    assert KEY not in ended.err
    qdrant.start_again()
    assert documents(project, "coffee beans", ADA)[0] == "notes/coffee"
