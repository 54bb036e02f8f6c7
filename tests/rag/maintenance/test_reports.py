from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import EvaluationError
from rag.maintenance.reports import forget_reports, keep_latest, report_name, write_report

NOON = datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)


def name(version: int, minutes: int = 0) -> str:
    return report_name(version, NOON + timedelta(minutes=minutes))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_report_is_named_by_its_version_and_the_time_in_utc() -> None:
    assert report_name(12, NOON) == "evaluation-v12-20260131T120005Z.html"
    assert report_name(12, NOON.astimezone(timezone(timedelta(hours=5)))) == report_name(12, NOON)


def test_only_its_owner_can_open_a_report_or_its_folder(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write_report(tmp_path / "state" / "reports", name(1), "<p>é</p>\n")
    finally:
        os.umask(before)
    assert path.read_bytes() == "<p>é</p>\n".encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    folder.chmod(0o755)
    write_report(folder, name(1), "x")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_report_of_the_same_name_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_report(tmp_path, name(1), "old")
    path = write_report(tmp_path, name(1), "new")
    assert path.read_text() == "new"
    assert names(tmp_path) == [name(1)]


def test_halves_of_characters_do_not_keep_a_report_from_being_written(tmp_path: Path) -> None:
    assert write_report(tmp_path, name(1), "a\ud800b").read_text() == "a?b"


@pytest.mark.parametrize(
    "wrong",
    ["", "../evaluation-v1-20260131T120005Z.html", "evaluation-v1.html", "index.html", f"{name(1)}/x"],
)
def test_a_file_of_another_name_is_not_written(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(EvaluationError, match="not that of a report"):
        write_report(tmp_path / "reports", wrong, "x")
    assert names(tmp_path) == []


def test_where_the_folder_cannot_be_made_it_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(EvaluationError, match="cannot be written") as caught:
        write_report(tmp_path / "reports", name(1), "a secret of the document")
    assert caught.value.where == str(tmp_path / "reports" / name(1))
    assert caught.value.state
    assert caught.value.next_step
    assert "secret" not in str(caught.value)
    assert (tmp_path / "reports").read_text() == "a file"


def test_where_a_report_cannot_take_its_place_what_was_written_of_it_is_gone(tmp_path: Path) -> None:
    (tmp_path / name(1)).mkdir()
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_report(tmp_path, name(1), "x")
    assert names(tmp_path) == [name(1)]


@settings(max_examples=25)
@given(versions=st.lists(st.integers(1, 3), max_size=8), most=st.integers(0, 10))
def test_the_latest_are_kept_by_the_time_in_their_names_and_not_of_their_files(
    tmp_path_factory: pytest.TempPathFactory, versions: list[int], most: int
) -> None:
    folder = tmp_path_factory.mktemp("reports")
    written = [name(version, minutes) for minutes, version in enumerate(versions)]
    for one in reversed(written):
        write_report(folder, one, "x")
    assert keep_latest(folder, most) == max(0, len(written) - most)
    assert names(folder) == sorted(written[max(0, len(written) - most) :])


def test_files_of_other_names_are_neither_counted_nor_removed(tmp_path: Path) -> None:
    for other in ("notes.txt", ".hidden", f"{name(1)}.bak"):
        (tmp_path / other).write_text("mine")
    write_report(tmp_path, name(1), "x")
    assert keep_latest(tmp_path, 1) == 0
    assert forget_reports(tmp_path) == 1
    assert names(tmp_path) == sorted(["notes.txt", ".hidden", f"{name(1)}.bak"])


def test_a_purge_leaves_no_report_and_none_that_is_being_written(tmp_path: Path) -> None:
    for minutes in range(3):
        write_report(tmp_path, name(1, minutes), "x")
    (tmp_path / f".{name(2)}.0123abcd.new").write_text("half a rep")
    assert forget_reports(tmp_path) == 3
    assert names(tmp_path) == []
    assert forget_reports(tmp_path) == 0


def test_what_a_killed_run_has_left_goes_after_an_hour_and_not_before(tmp_path: Path) -> None:
    old, fresh = tmp_path / f".{name(1)}.0123abcd.new", tmp_path / f".{name(2)}.0123abcd.new"
    for path in (old, fresh):
        path.write_text("half a rep")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    assert keep_latest(tmp_path) == 0
    assert names(tmp_path) == [fresh.name]


def test_without_a_folder_there_is_nothing_to_remove(tmp_path: Path) -> None:
    assert keep_latest(tmp_path / "none") == 0
    assert forget_reports(tmp_path / "none") == 0


def test_a_report_that_cannot_be_removed_is_an_error_after_all_others_are_gone(tmp_path: Path) -> None:
    (tmp_path / name(1, 0)).mkdir()
    write_report(tmp_path, name(1, 1), "x")
    with pytest.raises(EvaluationError, match="cannot be removed") as caught:
        forget_reports(tmp_path)
    assert caught.value.where == str(tmp_path / name(1, 0))
    assert names(tmp_path) == [name(1, 0)]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(EvaluationError, match="cannot be removed"):
        forget_reports(tmp_path / "reports")
