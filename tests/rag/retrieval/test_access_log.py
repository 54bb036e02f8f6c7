"""Who asked, as whom, and what they were given."""

from __future__ import annotations

import json
import multiprocessing
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rag.access import Subject
from rag.errors import AccessLogError
from rag.retrieval import AccessLog, Retriever
from rag.retrieval.access_log import Asked, Questions, entries, files
from tests.support.harness import ADA, Harness

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
ASKED = Asked("When is payday?", Subject(ADA, frozenset({"group:staff"})), True, "fused", 5, {"source": "s"})


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def log(folder: Path, *, questions: Questions = "digest", clock: Clock | None = None) -> AccessLog:
    return AccessLog(
        folder,
        application="intranet",
        questions=questions,
        retention=timedelta(days=30),
        now=clock or Clock(),
    )


def note(to: AccessLog, asked: Asked = ASKED) -> None:
    to.note(asked, version=3, epoch=12, returned=[("s/pay", 41, 7), ("s/faq", 5, None)])


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in files(folder) for line in path.read_text().splitlines()]


def test_a_line_says_who_asked_as_whom_and_what_came_back_by_which_version_and_rules(tmp_path: Path) -> None:
    note(log(tmp_path, questions="text"))
    assert lines(tmp_path) == [
        {
            "at": "2026-11-27T12:00:00.000+00:00",
            "application": "intranet",
            "principal": ADA,
            "also": ["group:staff"],
            "by": "token",
            "question": "When is payday?",
            "mode": "fused",
            "limit": 5,
            "match": {"source": "s"},
            "version": 3,
            "epoch": 12,
            "returned": [
                {"document": "s/pay", "passage": 41, "rule": 7},
                {"document": "s/faq", "passage": 5, "rule": None},
            ],
        }
    ]


def test_equal_questions_have_equal_digests_in_one_log_and_others_in_another(tmp_path: Path) -> None:
    other = Asked("When is lunch?", ASKED.subject, False, "dense", 5, {})
    for asked in (ASKED, other, ASKED):
        note(log(tmp_path / "a"), asked)  # each is a process of its own, as far as the log can tell
    note(log(tmp_path / "b"))
    first, second, third = (line["question"] for line in lines(tmp_path / "a"))
    assert first == third != second
    assert len(first) == 64
    assert lines(tmp_path / "b")[0]["question"] != first
    assert "payday" not in "".join(path.read_text() for path in files(tmp_path / "a"))


def test_the_question_may_be_left_out(tmp_path: Path) -> None:
    note(log(tmp_path, questions="none"))
    assert lines(tmp_path)[0]["question"] is None


def test_nobody_else_on_the_machine_may_read_it(tmp_path: Path) -> None:
    note(log(tmp_path / "log"))
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "log").iterdir()}
    assert modes == {"2026-11-27.jsonl": 0o600, "key": 0o600}


def test_every_day_has_a_file_and_the_oldest_go(tmp_path: Path) -> None:
    clock = Clock()
    written = log(tmp_path, clock=clock)
    for day in (0, 1, 31):
        clock.now = NOON + timedelta(days=day)
        note(written)
    (tmp_path / "notes.jsonl").write_text("somebody's own\n")
    assert [path.name for path in files(tmp_path)] == ["2026-11-28.jsonl", "2026-12-28.jsonl"]
    assert (tmp_path / "notes.jsonl").exists()


def test_the_latest_line_is_read_first_and_a_cut_one_is_told(tmp_path: Path) -> None:
    clock = Clock()
    written = log(tmp_path, clock=clock)
    note(written)
    clock.now += timedelta(days=1)
    note(written)
    with files(tmp_path)[-1].open("a") as file:
        file.write('{"at": "2026-11')
    found = list(entries(tmp_path))
    assert found[0] is None
    assert [entry["at"][:10] for entry in found[1:] if entry] == ["2026-11-28", "2026-11-27"]


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert list(entries(tmp_path / "nothing")) == []


def write_many(folder: str) -> None:
    written = log(Path(folder))
    for _ in range(200):
        note(written)


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(str(tmp_path),)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    found = lines(tmp_path)
    assert len(found) == 600
    assert len({line["question"] for line in found}) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "access-log"


@pytest.fixture
def logged(harness: Harness, folder: Path) -> Iterator[Retriever]:
    with Retriever(
        harness.catalog, harness.store, harness.embedder, harness.bm25, log=log(folder, questions="text")
    ) as retriever:
        yield retriever


def test_a_search_is_noted_with_what_it_returned_and_no_text_of_it(logged: Retriever, folder: Path) -> None:
    hits = logged.search("merger", principal="user:ada", limit=1)
    [line] = lines(folder)
    assert [each["document"] for each in line["returned"]] == [hit.document for hit in hits] == ["s/plan"]
    assert (line["principal"], line["by"], line["version"]) == ("user:ada", "application", 1)
    assert hits[0].text not in json.dumps(line)


def test_what_nobody_found_is_noted_too(logged: Retriever, folder: Path) -> None:
    assert logged.search("merger", principal="public", match={"document": "s/plan"}) == []
    assert lines(folder)[0]["returned"] == []


def test_what_cannot_be_noted_is_not_answered(logged: Retriever, folder: Path) -> None:
    folder.write_text("somebody put a file here")
    with pytest.raises(AccessLogError, match="cannot be noted") as caught:
        logged.search("merger", principal="user:ada")
    assert caught.value.state == "Nothing was answered"
    assert "merger" not in str(caught.value)


def test_a_full_disk_is_told(folder: Path) -> None:
    written = log(folder)
    note(written)
    written.close()
    path = files(folder)[0]
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(AccessLogError, match="No space left"):
        note(written)
