"""The page of an evaluation: written for whoever may read all, and gone with what was purged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.flows.commands import lockgate
from tests.flows.conftest import FirstRuns
from tests.flows.projects import QUESTIONS, TinyProject

COFFEE = "second Tuesday"


@pytest.fixture
def promoted(promoted: TinyProject) -> TinyProject:
    """With a question that expects another document than answers it: pages quote where something is wrong."""
    promoted.write_questions({**QUESTIONS, "coffee": (QUESTIONS["coffee"][0], "notes/printer")})
    return promoted


def evaluated(project: TinyProject) -> Path:
    """The page of an evaluation."""
    ended = lockgate("evaluate", "--json", project=project)
    assert ended.code == 0, ended.err
    return Path(ended.json["page"])


def holding(folder: Path, *needles: bytes) -> list[str]:
    """The files below ``folder`` that have some of these bytes in them."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if any(needle in content for needle in needles):
            found.append(str(path.relative_to(folder)))
    return found


def vectors_in(project: TinyProject, database: str) -> dict[str, bytes]:
    """By the hash of their text."""
    rows = project.rows("SELECT text_hash, vector FROM vector", database)
    return dict(rows)


def test_an_evaluation_leaves_a_page_that_only_its_owner_can_read(promoted: TinyProject) -> None:
    page = evaluated(promoted)
    assert page.parent == promoted.state / "reports"
    assert re.fullmatch(r"evaluation-v1-\d{8}T\d{6}Z\.html", page.name)
    assert (page.stat().st_mode & 0o777, page.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    text = page.read_text(encoding="utf-8")
    assert COFFEE in text
    assert "When are coffee beans ordered?" in text


def test_a_page_asks_no_other_machine_for_anything(promoted: TinyProject) -> None:
    text = evaluated(promoted).read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(\s*["']?http""", text)
    assert "<script src" not in text


def test_the_page_is_linked_in_the_ui_with_where_it_lies(first_runs: FirstRuns) -> None:
    from tests.flows.prefect_runs import artifacts, inner_runs, main_run

    page = first_runs.first.json["evaluate"]["page"]
    found = artifacts(inner_runs(main_run(first_runs.project))["evaluate the candidate"].id)
    link = found["evaluation-page"]
    assert Path(page).as_uri() in str(link.data)
    assert page in (link.description or "")
    # in Prefect stands where it lies, never what it quotes
    assert not any(COFFEE in str(each.data) for each in found.values())


def test_the_link_is_to_where_pages_are_served(promoted: TinyProject) -> None:
    from tests.flows.prefect_runs import artifacts, client

    promoted.replace_in_config("gate:\n", "evaluation: {pages_url: 'https://reports.example/rag/'}\ngate:\n")
    page = evaluated(promoted)
    with client() as server:
        (run,) = [
            each for each in server.read_flow_runs() if each.parameters.get("config") == str(promoted.config)
        ]
    assert f"https://reports.example/rag/{page.name}" in str(artifacts(run.id)["evaluation-page"].data)


def test_a_purge_takes_pages_and_sentence_vectors_with_it(promoted: TinyProject) -> None:
    page = evaluated(promoted)
    sentences = vectors_in(promoted, "sentences.sqlite")
    ((coffee,),) = promoted.rows("SELECT text_hash FROM chunk WHERE text LIKE 'Coffee beans%'")
    assert coffee in sentences  # its one sentence is the whole passage
    assert "reports/" + page.name in holding(promoted.state, COFFEE.encode())
    assert "sentences.sqlite" in holding(promoted.state, sentences[coffee][:64])

    purged = lockgate("purge", "notes/coffee", "--json", project=promoted)
    assert (purged.code, purged.json["erased"]) == (0, True)
    assert list((promoted.state / "reports").iterdir()) == []
    assert vectors_in(promoted, "sentences.sqlite") == {}
    of_others = vectors_in(promoted, "vectors.sqlite").values()
    gone = [vector[:64] for vector in set(sentences.values()) - set(of_others)]
    assert sentences[coffee][:64] in gone
    assert holding(promoted.state, COFFEE.encode(), *gone) == []

    again = evaluated(promoted).read_text(encoding="utf-8")
    assert COFFEE not in again
    assert "Kestrel" in again
    assert holding(promoted.state, COFFEE.encode()) == []
    assert coffee not in vectors_in(promoted, "sentences.sqlite")


def test_only_the_latest_pages_are_kept_and_files_of_others_stay(promoted: TinyProject) -> None:
    folder = promoted.state / "reports"
    folder.mkdir(exist_ok=True)
    old = [folder / f"evaluation-v1-202501{day:02d}T000000Z.html" for day in range(1, 32)]
    mine = folder / "notes.txt"
    for path in (*old, mine):
        path.write_text("old", encoding="utf-8")
    page = evaluated(promoted)
    kept = set(folder.iterdir())
    assert {page, mine, old[-1]} <= kept
    assert old[0] not in kept
    assert len(kept) == 30 + 1


def test_a_folder_that_cannot_be_written_fails_the_command_and_keeps_the_measurement(
    ingested: TinyProject,
) -> None:
    (ingested.state / "reports").write_text("a file", encoding="utf-8")
    ended = lockgate("evaluate", "--json", project=ingested)
    assert (ended.code, ended.out) == (1, "")
    assert "the report cannot be written" in ended.err
    assert "The measurement itself is kept" in ended.err
    assert ingested.content()["evaluation"] == 1


@pytest.mark.parametrize("url", ["ftp://reports.example", "https://user:secret@reports.example", "reports"])
def test_an_address_that_is_none_is_refused_without_its_password(promoted: TinyProject, url: str) -> None:
    promoted.replace_in_config("gate:\n", f"evaluation: {{pages_url: '{url}'}}\ngate:\n")
    ended = lockgate("evaluate", project=promoted)
    assert (ended.code, ended.out) == (2, "")
    assert "pages_url" in ended.err
    assert "secret" not in ended.err
