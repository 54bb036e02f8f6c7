"""The exported ledger: it comes back whole, and says so where it does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.access import AccessRule
from rag.errors import LedgerError
from rag.releases import export_ledger, read_ledger
from rag.releases.ledger import story, verify
from tests.rag.catalog.opening import opened
from tests.rag.releases.ledgers import SECRET, write_six


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Nine lines and the last: header, six entries, one rule, the memberships, the end."""
    path = tmp_path / "ledger.jsonl"
    with opened(tmp_path) as catalog:
        write_six(catalog)
        with catalog.read() as session:
            path.write_text("".join(export_ledger(session, project="acme")), encoding="utf-8")
    return path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rewrite(path: Path, lines: list[dict[str, Any]]) -> None:
    """Writes the file as one who knows its format would: with the right end."""
    body = "".join(json.dumps(line) + "\n" for line in lines[:-1])
    end = {"end": len(lines) - 1, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    path.write_text(body + json.dumps(end) + "\n", encoding="utf-8")


def test_a_ledger_comes_back_as_it_was(tmp_path: Path, exported: Path) -> None:
    found = read_ledger(exported)
    with opened(tmp_path) as catalog, catalog.read() as session:
        assert [row.model_dump() for row in found.entries] == [row.model_dump() for row in story(session)]
        assert found.head == verify(session).head
        assert found.hash_at(2) == story(session)[1].hash
    assert found.hash_at(0) == ""
    assert (found.project, found.last_version) == ("acme", 2)
    assert found.access_epoch > 0
    assert found.rules == {SECRET.digest: SECRET}
    assert [(row.member, row.group, row.origin) for row in found.memberships] == [
        ("user:ada", "group:board", "groups")
    ]


def test_every_line_but_the_last_counts(exported: Path) -> None:
    lines = lines_of(exported)
    assert [set(line) & {"format", "number", "rule", "memberships", "end"} for line in lines] == [
        {"format"},
        *[{"number"}] * 6,
        {"rule"},
        {"memberships"},
        {"end"},
    ]
    assert lines[-1]["end"] == 9


def test_an_empty_ledger_comes_back_empty(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with opened(tmp_path) as catalog, catalog.read() as session:
        path.write_text("".join(export_ledger(session, project="acme")), encoding="utf-8")
    found = read_ledger(path)
    assert (found.entries, found.head, found.rules, found.memberships) == ((), "", {}, ())
    assert (found.last_version, found.access_epoch) == (0, 0)


def test_a_file_that_was_cut_anywhere_is_told(tmp_path: Path, exported: Path) -> None:
    whole = exported.read_bytes()
    cut = tmp_path / "cut.jsonl"
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(LedgerError, match="line "):
            read_ledger(cut)


def test_a_byte_that_was_flipped_anywhere_is_told(tmp_path: Path, exported: Path) -> None:
    whole = exported.read_bytes()
    flipped = tmp_path / "flipped.jsonl"
    for place in range(0, len(whole), 23):
        flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(LedgerError):
            read_ledger(flipped)


def of_entry(number: int, **changes: object) -> Callable[[list[dict[str, Any]]], None]:
    return lambda lines: lines[number].update(changes)


def change_rule(lines: list[dict[str, Any]]) -> None:
    lines[7]["deny"] = []


def drop(*places: int) -> Callable[[list[dict[str, Any]]], None]:
    def dropped(lines: list[dict[str, Any]]) -> None:
        for place in sorted(places, reverse=True):
            del lines[place]

    return dropped


def swap(one: int, other: int) -> Callable[[list[dict[str, Any]]], None]:
    def swapped(lines: list[dict[str, Any]]) -> None:
        lines[one], lines[other] = lines[other], lines[one]

    return swapped


@pytest.mark.parametrize(
    ("forge", "line", "words"),
    [
        (of_entry(3, reasons=["nobody will know"]), 4, "entry 3 was changed"),
        (of_entry(3, decided_at="2026-01-01T00:00:00+00:00"), 4, "entry 3 was changed"),
        (of_entry(3, decided_at="yesterday"), 4, "time"),
        (of_entry(3, decided_at="2026-01-01T00:00:00"), 4, "no zone"),
        (of_entry(3, version=True), 4, "no entry of a ledger"),
        (of_entry(3, version="3"), 4, "no entry of a ledger"),
        (of_entry(3, checks=[7]), 4, "no entry of a ledger"),
        (of_entry(3, details={"value": float("nan")}), 4, "entry 3 was changed"),
        (of_entry(3, extra=1), 4, "no entry of a ledger"),
        (of_entry(3, previous="0" * 64), 4, "does not follow"),
        (drop(3), 4, "entry 4 stands where entry 3 belongs"),
        (drop(1), 2, "entry 2 stands where entry 1 belongs"),
        (drop(6), 9, "5 entries, and 6 were written"),
        (swap(2, 3), 3, "entry 3 stands where entry 2 belongs"),
        (change_rule, 8, "its digest"),
        (drop(8), 9, "cut"),
        (lambda lines: lines.insert(9, lines[8]), 10, "no line of an exported ledger"),
        (lambda lines: lines[8].update(memberships=[["a", "b"]]), 9, "memberships cannot be read"),
        (lambda lines: lines[0].update(head="0" * 64), 10, "header names"),
        (lambda lines: lines[0].update(project=None), 10, "project"),
        (lambda lines: lines[0].update(entries="6"), 1, "entries"),
        (lambda lines: lines[0].update(format=None), 1, "does not begin"),
    ],
)
def test_a_file_put_together_by_hand_is_refused_and_the_line_named(
    exported: Path, forge: Callable[[list[dict[str, Any]]], None], line: int, words: str
) -> None:
    lines = lines_of(exported)
    forge(lines)
    rewrite(exported, lines)
    with pytest.raises(LedgerError, match=words) as caught:
        read_ledger(exported)
    assert caught.value.where == f"{exported}, line {line}"


def test_what_stands_after_the_end_is_refused(exported: Path) -> None:
    with exported.open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(LedgerError, match="after the end"):
        read_ledger(exported)


def test_a_file_of_a_newer_release_is_refused_and_says_so(exported: Path) -> None:
    lines = lines_of(exported)
    lines[0]["format"] = 3
    rewrite(exported, lines)
    with pytest.raises(LedgerError, match=r"newer release \(format 3, this one reads 2\)") as caught:
        read_ledger(exported)
    assert "Install" in caught.value.next_step


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"[]\n", b"7\n", b"\xff\xfe\n", b"{}\n", b"[" * 100_000 + b"\n"]
)
def test_what_is_no_ledger_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="line "):
        read_ledger(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        read_ledger(tmp_path / "none")


def test_a_rule_that_is_missing_leaves_a_document_to_nobody(exported: Path) -> None:
    lines = lines_of(exported)
    del lines[7]
    rewrite(exported, lines)
    assert read_ledger(exported).rules == {}


def test_rules_that_no_entry_names_stay_at_home(exported: Path) -> None:
    assert AccessRule.of(["public"]).digest not in read_ledger(exported).rules
