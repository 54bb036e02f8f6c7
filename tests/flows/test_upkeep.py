"""purge, sweep, backup, restore, ledger and the deletion breaker, as the commands they are."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import ADA, CLEO, NOTES, TinyProject


def documents(project: TinyProject, query: str, reader: str = ADA) -> list[str]:
    ended = lockgate("search", query, "--as", reader, "-k", "100", "--json", project=project)
    assert ended.code == 0, ended.err
    return [hit["document"] for hit in ended.json["hits"]]


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def run_again(project: TinyProject) -> int:
    """A run after which another version is promoted; its number."""
    project.write_notes({**NOTES, "lift": "The lift is serviced every spring by the caretaker."})
    ended = lockgate("run", "--json", project=project)
    assert ended.code == 0, ended.err
    return int(ended.json["promote"]["version"])


def test_a_purged_document_is_gone_at_once_and_stays_away(promoted: TinyProject) -> None:
    assert "notes/coffee" in documents(promoted, "coffee beans")
    purged = lockgate("purge", "notes/coffee", "--by", "ops", "--json", project=promoted)
    assert (purged.code, purged.json) == (0, {"purged": "notes/coffee", "new": True, "erased": True})
    assert "notes/coffee" not in documents(promoted, "coffee beans")
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "index", "vectors.sqlite"):
        path = promoted.state / name
        if path.exists():
            held = path.read_bytes() if path.is_file() else bytes_below(path)
            assert b"second Tuesday" not in held, name

    assert run_again(promoted) == 2  # the source still has it
    assert "notes/coffee" not in documents(promoted, "coffee beans")
    assert lockgate("rollback", "--json", project=promoted).json == {"from": 2, "to": 1}
    assert "notes/coffee" not in documents(promoted, "coffee beans")
    again = lockgate("purge", "notes/coffee", "--json", project=promoted)
    assert (again.code, again.json["new"]) == (0, False)


def test_a_purge_is_undone_with_the_word_for_it_only(promoted: TinyProject) -> None:
    lockgate("purge", "notes/coffee", project=promoted)
    refused = lockgate("purge", "notes/coffee", "--undo", project=promoted)
    assert refused.code == 2
    assert "--confirm undo-purge" in refused.err
    undone = lockgate(
        "purge", "notes/coffee", "--undo", "--confirm", "undo-purge", "--json", project=promoted
    )
    assert (undone.code, undone.json) == (0, {"purged": None, "undone": "notes/coffee"})
    assert "notes/coffee" not in documents(promoted, "coffee beans")
    assert lockgate("run", project=promoted).code == 4  # one question of six differs: that settles nothing
    assert lockgate("promote", "--approve", project=promoted).code == 0
    assert "notes/coffee" in documents(promoted, "coffee beans")


def test_an_unknown_document_cannot_be_purged(promoted: TinyProject) -> None:
    ended = lockgate("purge", "notes/cofee", project=promoted)
    assert ended.code == 2
    assert "notes/coffee" in ended.err


def test_the_breaker_holds_and_one_command_confirms(promoted: TinyProject) -> None:
    promoted.replace_in_config("{max_share: 0.9}", "{max_share: 0.2}")
    promoted.write_notes({"printer": NOTES["printer"], "visitors": NOTES["visitors"]})
    before = promoted.content()
    held = lockgate("ingest", "--json", project=promoted)
    assert held.code == 4
    assert "notes: the source no longer lists 1 of its 3 documents; 20% may go at once." in held.err
    assert "--source notes --accept-deletions 1" in held.err
    assert held.json["incidents"][0]["error"] == "DeletionsHeldError"
    assert promoted.content() == before

    assert lockgate("ingest", "--accept-deletions", "1", project=promoted).code == 2
    fewer = lockgate("ingest", "--source", "notes", "--accept-deletions", "0", project=promoted)
    assert fewer.code == 4
    confirmed = lockgate(
        "ingest", "--source", "notes", "--accept-deletions", "1", "--by", "ops", "--json", project=promoted
    )
    assert (confirmed.code, confirmed.json["documents"]["deleted"]) == (0, 1)
    entries = lockgate("ledger", "show", "--json", project=promoted).json["entries"]
    approval = next(entry for entry in entries if entry["kind"] == "approve")
    assert approval["details"] == {"source": "notes", "deleted": 1, "of": 3, "by": "ops"}


def test_a_sweep_takes_what_retention_no_longer_keeps(promoted: TinyProject) -> None:
    with promoted.config.open("a", encoding="utf-8") as file:
        file.write("retention: {promoted: 1, younger_than: 0s}\n")
    assert run_again(promoted) == 2
    dry = lockgate("sweep", "--dry-run", "--json", project=promoted)
    assert (dry.code, dry.json["versions"], dry.json["kept"]) == (0, [1], [2])
    assert [path.name for path in sorted((promoted.state / "index").iterdir())] == ["00000001", "00000002"]
    done = lockgate("sweep", "--json", project=promoted)
    assert (done.code, done.json["versions"]) == (0, [1])
    assert [path.name for path in (promoted.state / "index").iterdir()] == ["00000002"]
    refused = lockgate("rollback", "--to", "1", project=promoted)
    assert refused.code == 2
    assert "taken away by retention" in refused.err
    gone = lockgate("search", "coffee", "--as", ADA, "--version", "1", project=promoted)
    assert gone.code == 2
    assert "notes/coffee" in documents(promoted, "coffee beans")


def test_the_ledger_tells_the_story_and_shows_what_was_touched(promoted: TinyProject, tmp_path: Path) -> None:
    run_again(promoted)
    lockgate("rollback", "--by", "ops", project=promoted)
    sound = lockgate("ledger", "verify", "--json", project=promoted)
    assert (sound.code, sound.json["sound"]) == (0, True)
    entries = lockgate("ledger", "show", "--version", "1", "--json", project=promoted).json["entries"]
    assert [entry["kind"] for entry in entries] == ["promote", "rollback"]
    page = lockgate("ledger", "show", project=promoted)
    assert "rolled back from version 2 to version 1" in page.out

    file = tmp_path / "ledger.jsonl"
    exported = lockgate("ledger", "export", str(file), "--json", project=promoted)
    assert (exported.code, exported.json["head"]) == (0, sound.json["head"])
    assert json.loads(file.read_text(encoding="utf-8").splitlines()[0])["entries"] == sound.json["entries"]

    with sqlite3.connect(promoted.state / "catalog.sqlite") as connection:
        connection.execute("UPDATE ledger SET reasons = '[\"it was very good\"]' WHERE kind = 'promote'")
    connection.close()
    edited = lockgate("ledger", "verify", project=promoted)
    assert edited.code == 1
    assert "(promote" in edited.err
    assert "was changed" in edited.err


def test_a_head_kept_elsewhere_must_be_in_the_chain(promoted: TinyProject) -> None:
    ended = lockgate("ledger", "verify", "--head", "0" * 64, project=promoted)
    assert ended.code == 1
    assert "not a continuation" in ended.err


def test_a_backup_comes_back_with_what_was_purged_and_revoked_since(
    promoted: TinyProject, tmp_path: Path
) -> None:
    backup, ledger = tmp_path / "backup", tmp_path / "ledger.jsonl"
    made = lockgate("backup", str(backup), "--json", project=promoted)
    assert (made.code, made.json["promoted"], made.json["versions"]) == (0, 1, [1])
    assert lockgate("backup", str(backup), project=promoted).code == 1  # it is there already

    lockgate("purge", "notes/coffee", project=promoted)
    promoted.write_page("board/.access.yaml", "allow: []\n")
    assert run_again(promoted) == 2
    assert lockgate("ledger", "export", str(ledger), project=promoted).code == 0

    over = lockgate("restore", str(backup), "--ledger", str(ledger), project=promoted)
    assert over.code == 1
    assert "Nothing was" in over.err

    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "vectors.sqlite"):
        (promoted.state / name).unlink(missing_ok=True)
    shutil.rmtree(promoted.state / "index")
    unsaid = lockgate("restore", str(backup), project=promoted)
    assert unsaid.code == 1
    assert "--without-ledger" in unsaid.err
    back = lockgate("restore", str(backup), "--ledger", str(ledger), "--json", project=promoted)
    assert back.code == 0, back.err
    assert (back.json["promoted"], back.json["unknown_since"]) == (1, None)

    assert "notes/coffee" not in documents(promoted, "coffee beans")
    assert "notes/visitors" in documents(promoted, "visitors badge")
    assert "pages/board/salaries.txt" not in documents(promoted, "salaries", CLEO)
    assert lockgate("ledger", "verify", project=promoted).code == 0
    vectors = promoted.vectors()
    after = lockgate("run", "--json", project=promoted)
    assert after.code == 0, after.err
    assert after.json["promote"]["version"] == 3  # 2 was given before
    assert promoted.vectors() == vectors + 1  # the lift came after the backup
    assert "notes/coffee" not in documents(promoted, "coffee beans")


@pytest.mark.parametrize("command", [["purge", "a/b"], ["sweep"], ["ledger", "verify"]])
def test_without_a_catalog_there_is_nothing_to_do(tiny: TinyProject, command: list[str]) -> None:
    ended = lockgate(*command, project=tiny)
    assert ended.code == 1
    assert "there is no catalog yet" in ended.err
