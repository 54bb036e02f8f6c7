"""Fetching finds a line where the listing saw it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.jsonl import connector as module
from connectors.jsonl.record import Record, parse_record
from rag.errors import SourceError, SourceUnavailableError
from tests.connectors.jsonl.conftest import Jsonl


def test_a_thousand_fetches_parse_a_thousand_lines(jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = jsonl(*({"_id": number, "text": f"text {number}"} for number in range(1000)))
    ids = [ref.id for ref in connector.list()]
    parsed = 0

    def counting(line: str) -> Record:
        nonlocal parsed
        parsed += 1
        return parse_record(line)

    monkeypatch.setattr(module, "parse_record", counting)
    assert [connector.fetch(id).data for id in ids] == [f"text {number}".encode() for number in range(1000)]
    assert parsed == 1000


def test_a_text_that_changed_since_the_listing_is_not_given_out(jsonl: Jsonl) -> None:
    connector = jsonl({"_id": "a", "text": "open", "metadata": {"access": {"allow": ["public"]}}})
    [_] = connector.list()
    jsonl({"_id": "a", "text": "shut", "metadata": {"access": {"allow": ["user:a"]}}})
    with pytest.raises(SourceUnavailableError, match="changed while it was read") as caught:
        connector.fetch("a")
    assert caught.value.next_step == "List the source again."
    [_] = connector.list()
    assert connector.fetch("a").data == b"shut"


def test_a_line_that_moved_since_the_listing_is_not_mistaken(jsonl: Jsonl) -> None:
    connector = jsonl({"_id": "a", "text": "1"}, {"_id": "b", "text": "2"})
    assert len(list(connector.list())) == 2
    jsonl({"_id": "b", "text": "2"}, {"_id": "a", "text": "1"})
    with pytest.raises(SourceUnavailableError):
        connector.fetch("a")


def test_an_unknown_id_during_a_listing_makes_fetch_look_at_all_lines(jsonl: Jsonl) -> None:
    connector = jsonl(*({"_id": name, "text": name} for name in "abc"))
    listing = connector.list()
    assert next(listing).id == "a"
    assert connector.fetch("c").data == b"c"
    assert [ref.id for ref in listing] == ["b", "c"]


@pytest.mark.parametrize(
    ("id", "name"), [("a/b c?.d", "a_b_c_.d.txt"), ("../..", ".._...txt"), ("é", "é.txt")]
)
def test_the_name_is_the_id_without_what_a_file_name_cannot_hold(jsonl: Jsonl, id: str, name: str) -> None:
    assert jsonl({"_id": id, "text": "t"}).fetch(id).name == name


def test_a_file_that_is_gone_for_an_id_never_listed_is_an_error(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl({"_id": "a", "text": "t"})
    (tmp_path / "docs.jsonl").unlink()
    with pytest.raises(SourceError):
        connector.fetch("a")
