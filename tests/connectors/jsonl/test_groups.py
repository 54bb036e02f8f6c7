"""Groups beside the documents of a jsonl source."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import KnowsGroups, build
from rag.errors import DirectoryError, SourceError
from tests.connectors.jsonl.conftest import Jsonl

ENG = '{"_id": "group:eng", "members": ["user:ada", "group:platform"]}\n'


def test_groups_have_direct_members_as_of_the_file(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl(groups="groups.jsonl")
    text = f'\ufeff{ENG}\r\n{{"members": [], "_id": "group:none"}}'
    (tmp_path / "groups.jsonl").write_text(text, encoding="utf-8")
    os.utime(tmp_path / "groups.jsonl", (1_700_000_000, 1_700_000_000))
    snapshot = connector.groups()
    assert isinstance(connector, KnowsGroups)
    assert snapshot is not None
    assert snapshot.members_of == {
        "group:eng": frozenset({"user:ada", "group:platform"}),
        "group:none": frozenset(),
    }
    assert snapshot.observed_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_source_without_the_option_is_not_asked(jsonl: Jsonl, tmp_path: Path) -> None:
    assert jsonl().groups() is None
    assert not isinstance(build("filesystem", {"path": "."}, directory=tmp_path, where="f:1"), KnowsGroups)


def test_the_groups_are_no_documents(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl({"_id": "a", "text": "t"}, path=".", groups="./groups.jsonl")
    (tmp_path / "groups.jsonl").write_text(ENG)
    assert [ref.id for ref in connector.list()] == ["a"]
    with pytest.raises(SourceError, match="there is no document"):
        connector.fetch("group:eng")


def test_groups_may_hold_themselves(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl(groups="g")
    (tmp_path / "g").write_text('{"_id": "group:a", "members": ["group:a"]}\n')
    snapshot = connector.groups()
    assert snapshot is not None
    assert snapshot.members_of == {"group:a": frozenset({"group:a"})}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("not json", "not JSON: Expecting value at character 1"),
        (ENG[:-5], "not JSON"),
        (ENG, "'group:eng' is there twice, first on line 1"),
        ("[" * 100_000, "nested too deeply"),
        ('["group:a"]', "a group is an object with the keys _id and members"),
        ('{"_id": "group:a"}', "a group is an object with the keys _id and members"),
        ('{"_id": "group:a", "Members": []}', "a group is an object with the keys _id and members"),
        (
            '{"_id": "group:a", "members": [], "deny": []}',
            "a group is an object with the keys _id and members",
        ),
        ('{"_id": "group:a", "members": [], "members": ["user:x"]}', "the key 'members' is there twice"),
        ('{"_id": "group:a", "members": null}', "members is not a list of principals"),
        ('{"_id": "group:a", "members": "user:x"}', "members is not a list of principals"),
        ('{"_id": "group:a", "members": ["ada"]}', "'ada' is not a principal"),
        ('{"_id": "group:a", "members": [5]}', "a principal is needed"),
        ('{"_id": "group:a", "members": ["public"]}', "public is everybody, and a member of no group"),
        ('{"_id": "group:a b", "members": []}', "'group:a b' has an empty name, white space"),
        ('{"_id": "user:a", "members": []}', "'user:a' is not a group; write group:NAME"),
        ('{"_id": 5, "members": []}', "a principal is needed"),
        (f'{{"_id": {"1" * 5000}, "members": []}}', "Exceeds the limit"),
    ],
)
def test_anything_else_is_refused_with_its_line(jsonl: Jsonl, tmp_path: Path, line: str, what: str) -> None:
    connector = jsonl(groups="g")
    (tmp_path / "g").write_text(f"{ENG}\n{line}\n")
    with pytest.raises(DirectoryError) as caught:
        connector.groups()
    assert caught.value.what.startswith(what)
    assert caught.value.where == f"{tmp_path / 'g'}:3"
    assert caught.value.state
    assert caught.value.next_step


def test_a_file_without_a_group_or_in_another_encoding_is_refused(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl(groups="g")
    with pytest.raises(DirectoryError, match="does not exist"):
        connector.groups()
    for data, what in [
        (b"", "there is no group in it"),
        (b"\n \n", "there is no group"),
        (b'"\xe9"', "not utf-8"),
    ]:
        (tmp_path / "g").write_bytes(data)
        with pytest.raises(DirectoryError, match=what):
            connector.groups()


def test_a_cut_within_a_line_is_refused(jsonl: Jsonl, tmp_path: Path) -> None:
    """A file that ends with a whole line is a whole file with fewer groups, and cannot be told from one."""
    connector = jsonl(groups="g")
    whole = (ENG + ENG.replace("eng", "ops")).encode().rstrip()
    for length in range(len(whole)):
        (tmp_path / "g").write_bytes(whole[:length])
        if length in (len(ENG) - 1, len(ENG)):
            assert connector.groups() is not None
        else:
            with pytest.raises(DirectoryError):
                connector.groups()
