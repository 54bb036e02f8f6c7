"""What a line says of its document."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rag.access import NOBODY, AccessRule
from rag.errors import SourceError, SourceUnavailableError
from tests.connectors.jsonl.conftest import Jsonl

GOOD: dict[str, object] = {"_id": "good", "text": "fine"}


def test_a_line_of_beir_is_a_document(jsonl: Jsonl) -> None:
    line = {
        "_id": "4983",
        "title": "Parental  leave\n",
        "text": "Sixteen weeks.",
        "metadata": {
            "uri": "https://acme.example/leave",
            "modified_at": "2024-03-01T12:00:00+02:00",
            "access": {"allow": ["group:staff"], "deny": ["user:bob"]},
            "language": {"any": ["thing"]},
        },
        "another": "key",
    }
    connector = jsonl(line)
    [ref] = connector.list()
    assert (ref.id, ref.title, ref.uri, ref.problem) == (
        "4983",
        "Parental leave",
        "https://acme.example/leave",
        None,
    )
    assert ref.modified_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert ref.access == AccessRule.of(["group:staff"], ["user:bob"])
    assert connector.fetch("4983").data == b"Sixteen weeks."


def test_only_id_and_text_are_needed(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl({"_id": "a", "title": "", "text": "", "metadata": None})
    os.utime(tmp_path / "docs.jsonl", ns=(0, 1_700_000_000_000_000_000))
    [ref] = connector.list()
    assert (ref.title, ref.uri, ref.access, ref.problem) == (None, None, None, None)
    assert ref.modified_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01T12:00:00", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01T12:00:00Z", datetime(2024, 3, 1, 12, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc(jsonl: Jsonl, written: str, instant: datetime) -> None:
    [ref] = jsonl({**GOOD, "metadata": {"modified_at": written}}).list()
    assert ref.modified_at == instant
    assert ref.modified_at.tzinfo is not None


@pytest.mark.parametrize(("number", "id"), [(7, "7"), (-1, "-1"), (1.5, "1.5"), (10**400, "1" + "0" * 400)])
def test_a_number_is_an_id(jsonl: Jsonl, number: float, id: str) -> None:
    connector = jsonl({"_id": number, "text": "t"})
    assert [ref.id for ref in connector.list()] == [id]
    assert connector.fetch(id).data == b"t"


def test_blank_lines_and_windows_line_ends_do_not_matter(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl()
    unix = b'{"_id": "a", "text": "1"}\n{"_id": "b", "text": "2"}'
    (tmp_path / "docs.jsonl").write_bytes(unix)
    plain = [(ref.id, ref.fingerprint) for ref in connector.list()]
    (tmp_path / "docs.jsonl").write_bytes(
        b"\xef\xbb\xbf" + unix.replace(b"\n", b"\r\n\r\n  \r\n") + b"\r\n\n"
    )
    windows = [(ref.id, ref.fingerprint) for ref in connector.list()]
    assert [id for id, _ in windows] == ["a", "b"]
    assert windows[1] == plain[1]
    assert connector.fetch("a").data == b"1"
    assert connector.fetch("b").data == b"2"


def test_another_encoding_may_be_named(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl(encoding="cp1252")
    (tmp_path / "docs.jsonl").write_bytes(b'{"_id": "a", "text": "caf\xe9"}\n')
    assert connector.fetch("a").data.decode() == "café"


def test_an_unchanged_line_keeps_its_fingerprint_wherever_it_moves(jsonl: Jsonl) -> None:
    [before] = jsonl(GOOD).list()
    _, after = jsonl({"_id": "first", "text": "t"}, GOOD).list()
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ({}, "text is missing or not a string"),
        ({"text": None}, "text is missing or not a string"),
        ({"text": ["a"]}, "text is missing or not a string"),
        ({"text": "\ud800"}, "text has half a character in it (a lone surrogate)"),
        ({"text": "t", "title": 5}, "title is not a string"),
        ({"text": "t", "title": "a\u0000"}, "title has a control character in it"),
        ({"text": "t", "metadata": []}, "metadata is not an object"),
        ({"text": "t", "metadata": {"uri": 5}}, "metadata.uri is not a string"),
        ({"text": "t", "metadata": {"uri": "a\u001b[0m"}}, "metadata.uri has a control character in it"),
        ({"text": "t", "metadata": {"modified_at": "soon"}}, "metadata.modified_at is not a date and time"),
        ({"text": "t", "metadata": {"modified_at": 1700000000}}, "metadata.modified_at is not a date and"),
        (
            {"text": "t", "metadata": {"modified_at": "0001-01-01T00:00:00+14:00"}},
            "metadata.modified_at is not",
        ),
        ({"text": "t", "metadata": {"access": None}}, "an access rule has the keys allow and deny"),
        ({"text": "t", "metadata": {"access": "public"}}, "an access rule has the keys allow and deny"),
        ({"text": "t", "metadata": {"access": {"alow": []}}}, "an access rule has the keys allow and deny"),
        ({"text": "t", "metadata": {"access": {"allow": "public"}}}, "allow is not a list of principals"),
        ({"text": "t", "metadata": {"access": {"allow": ["all"]}}}, "'all' is not a principal"),
    ],
)
def test_a_line_with_an_id_and_something_wrong_is_listed_with_the_reason(
    jsonl: Jsonl, rest: dict[str, object], problem: str
) -> None:
    connector = jsonl({"_id": "bad", **rest}, GOOD)
    bad, good = connector.list()
    assert bad.id == "bad"
    assert str(bad.problem).startswith(problem)
    assert (bad.access, bad.title, bad.uri) == (None, None, None)
    assert (good.id, good.problem) == ("good", None)
    with pytest.raises(SourceError, match="'bad' cannot be read"):
        connector.fetch("bad")


def test_of_two_keys_alike_neither_is_believed(jsonl: Jsonl) -> None:
    access = '{"allow": ["user:ada"], "allow": ["public"]}'
    [ref] = jsonl(f'{{"_id": "a", "text": "t", "metadata": {{"access": {access}}}}}').list()
    assert (ref.access, ref.problem) == (None, "the key 'allow' is there twice")


def test_a_rule_without_allow_allows_nobody(jsonl: Jsonl) -> None:
    [ref] = jsonl({**GOOD, "metadata": {"access": {}}}).list()
    assert (ref.access, ref.problem) == (NOBODY, None)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("not json", "not JSON: Expecting value at character 1"),
        ('{"_id": "a", "text": ', "not JSON"),
        ('["a"]', "not a JSON object"),
        ('"a"', "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"text": "t"}', "_id is not"),
        ('{"_id": "", "text": "t"}', "_id is not"),
        ('{"_id": null, "text": "t"}', "_id is not"),
        ('{"_id": true, "text": "t"}', "_id is not"),
        ('{"_id": ["a"], "text": "t"}', "_id is not"),
        ('{"_id": NaN, "text": "t"}', "_id is not"),
        ('{"_id": 1e999, "text": "t"}', "_id is not"),
        ('{"_id": "a\\nb", "text": "t"}', "_id is not"),
        ('{"_id": "\\ud800", "text": "t"}', "_id is not"),
        (f'{{"_id": "{"a" * 513}", "text": "t"}}', "_id is not"),
        (f'{{"_id": {"1" * 5000}, "text": "t"}}', "Exceeds the limit"),
        ('{"_id": "a", "_id": "b", "text": "t"}', "_id is there twice"),
    ],
)
def test_a_line_without_a_usable_id_fails_the_listing_and_is_named(
    jsonl: Jsonl, line: str, what: str
) -> None:
    with pytest.raises(SourceError) as caught:
        list(jsonl(GOOD, "", line).list())
    assert caught.value.what.startswith(what)
    assert caught.value.where.endswith("docs.jsonl:3")
    assert not isinstance(caught.value, SourceUnavailableError)


def test_a_line_in_another_encoding_fails_the_listing(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl()
    (tmp_path / "docs.jsonl").write_bytes(b'{"_id": "a", "text": "caf\xe9"}\n')
    with pytest.raises(SourceError, match=r"docs\.jsonl:1: not utf-8"):
        list(connector.list())


@pytest.mark.parametrize(("first", "second"), [("a", "a"), (1, "1")])
def test_an_id_that_comes_twice_fails_the_listing_and_names_both_lines(
    jsonl: Jsonl, first: object, second: object
) -> None:
    connector = jsonl({"_id": first, "text": "t"}, GOOD, {"_id": second})
    with pytest.raises(SourceError, match=r"is there twice, first at .*docs\.jsonl:1") as caught:
        list(connector.list())
    assert caught.value.where.endswith("docs.jsonl:3")


def test_a_long_file_is_read_a_line_at_a_time(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl(GOOD, "not json")
    listing = connector.list()
    assert next(listing).id == "good"
    with pytest.raises(SourceError):
        next(listing)


def test_a_file_that_changes_during_the_listing_fails_it(jsonl: Jsonl, tmp_path: Path) -> None:
    listing = jsonl(GOOD, {"_id": "b", "text": "t"}).list()
    assert next(listing).id == "good"
    with open(tmp_path / "docs.jsonl", "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"_id": "c", "text": "t"}) + "\n")
    with pytest.raises(SourceUnavailableError, match="changed while it was read"):
        list(listing)
