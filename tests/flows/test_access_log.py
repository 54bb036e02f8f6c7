"""lockgate access log: who asked, as whom, and what they were given."""

from __future__ import annotations

import shutil

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import ADA, CLEO, STRANGER, TinyProject

SALARIES = "pages/board/salaries.txt"


@pytest.fixture
def promoted(promoted: TinyProject) -> TinyProject:
    """One of which nobody has asked anything yet."""
    shutil.rmtree(promoted.state / "access-log", ignore_errors=True)
    return promoted


def test_what_was_searched_is_found_by_who_asked_and_by_what_they_got(promoted: TinyProject) -> None:
    for reader in (ADA, CLEO, STRANGER, ADA):
        assert lockgate("search", "parental leave", "--as", reader, "--json", project=promoted).code == 0
    every = lockgate("access", "log", "--json", project=promoted).json
    assert [each["principal"] for each in every["entries"]] == [ADA, STRANGER, CLEO, ADA]
    assert {each["application"] for each in every["entries"]} == {"lockgate search"}
    assert every["unreadable"] == 0
    of_ada = lockgate("access", "log", "--as", ADA, "-n", "1", "--json", project=promoted).json["entries"]
    assert [each["principal"] for each in of_ada] == [ADA]
    given = lockgate("access", "log", "--document", SALARIES, "--json", project=promoted).json["entries"]
    assert {each["principal"] for each in given} == {CLEO}
    page = lockgate("access", "log", project=promoted)
    assert (page.code, page.err) == (0, "")
    assert SALARIES in page.out


def test_a_log_that_is_turned_off_is_not_written(promoted: TinyProject) -> None:
    promoted.replace_in_config("state: .lockgate", "state: .lockgate\naccess: {log: {enabled: false}}")
    assert lockgate("search", "parental leave", "--as", ADA, "--json", project=promoted).code == 0
    assert lockgate("access", "log", "--json", project=promoted).json == {"entries": [], "unreadable": 0}
    assert not (promoted.state / "access-log").exists()


def test_what_is_no_principal_is_refused(promoted: TinyProject) -> None:
    ended = lockgate("access", "log", "--as", "ada", project=promoted)
    assert ended.code == 2
    assert "'ada' is not a principal" in ended.err
