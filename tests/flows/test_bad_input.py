"""Bad input: the exit code, an error that names the place, and nothing changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.flows.commands import Ended, lockgate, real_lockgate
from tests.flows.projects import ADA, NOTES, TinyProject

EVERY_FLOW = [["ingest"], ["evaluate"], ["promote"], ["run"]]


def refused(ended: Ended, code: int, *said: str) -> None:
    """``ended`` with this code, printed nothing, and said all of ``said``."""
    assert (ended.code, ended.out) == (code, ""), ended
    for each in said:
        assert each in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "command",
    [*EVERY_FLOW, ["status"], ["freshness"], ["rollback"], ["search", "x", "--as", ADA], ["up"]],
)
def test_without_a_configuration_every_command_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(lockgate(*command, "--json"), 2, "lockgate.yaml: the file does not exist.", "lockgate init")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("  - name: pages", "  - name: [pages", 6, "not YAML"),
        ("groups:", "gruops:", 3, "unknown key 'gruops'; did you mean 'groups'?"),
        ("    path: pages", "    pth: pages", 5, "unknown key 'pth'; did you mean 'path'?"),
        ("connector: jsonl", "connector: jsnol", 13, "unknown connector 'jsnol'; did you mean 'jsonl'?"),
        ("nDCG@10", "NDCG", 20, "did you mean 'nDCG@10'?"),
        ("floor: 0.30", "floor: 30", 20, "at most 1"),
        ('"0 * * * *"', '"0 * * *"', 12, "five cron fields"),
        ("project: tiny", "project: ${LOCKGATE_TEST_UNSET}", 1, "LOCKGATE_TEST_UNSET is not set"),
    ],
)
def test_a_wrong_configuration_is_refused_at_its_line(
    tiny: TinyProject, old: str, new: str, line: int, said: str
) -> None:
    tiny.replace_in_config(old, new)
    ended = lockgate("ingest", "--json", project=tiny)
    refused(ended, 2, said)
    assert f"lockgate.yaml:{line}" in ended.err
    assert not (tiny.state / "catalog.sqlite").exists()


def test_the_value_of_a_variable_is_never_told(tiny: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKGATE_TEST_SECRET", "hunter2")
    tiny.replace_in_config("state: .lockgate", "catalog: ${LOCKGATE_TEST_SECRET}")
    ended = lockgate("ingest", project=tiny)
    refused(ended, 2, "lockgate.yaml:2")
    assert "hunter2" not in ended.err


def test_wrong_groups_are_refused_at_their_line(promoted: TinyProject) -> None:
    (promoted.root / "groups.yaml").write_text('"group:staff": []\n"staff": []\n', encoding="utf-8")
    before = promoted.content()
    refused(lockgate("ingest", project=promoted), 2, "groups.yaml:2", "'staff' is not a principal")
    assert promoted.content() == before


@pytest.mark.parametrize("command", EVERY_FLOW)
def test_a_bad_golden_line_is_refused_by_every_flow_before_any_work(
    promoted: TinyProject, command: list[str]
) -> None:
    with (promoted.root / "golden.jsonl").open("a", encoding="utf-8") as file:
        file.write(
            '{"id": "x", "question": "?", "principal": "user:a", "kind": "answerabel", "expected": {}}\n'
        )
    promoted.write_notes({**NOTES, "new": "A new note about the garden."})
    before = promoted.content()
    refused(lockgate(*command, project=promoted), 2, "golden.jsonl:8", "unknown kind 'answerabel'")
    assert promoted.content() == before


def test_an_expected_document_that_never_existed_is_refused_with_the_nearest(promoted: TinyProject) -> None:
    promoted.write_questions({"leave": ("How long is leave?", "pages/leaf.md")})
    before = promoted.content()
    refused(
        lockgate("evaluate", project=promoted),
        2,
        "golden.jsonl:1",
        "unknown document 'pages/leaf.md'; the nearest known is 'pages/leave.md'",
    )
    assert promoted.content() == before


def test_an_unknown_source_is_refused_with_the_nearest(promoted: TinyProject) -> None:
    before = promoted.content()
    refused(
        lockgate("ingest", "--source", "page", project=promoted),
        2,
        "lockgate.yaml:4: unknown source 'page'; did you mean 'pages'?",
    )
    assert promoted.content() == before


@pytest.mark.parametrize("arguments", [["ingset"], ["ingest", "--sorce", "pages"], ["access"], []])
def test_an_unknown_command_or_option_is_wrong_usage(arguments: list[str]) -> None:
    ended = lockgate(*arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert (ended.out + ended.err).strip()


def test_a_new_source_that_lists_nothing_fails_and_the_other_is_ingested(tiny: TinyProject) -> None:
    (tiny.root / "pages").rename(tiny.root / "elsewhere")
    tiny.pages.mkdir()
    ended = lockgate("ingest", "--json", project=tiny)
    assert ended.code == 1
    assert ended.json["incidents"][0]["source"] == "pages"
    assert "pages: the source lists no document." in ended.err
    assert ended.json["documents"]["added"] == 3
    assert ended.json["version"] == 1


def test_a_source_that_lists_nothing_any_more_is_held_and_nothing_is_deleted(promoted: TinyProject) -> None:
    (promoted.root / "notes.jsonl").write_text("", encoding="utf-8")
    before = promoted.content()
    ended = lockgate("ingest", "--json", project=promoted)
    assert ended.code == 4
    assert "notes: the source lists no document, and 3 of its documents are in the catalog." in ended.err
    assert "all of them stay as they are" in ended.err
    assert promoted.content() == before
    status = lockgate("status", "--json", project=promoted).json
    assert status["sources"][1]["documents"] == {"active": 3}
    assert "lists no document" in status["sources"][1]["incident"]
    found = lockgate("search", "coffee beans", "--as", ADA, "--json", project=promoted).json
    assert found["hits"][0]["document"] == "notes/coffee"


def test_a_source_that_vanished_fails_deletes_nothing_and_holds_nobody_up(promoted: TinyProject) -> None:
    promoted.pages.rename(promoted.root / "elsewhere")
    promoted.write_notes({**NOTES, "lift": "The lift is serviced every spring by the caretaker."})
    ended = real_lockgate("run", "--json", cwd=promoted.root)
    assert ended.code == 1
    assert ended.err == f"lockgate: {promoted.pages}: the folder of this source does not exist.\n"
    assert list(ended.json) == ["ingest", "evaluate", "promote"]
    ingest = ended.json["ingest"]
    assert (ingest["version"], ingest["documents"]["added"], ingest["documents"]["deleted"]) == (2, 1, 0)
    assert [each["error"] for each in ingest["incidents"]] == ["SourceVanishedError"]
    assert ended.json["promote"]["decision"] == "promote", ended.json["promote"]["reasons"]
    found = lockgate("search", "parental leave", "--as", ADA, "--json", project=promoted).json
    assert (found["version"], found["hits"][0]["document"]) == (2, "pages/leave.md")
    pages, notes = lockgate("freshness", "--json", project=promoted).json["sources"]
    assert pages["lag_seconds"] > notes["lag_seconds"]  # the listing before is as old as it was
    assert pages["fresh"]

    (promoted.root / "elsewhere").rename(promoted.pages)
    again = lockgate("ingest", "--json", project=promoted)
    assert (again.code, again.json["incidents"], again.json["built"]) == (0, [], False)
    status = lockgate("status", "--json", project=promoted).json
    assert [each["incident"] for each in status["sources"]] == [None, None]


def test_a_document_without_a_rule_is_kept_out_with_the_reason(promoted: TinyProject) -> None:
    (promoted.pages / ".access.yaml").unlink()
    ended = lockgate("ingest", "--json", project=promoted)
    assert ended.code == 0
    assert ended.json["documents"]["quarantined"] == 2
    status = lockgate("status", "--json", project=promoted).json
    assert [each["document"] for each in status["quarantined"]] == ["pages/bicycles.txt", "pages/leave.md"]
    assert status["quarantined"][0]["reason"] == (
        "no access rule covers it, and the source's default is deny: nobody may read it"
    )
    assert "kept out: 2\n" in lockgate("status", project=promoted).out
    # At once and on the promoted version, which still holds its text.
    found = lockgate("search", "parental leave", "--as", ADA, "--json", project=promoted).json
    assert found["version"] == 1
    assert "pages/leave.md" not in [hit["document"] for hit in found["hits"]]


def test_an_access_file_that_is_not_understood_keeps_its_folder_out(promoted: TinyProject) -> None:
    promoted.write_page("board/.access.yaml", "allow: group:board\n")
    ended = lockgate("ingest", "--json", project=promoted)
    assert (ended.code, ended.json["documents"]["quarantined"]) == (0, 1)
    kept_out = lockgate("status", "--json", project=promoted).json["quarantined"]
    assert [each["document"] for each in kept_out] == ["pages/board/salaries.txt"]
    assert "board/.access.yaml:1" in kept_out[0]["reason"]


def test_a_damaged_index_says_what_to_do_and_a_rebuild_repairs_it(promoted: TinyProject) -> None:
    largest = max(
        (path for path in (promoted.state / "index" / "00000001").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    os.truncate(largest, 1000)
    question = ("search", "parental leave", "--as", ADA, "--json")
    refused(
        lockgate(*question, project=promoted),
        1,
        str(promoted.state / "index" / "00000001"),
        "this index version is damaged",
        "Run lockgate ingest --rebuild",
    )
    refused(lockgate("promote", "--json", project=promoted), 1, "this index version is damaged")

    rebuilt = lockgate("ingest", "--rebuild", "--json", project=promoted)
    assert rebuilt.code == 0
    assert rebuilt.json["version"] == 2
    assert rebuilt.json["chunks"] == {"total": 6, "embedded": 0, "reused": 6}
    assert lockgate("evaluate", "--version", "2", project=promoted).code == 0
    assert lockgate("promote", "--version", "2", "--json", project=promoted).json["decision"] == "promote"
    found = lockgate(*question, project=promoted)
    assert found.json["hits"][0]["document"] == "pages/leave.md"


def test_an_index_that_is_gone_says_what_to_do(promoted: TinyProject) -> None:
    (promoted.state / "index" / "00000001").rename(promoted.root / "gone")
    refused(
        lockgate("search", "leave", "--as", ADA, project=promoted),
        1,
        "the index of version 1 is not there",
        "Run lockgate ingest --rebuild",
    )


def test_a_state_folder_that_cannot_be_is_refused(tiny: TinyProject) -> None:
    tiny.state.write_text("a file", encoding="utf-8")
    refused(lockgate("ingest", project=tiny), 2, str(tiny.state), "the state folder cannot be made")
    assert tiny.state.read_text(encoding="utf-8") == "a file"


@pytest.mark.parametrize("command", [["status"], ["ingest"], ["search", "x", "--as", ADA]])
def test_a_catalog_that_is_none_is_refused_and_left_alone(tiny: TinyProject, command: list[str]) -> None:
    tiny.state.mkdir()
    catalog = tiny.state / "catalog.sqlite"
    catalog.write_text("no database at all, " * 100, encoding="utf-8")
    refused(lockgate(*command, project=tiny), 1, str(catalog), "the catalog cannot be opened")
    assert catalog.read_text(encoding="utf-8") == "no database at all, " * 100
