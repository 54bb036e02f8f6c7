"""The groups file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import ConfigurationError
from rag.settings import load_groups


def written(folder: Path, text: str) -> Path:
    path = folder / "groups.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_is_no_groups() -> None:
    assert load_groups(None) == {}


def test_groups_have_direct_members_which_may_be_groups(tmp_path: Path) -> None:
    path = written(tmp_path, '{"group:eng": ["user:ada@acme.example", "group:platform"], "group:none": []}')
    assert load_groups(path) == {
        "group:eng": frozenset({"user:ada@acme.example", "group:platform"}),
        "group:none": frozenset(),
    }


def test_groups_may_hold_each_other(tmp_path: Path) -> None:
    path = written(tmp_path, "group:a: [group:b]\ngroup:b: [group:a]\n")
    assert load_groups(path) == {"group:a": {"group:b"}, "group:b": {"group:a"}}


def test_the_environment_has_no_place_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "ada")
    assert load_groups(written(tmp_path, "group:a: ['user:${WHO}']\n")) == {"group:a": {"user:${WHO}"}}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("group:a: [user:x]\nuser:y: [user:x]\n", 2, "'user:y' is not a group; write group:NAME"),
        ("group:a: [user:x]\npublic: [user:x]\n", 2, "'public' is not a group; write group:NAME"),
        ("eng: [user:x]\n", 1, "'eng' is not a principal"),
        ("group:a:\n  - user:x\n  - public\n", 3, "group:a: public is everybody, and a member of no group"),
        ("group:a:\n  - user:x\n  - ada\n", 3, "group:a: 'ada' is not a principal"),
        ("group:a:\n  - user:x\n  - 5\n", 3, "group:a: a principal is needed"),
        ("group:a:\n  - [user:x]\n", 2, "group:a: a principal is needed"),
        ("group:a: user:x\n", 1, "group:a: expected a list of members"),
        ("group:a:\n", 1, "group:a: expected a list of members"),
        ("group:a: [user:x]\ngroup:a: [user:y]\n", 2, "duplicate key 'group:a'; the first is on line 1"),
        ("- group:a\n", 1, "expected groups, each with a list of members"),
        ("", 1, "the file is empty"),
        ("group:a: [\n", 2, "not YAML"),
    ],
)
def test_anything_else_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_groups(path)
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.what.startswith(what)


def test_a_configured_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_groups(tmp_path / "groups.yaml")
